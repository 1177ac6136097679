"""Technical: where the price stands in its bands and channels, and the shape of its candles."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from regimen.features.channels import AGED, FAST, SLOW, ChannelState, channel_step
from regimen.features.feature import Feature
from regimen.features.windows import FLAT, PairSums, Ring, contrast, pair_sums, portion, share
from regimen.jit import jit
from regimen.scan import Bar

BAND = 20


class BandState(NamedTuple):
    """Sums of one block of closes about a reference, and of true ranges."""

    seen: int = 0
    cursor: int = 0
    last: float = 0.0
    reference: float = 0.0
    sum: float = 0.0
    square: float = 0.0
    path: float = 0.0


@jit
def mean_deviation(values: Ring) -> tuple[float, float]:
    """Returns the mean of the values (their number a multiple of 4) and the mean distance from it."""
    a = b = c = d = 0.0
    for i in range(0, BAND, 4):
        a += values[i]
        b += values[i + 1]
        c += values[i + 2]
        d += values[i + 3]
    mean = ((a + b) + (c + d)) * (1.0 / BAND)
    a = b = c = d = 0.0
    for i in range(0, BAND, 4):
        a += abs(values[i] - mean)
        b += abs(values[i + 1] - mean)
        c += abs(values[i + 2] - mean)
        d += abs(values[i + 3] - mean)
    return mean, ((a + b) + (c + d)) * (1.0 / BAND)


@jit
def band_step(state: BandState, bar: Bar, ring: Ring, typicals: Ring) -> tuple[BandState, tuple[float, float, float]]:
    """Bollinger position and squeeze, and the commodity channel index, over 20 bars.

    (c − mean) / (2 sd); contrast(2 sd, 1.5 mean true range) (Bollinger's band against Keltner's); Lambert's
    CCI / 100 of the typical price. The deviation is the population's. Constant prices give 0. Row of the
    first ring: close, Σ d, Σ d², Σ true range, with d the close less the last close of the finished block.
    """
    close = bar.close
    typical = (bar.high + bar.low + close) / 3.0
    reference = state.reference if state.seen > 0 else close
    last = state.last if state.seen > 0 else close
    true_range = max(bar.high, last) - min(bar.low, last)
    k = state.cursor
    i = 4 * k
    typicals[k] = typical
    ring[i] = close
    ring[i + 3] = true_range
    d = close - reference
    newer = state.sum + d
    newer_square = state.square + d * d
    newer_path = state.path + true_range
    mean = (newer + ring[i + 5]) * (1.0 / BAND)
    square = (newer_square + ring[i + 6]) * (1.0 / BAND)
    path = newer_path + ring[i + 7]
    k += 1
    if k == BAND:
        k = 0
        reference = close
        newer = newer_square = newer_path = 0.0
        for i in range(4 * BAND - 4, -1, -4):
            e = ring[i] - close
            ring[i + 1] = ring[i + 5] + e
            ring[i + 2] = ring[i + 6] + e * e
            ring[i + 3] = ring[i + 7] + ring[i + 3]
    after = BandState(state.seen + 1, k, close, reference, newer, newer_square, newer_path)
    if state.seen < BAND:
        return after, (np.nan, np.nan, np.nan)
    variance = square - mean * mean
    deviation = math.sqrt(variance) if variance > FLAT * square else 0.0
    centre, distance = mean_deviation(typicals)
    unusual = (typical - centre) / (1.5 * distance) if distance > FLAT * centre else 0.0
    return after, (
        share(d - mean, 2.0 * deviation),
        contrast(2.0 * deviation, (1.5 / BAND) * path),
        unusual,
    )


SHORT = 7
MIDDLE = 14
LONG = 28


class CandleState(NamedTuple):
    """Sums of buying pressure and true range over the running blocks of three windows."""

    seen: int = 0
    last: float = 0.0
    short: PairSums = PairSums()
    middle: PairSums = PairSums()
    long: PairSums = PairSums()


@jit
def candle_step(
    state: CandleState, bar: Bar, short: Ring, middle: Ring, long: Ring
) -> tuple[CandleState, tuple[float, float, float]]:
    """Body and shadows of this bar in shares of its height, and Williams' ultimate oscillator in [−1, 1].

    (c − o) / (h − l); (lower shadow − upper shadow) / (h − l) = (o + c − h − l) / (h − l); 2 (4 A_7 + 2 A_14
    + A_28) / 7 − 1 with A_n = Σ (c − true low) / Σ true range over n bars, ½ where that sum is 0. A bar with
    h = l has neither body nor shadow.
    """
    close = bar.close
    last = state.last if state.seen > 0 else close
    floor = min(bar.low, last)
    pressure = close - floor
    true_range = max(bar.high, last) - floor

    sums_7, a_7, b_7 = pair_sums(state.short, pressure, true_range, short, SHORT)
    sums_14, a_14, b_14 = pair_sums(state.middle, pressure, true_range, middle, MIDDLE)
    sums_28, a_28, b_28 = pair_sums(state.long, pressure, true_range, long, LONG)
    after = CandleState(state.seen + 1, close, sums_7, sums_14, sums_28)
    if state.seen < LONG:
        return after, (np.nan, np.nan, np.nan)
    height = bar.high - bar.low
    # Each centred term is contrast(pressure, range − pressure): 2 A − 1, and 0 where the sum is 0.
    ultimate = 4.0 * share(2.0 * a_7 - b_7, b_7) + 2.0 * share(2.0 * a_14 - b_14, b_14) + share(2.0 * a_28 - b_28, b_28)
    return after, (
        portion(close - bar.open, height),
        portion((bar.open - bar.high) + (close - bar.low), height),
        ultimate * (1.0 / 7.0),
    )


FEATURES: tuple[Feature, ...] = (
    Feature(
        names=("bollinger_20", "squeeze_20", "commodity_channel_20"),
        group="technical",
        step=band_step,
        state=BandState(),
        rings=(4 * (BAND + 1), BAND),
        warmup=BAND,
        about="Position in Bollinger's band, its width against Keltner's, commodity channel index / 100.",
    ),
    Feature(
        names=("williams_centred_14", "stochastic_14", "aroon_25", "donchian_55"),
        group="technical",
        step=channel_step,
        state=ChannelState(),
        rings=(2 * FAST, 4 * AGED, 2 * SLOW),
        warmup=SLOW - 1,
        about="Position in channels of 14 and 55 bars, and which extreme of 26 bars is older, in [−1, 1].",
    ),
    Feature(
        names=("candle_body", "candle_shadow", "ultimate_28"),
        group="technical",
        step=candle_step,
        state=CandleState(),
        rings=(2 * (SHORT + 1), 2 * (MIDDLE + 1), 2 * (LONG + 1)),
        warmup=LONG,
        about="Shape of the candle and ultimate oscillator, in [−1, 1].",
    ),
)
