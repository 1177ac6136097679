"""Volatility: how it changes, how it is made up, and what estimators that see inside the bar say."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from regimen.features.feature import Feature
from regimen.features.windows import Ring, blend, contrast, gain, log_price, share, suffix_sums
from regimen.jit import jit
from regimen.scan import Bar

GAIN_5 = gain(5.0)
GAIN_20 = gain(20.0)
GAIN_60 = gain(60.0)
GAIN_120 = gain(120.0)
REALISED_WARMUP = 120


class RealisedState(NamedTuple):
    """Exponential means of squared log returns, of their square roots and of neighbouring products."""

    seen: int = 0
    last: float = 0.0
    size: float = 0.0
    fast: float = 0.0
    fast_weight: float = 0.0
    slow: float = 0.0
    slow_weight: float = 0.0
    base: float = 0.0
    base_weight: float = 0.0
    power: float = 0.0
    upward: float = 0.0
    bipower: float = 0.0
    level: float = 0.0
    level_square: float = 0.0
    weight: float = 0.0


@jit
def realised_step(state: RealisedState, bar: Bar) -> tuple[RealisedState, tuple[float, float, float, float, float]]:
    """Realised variance, fast against slow; its own variability; its downside share; its jump share.

    ``v_n`` is the exponential mean of squared log returns of span n. Columns: contrast(v_5, v_20),
    contrast(v_20, v_120), 1 − (E √v_5)² / E v_5 over span 60 (0 where the volatility stays the same), (down −
    up) / all squared returns over span 60, and one less (π/2) E|r_t||r_{t−1}| / E r² over span 60 (bipower
    variation, Barndorff-Nielsen and Shephard 2004).
    """
    close = bar.close
    if state.seen == 0:
        return (
            RealisedState(1, close, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
            (np.nan, np.nan, np.nan, np.nan, np.nan),
        )
    r = log_price(share(close, state.last))
    rr = r * r
    size = abs(r)
    fast = blend(state.fast, rr, GAIN_5)
    fast_weight = blend(state.fast_weight, 1.0, GAIN_5)
    slow = blend(state.slow, rr, GAIN_20)
    slow_weight = blend(state.slow_weight, 1.0, GAIN_20)
    base = blend(state.base, rr, GAIN_120)
    base_weight = blend(state.base_weight, 1.0, GAIN_120)
    power = blend(state.power, rr, GAIN_60)
    upward = blend(state.upward, r * size, GAIN_60)
    bipower = blend(state.bipower, size * state.size, GAIN_60)
    variance = fast / fast_weight
    level = blend(state.level, math.sqrt(variance), GAIN_60)
    level_square = blend(state.level_square, variance, GAIN_60)
    weight = blend(state.weight, 1.0, GAIN_60)
    after = RealisedState(
        state.seen + 1,
        close,
        size,
        fast,
        fast_weight,
        slow,
        slow_weight,
        base,
        base_weight,
        power,
        upward,
        bipower,
        level,
        level_square,
        weight,
    )
    if state.seen < REALISED_WARMUP:
        return after, (np.nan, np.nan, np.nan, np.nan, np.nan)
    return after, (
        contrast(fast * slow_weight, slow * fast_weight),
        contrast(slow * base_weight, base * slow_weight),
        max(1.0 - share(level * level, level_square * weight), 0.0) if level_square > 0.0 else 0.0,
        -share(upward, power),
        1.0 - share(0.5 * math.pi * bipower, power) if power > 0.0 else 0.0,
    )


LENGTH = 20
COLUMNS = 8
YANG_ZHANG = 0.34 / (1.34 + (LENGTH + 1) / (LENGTH - 1))
PARKINSON = 1.0 / (4.0 * math.log(2.0))
GARMAN_KLASS = 2.0 * math.log(2.0) - 1.0


class RangeState(NamedTuple):
    """Sums of one block: returns², ranges², bodies², Rogers-Satchell, gaps, gaps², bodies, true ranges."""

    seen: int = 0
    cursor: int = 0
    last: float = 0.0
    last_log: float = 0.0
    returns: float = 0.0
    ranges: float = 0.0
    bodies: float = 0.0
    rogers: float = 0.0
    gap: float = 0.0
    gaps: float = 0.0
    body: float = 0.0
    true_range: float = 0.0


@jit
def range_step(state: RangeState, bar: Bar, ring: Ring) -> tuple[RangeState, tuple[float, float, float, float, float]]:
    """Contrasts of range estimators of the variance over 20 bars, and of the true range with its mean.

    Columns: Parkinson (1980) against close-to-close, Garman and Klass (1980) against Parkinson, Rogers and
    Satchell (1991) against Garman and Klass, Yang and Zhang (2000) against Rogers and Satchell, true range
    against its mean.
    """
    close_log = log_price(bar.close)
    if state.seen == 0:
        return (
            RangeState(1, 0, bar.close, close_log, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
            (np.nan, np.nan, np.nan, np.nan, np.nan),
        )
    open_log = log_price(bar.open)
    up = log_price(bar.high) - open_log
    down = log_price(bar.low) - open_log
    body = close_log - open_log
    gap = open_log - state.last_log
    r = close_log - state.last_log
    true_range = max(bar.high, state.last) - min(bar.low, state.last)
    k = state.cursor
    i = COLUMNS * k
    ring[i] = r * r
    ring[i + 1] = (up - down) * (up - down)
    ring[i + 2] = body * body
    ring[i + 3] = up * (up - body) + down * (down - body)
    ring[i + 4] = gap
    ring[i + 5] = gap * gap
    ring[i + 6] = body
    ring[i + 7] = true_range
    newer_returns = state.returns + ring[i]
    newer_ranges = state.ranges + ring[i + 1]
    newer_bodies = state.bodies + ring[i + 2]
    newer_rogers = state.rogers + ring[i + 3]
    newer_gap = state.gap + gap
    newer_gaps = state.gaps + ring[i + 5]
    newer_body = state.body + body
    newer_true = state.true_range + true_range
    i += COLUMNS
    returns = newer_returns + ring[i]
    ranges = (newer_ranges + ring[i + 1]) * PARKINSON
    bodies = newer_bodies + ring[i + 2]
    rogers = max(newer_rogers + ring[i + 3], 0.0)
    gap = newer_gap + ring[i + 4]
    gaps = newer_gaps + ring[i + 5]
    body = newer_body + ring[i + 6]
    true_ranges = newer_true + ring[i + 7]
    k += 1
    if k == LENGTH:
        k = 0
        suffix_sums(ring, LENGTH, COLUMNS)
        newer_returns = newer_ranges = newer_bodies = newer_rogers = 0.0
        newer_gap = newer_gaps = newer_body = newer_true = 0.0
    after = RangeState(
        state.seen + 1,
        k,
        bar.close,
        close_log,
        newer_returns,
        newer_ranges,
        newer_bodies,
        newer_rogers,
        newer_gap,
        newer_gaps,
        newer_body,
        newer_true,
    )
    if state.seen < LENGTH:
        return after, (np.nan, np.nan, np.nan, np.nan, np.nan)
    # Everything below is a sum over the window: n times the variance per bar.
    garman = max((0.5 / PARKINSON) * ranges - GARMAN_KLASS * bodies, 0.0)
    overnight = max(gaps - gap * gap * (1.0 / LENGTH), 0.0) * (LENGTH / (LENGTH - 1.0))
    trading = max(bodies - body * body * (1.0 / LENGTH), 0.0) * (LENGTH / (LENGTH - 1.0))
    yang = overnight + YANG_ZHANG * trading + (1.0 - YANG_ZHANG) * rogers
    return after, (
        contrast(ranges, returns),
        contrast(garman, ranges),
        contrast(rogers, garman),
        contrast(yang, rogers),
        contrast(true_range * LENGTH, true_ranges),
    )


FEATURES: tuple[Feature, ...] = (
    Feature(
        names=(
            "volatility_5_20",
            "volatility_20_120",
            "volatility_of_volatility_60",
            "downside_60",
            "jump_share_60",
        ),
        group="volatility",
        step=realised_step,
        state=RealisedState(),
        warmup=REALISED_WARMUP,
        about="Realised variance: fast against slow, its variability, its downside share, its jump share.",
    ),
    Feature(
        names=("parkinson_20", "garman_klass_20", "rogers_satchell_20", "yang_zhang_20", "true_range_20"),
        group="volatility",
        step=range_step,
        state=RangeState(),
        rings=(COLUMNS * (LENGTH + 1),),
        warmup=LENGTH,
        about="Contrasts of variance estimators that see the range, each against the next simpler one.",
    ),
)
