"""Regime: does the market trend or revert, is it calm or turbulent, where is it within its range?"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from regimen.features.feature import Feature
from regimen.features.windows import (
    DatedExtremes,
    Ring,
    blend,
    contrast,
    dated_extremes,
    gain,
    log_price,
    share,
    suffix_sums,
)
from regimen.jit import jit
from regimen.scan import Bar

WILDER_GAIN = 1.0 / 14.0
DIRECTION_WARMUP = 60


class DirectionState(NamedTuple):
    """Wilder's directional movement, smoothed."""

    seen: int = 0
    high: float = 0.0
    low: float = 0.0
    plus: float = 0.0
    minus: float = 0.0
    strength: float = 0.0
    weight: float = 0.0


@jit
def direction_step(state: DirectionState, bar: Bar) -> tuple[DirectionState, tuple[float, float]]:
    """Wilder's (1978) directional movement of 14 bars: ADX / 100 and (+DI − −DI) / (+DI + −DI)."""
    if state.seen == 0:
        return DirectionState(1, bar.high, bar.low, 0.0, 0.0, 0.0, 0.0), (np.nan, np.nan)
    rise = bar.high - state.high
    fall = state.low - bar.low
    plus = blend(state.plus, rise if rise > fall and rise > 0.0 else 0.0, WILDER_GAIN)
    minus = blend(state.minus, fall if fall > rise and fall > 0.0 else 0.0, WILDER_GAIN)
    direction = contrast(plus, minus)
    strength = blend(state.strength, abs(direction), WILDER_GAIN)
    weight = blend(state.weight, 1.0, WILDER_GAIN)
    after = DirectionState(state.seen + 1, bar.high, bar.low, plus, minus, strength, weight)
    if state.seen < DIRECTION_WARMUP:
        return after, (np.nan, np.nan)
    return after, (strength / weight, direction)


LAG = 20
HALF_LAG = 10
RANK_LENGTH = 120
GAIN_10 = gain(10.0)
GAIN_60 = gain(60.0)
GAIN_120 = gain(120.0)
DYNAMICS_WARMUP = 130
CALM = 0.5
TURBULENT = 2.5
CALM_STAYS = 0.98
TURBULENT_STAYS = 0.95
RATIO = math.sqrt(CALM / TURBULENT)
TILT = 0.5 * (1.0 / CALM - 1.0 / TURBULENT)


class DynamicsState(NamedTuple):
    """Log closes, their products and squares over one and ten bars, and the probability of turbulence."""

    seen: int = 0
    cursor: int = 0
    rank_cursor: int = 0
    last: float = 0.0
    r: float = 0.0
    path: float = 0.0
    product: float = 0.0
    power: float = 0.0
    long: float = 0.0
    short: float = 0.0
    weight: float = 0.0
    variance: float = 0.0
    turbulence: float = 0.3


@jit
def dynamics_step(
    state: DynamicsState, bar: Bar, ring: Ring, variances: Ring
) -> tuple[DynamicsState, tuple[float, float, float, float, float]]:
    """Efficiency, variance ratio, autocorrelation, rank of the volatility, probability of turbulence.

    - Kaufman's efficiency |ln c_t / c_{t−20}| / Σ |r| over 20 bars;
    - contrast(E_120 r(10)², 10 E_120 r²) with r(10) the ten-bar log return (Lo and MacKinlay 1988);
    - E_60 r_t r_{t−1} / E_60 r²;
    - rank of E_10 r² among its last 120 values, in [−1, 1], ties in the middle;
    - the filtered probability (Hamilton 1989) of the turbulent of two states whose variances are 0.5 and 2.5
      times E_120 r² and which persist with probability 0.98 and 0.95 a bar. Nothing is estimated; r² / E_120
      r² is bounded, so the likelihood ratio is too.

    Row of the first ring: log close, Σ |r|.
    """
    price = log_price(bar.close)
    r = price - state.last if state.seen > 0 else 0.0
    rr = r * r
    k = state.cursor
    half = k - HALF_LAG if k >= HALF_LAG else k + HALF_LAG
    travelled = abs(price - ring[2 * k])
    long = price - ring[2 * half]
    if state.seen < HALF_LAG:
        long = 0.0
    size = abs(r)
    ring[2 * k] = price
    ring[2 * k + 1] = size
    newer = state.path + size
    path = newer + ring[2 * k + 3]
    k += 1
    if k == LAG:
        k = 0
        newer = 0.0
        for i in range(2 * LAG - 3, 0, -2):
            ring[i] += ring[i + 2]
    product = blend(state.product, r * state.r, GAIN_60)
    power = blend(state.power, rr, GAIN_60)
    long_power = blend(state.long, long * long, GAIN_120)
    short_power = blend(state.short, rr, GAIN_120)
    weight = blend(state.weight, 1.0, GAIN_120)
    variance = blend(state.variance, rr, GAIN_10)
    variances[state.rank_cursor] = variance
    rank_cursor = state.rank_cursor + 1
    if rank_cursor == RANK_LENGTH:
        rank_cursor = 0
    shock = share(rr * weight, short_power)
    likelihood = RATIO * math.exp(TILT * shock)
    prior = state.turbulence * (TURBULENT_STAYS + CALM_STAYS - 1.0) + (1.0 - CALM_STAYS)
    turbulent = prior * likelihood
    turbulence = turbulent / (turbulent + (1.0 - prior))
    after = DynamicsState(
        state.seen + 1,
        k,
        rank_cursor,
        price,
        r,
        newer,
        product,
        power,
        long_power,
        short_power,
        weight,
        variance,
        turbulence,
    )
    if state.seen < DYNAMICS_WARMUP:
        return after, (np.nan, np.nan, np.nan, np.nan, np.nan)
    below = 0  # whole numbers: uncompiled, the sum of two truths is their "or"
    for i in range(RANK_LENGTH):
        below += int(variances[i] < variance) + int(variances[i] <= variance)
    return after, (
        share(travelled, path),
        contrast(long_power, HALF_LAG * short_power),
        share(product, power),
        below * (1.0 / RANK_LENGTH) - 1.0,
        turbulence,
    )


RANGE_LENGTH = 120
CLOSES = RANGE_LENGTH + 1


class RangeState(NamedTuple):
    """Extremes of 121 closes with their rows, and the sum of the 120 squared returns between them."""

    seen: int = 0
    cursor: int = 0
    return_cursor: int = 0
    last: float = 0.0
    high: float = -np.inf
    low: float = np.inf
    high_row: float = 0.0
    low_row: float = 0.0
    square: float = 0.0


@jit
def range_step(
    state: RangeState, bar: Bar, extremes: Ring, squares: Ring
) -> tuple[RangeState, tuple[float, float, float]]:
    """Rescaled range, drawdown and the order of the extremes over 120 bars.

    With R the range of the 121 log closes, σ² the mean of the 120 squared log returns: ln(R / σ) / ln 120 (in
    [0, 1]: 0 for alternating, 1 for straight; a Hurst-like exponent without detrending, after Feller 1951);
    ln(c / highest close) / (σ √120) in [−√120, 0]; (age of the highest − age of the lowest close) / 120, the
    latest of equals counting. A constant price gives 0.
    """
    price = log_price(bar.close)
    r = price - state.last if state.seen > 0 else 0.0
    running = DatedExtremes(state.cursor, state.high, state.low, state.high_row, state.low_row)
    running, highest, lowest, high_age, low_age = dated_extremes(running, price, price, extremes, CLOSES)
    square, j = state.square, state.return_cursor
    total = 0.0
    if state.seen > 0:
        squares[j] = r * r
        square += r * r
        total = square + squares[j + 1]
        j += 1
        if j == RANGE_LENGTH:
            j = 0
            square = 0.0
            suffix_sums(squares, RANGE_LENGTH, 1)
    after = RangeState(state.seen + 1, running.cursor, j, price, *running[1:], square)
    if state.seen < RANGE_LENGTH:
        return after, (np.nan, np.nan, np.nan)
    if total <= 0.0:
        return after, (0.0, 0.0, 0.0)
    variance = total * (1.0 / RANGE_LENGTH)
    spread = highest - lowest
    rescaled = 0.5 / math.log(RANGE_LENGTH) * math.log(spread * spread / variance)
    return after, (
        min(max(rescaled, 0.0), 1.0),
        (price - highest) / math.sqrt(total),
        (high_age - low_age) * (1.0 / RANGE_LENGTH),
    )


FEATURES: tuple[Feature, ...] = (
    Feature(
        names=("directional_strength_14", "directional_14"),
        group="regime",
        step=direction_step,
        state=DirectionState(),
        warmup=DIRECTION_WARMUP,
        about="Wilder's directional movement: strength in [0, 1] and direction in [−1, 1].",
    ),
    Feature(
        names=(
            "efficiency_20",
            "variance_ratio_10",
            "autocorrelation_60",
            "volatility_rank_120",
            "turbulence",
        ),
        group="regime",
        step=dynamics_step,
        state=DynamicsState(),
        rings=(2 * (LAG + 1), RANK_LENGTH),
        warmup=DYNAMICS_WARMUP,
        about="Trend or reversal, rank of the volatility, probability of the turbulent state.",
    ),
    Feature(
        names=("rescaled_range_120", "drawdown_120", "extreme_order_120"),
        group="regime",
        step=range_step,
        state=RangeState(),
        rings=(4 * CLOSES, RANGE_LENGTH + 1),
        warmup=RANGE_LENGTH,
        about="Rescaled range, drawdown in sigmas, and which extreme of the closes is older.",
    ),
)
