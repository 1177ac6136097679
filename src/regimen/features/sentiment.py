"""Sentiment: what the crowd says, pays and holds; without such columns, what its trades betray.

Eight columns read an extra column of the bars (``sentiment``, ``funding_rate``, ``bid`` and ``ask``,
``open_interest``) and hold its last value over bars that have none. As long as no value has ever come, i.e.
for good where the column does not exist, a proxy made of the bars takes its place. When the first value
comes, the means start anew with it. Two columns always read the bars alone.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from regimen.features.feature import Feature
from regimen.features.windows import (
    FLAT,
    blend,
    contrast,
    gain,
    known_volume,
    log_price,
    portion,
    share,
    sign,
)
from regimen.jit import jit
from regimen.scan import Bar


class StanceState(NamedTuple):
    """Exponential means of one series: fast, level and base, their weights, and the base's mean square."""

    seen: int = 0
    given: bool = False
    last: float = 0.0
    fast: float = 0.0
    fast_weight: float = 0.0
    level: float = 0.0
    level_weight: float = 0.0
    base: float = 0.0
    square: float = 0.0
    weight: float = 0.0


@jit
def stance(
    state: StanceState,
    x: float,
    proxy: float,
    fast_gain: float,
    level_gain: float,
    base_gain: float,
    warmup: int,
) -> tuple[StanceState, tuple[float, float]]:
    """Returns the level E_level x / √(E_base x²) and the shock (E_fast x − E_base x) / sd_base x.

    The series is x where it has ever had a value, else the proxy. Both results are bounded by the gains; both
    are 0 where the denominator is.
    """
    if x == x:
        if not state.given:
            state = StanceState(state.seen, True, x, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    elif state.given:
        x = state.last
    else:
        x = proxy
    fast = blend(state.fast, x, fast_gain)
    fast_weight = blend(state.fast_weight, 1.0, fast_gain)
    level = blend(state.level, x, level_gain)
    level_weight = blend(state.level_weight, 1.0, level_gain)
    base = blend(state.base, x, base_gain)
    square = blend(state.square, x * x, base_gain)
    weight = blend(state.weight, 1.0, base_gain)
    after = StanceState(state.seen + 1, state.given, x, fast, fast_weight, level, level_weight, base, square, weight)
    if state.seen < warmup:
        return after, (np.nan, np.nan)
    whole = square * weight
    spread = whole - base * base
    standing = level * weight / (level_weight * math.sqrt(whole)) if whole > 0.0 else 0.0
    shock = 0.0
    if spread > FLAT * whole:
        shock = (fast * weight / fast_weight - base) / math.sqrt(spread)
    return after, (standing, shock)


@jit
def mood_step(
    state: StanceState, bar: Bar, sentiment: float, fast: float, level: float, base: float, warmup: int
) -> tuple[StanceState, tuple[float, float]]:
    """Level and shock of ``sentiment`` (a score with neutral 0); proxy: the body, (c − o) / (h − l)."""
    return stance(state, sentiment, portion(bar.close - bar.open, bar.high - bar.low), fast, level, base, warmup)


@jit
def funding_step(
    state: StanceState, bar: Bar, funding_rate: float, fast: float, level: float, base: float, warmup: int
) -> tuple[StanceState, tuple[float, float]]:
    """Level and shock of ``funding_rate``; proxy: lower less upper shadow, (o + c − h − l) / (h − l)."""
    wicks = (bar.open - bar.high) + (bar.close - bar.low)
    return stance(state, funding_rate, portion(wicks, bar.high - bar.low), fast, level, base, warmup)


class QuoteState(NamedTuple):
    """Exponential means of the relative spread and of where the close lies between the quotes."""

    seen: int = 0
    given: bool = False
    last_close: float = 0.0
    last_middle: float = 0.0
    spread: float = 0.0
    place: float = 0.0
    fast: float = 0.0
    fast_weight: float = 0.0
    base: float = 0.0
    base_weight: float = 0.0
    pressure: float = 0.0
    weight: float = 0.0


SPREAD_GAIN = gain(10.0)
SPREAD_BASE_GAIN = gain(120.0)
PRESSURE_GAIN = gain(10.0)
QUOTE_WARMUP = 120


@jit
def quote_step(state: QuoteState, bar: Bar, bid: float, ask: float) -> tuple[QuoteState, tuple[float, float]]:
    """Spread against its past, and the side of the spread that trades fall on.

    With quotes: s = (ask − bid) / mid and p = (2c − bid − ask) / (ask − bid) within [−1, 1]. Without: the
    two-bar spread of Abdi and Ranaldo (2017), s = √max(4 (c₁ − m₁)(c₁ − m), 0) / c₁ with m the middle of high
    and low, and the close location p = (2c − h − l) / (h − l). Columns: contrast(E_10 s, E_120 s), E_10 p.
    Quotes that are missing or not bid < ask hold the last spread and place.
    """
    given = state.given
    middle = 0.5 * (bar.high + bar.low)
    spread = state.spread
    place = state.place
    fast, fast_weight = state.fast, state.fast_weight
    base, base_weight = state.base, state.base_weight
    pressure, weight = state.pressure, state.weight
    if bid < ask and bid > 0.0:
        if not given:
            fast = fast_weight = base = base_weight = pressure = weight = 0.0
        given = True
        spread = 2.0 * (ask - bid) / (ask + bid)
        # Sources whose close is the middle of the quotes give 0, not the rounding error of it.
        side = (bar.close - bid) - (ask - bar.close)
        place = portion(side, ask - bid) if abs(side) > FLAT * bar.close else 0.0
    elif not given:
        place = portion(2.0 * bar.close - bar.high - bar.low, bar.high - bar.low)
        last = state.last_close
        before = last - state.last_middle
        after_close = last - middle
        # A close in the middle is there up to rounding, which the root would blow up.
        apart = min(abs(before), abs(after_close)) > FLAT * last
        product = before * after_close if state.seen > 0 and apart else 0.0
        spread = share(2.0 * math.sqrt(max(product, 0.0)), last)
    fast = blend(fast, spread, SPREAD_GAIN)
    fast_weight = blend(fast_weight, 1.0, SPREAD_GAIN)
    base = blend(base, spread, SPREAD_BASE_GAIN)
    base_weight = blend(base_weight, 1.0, SPREAD_BASE_GAIN)
    pressure = blend(pressure, place, PRESSURE_GAIN)
    weight = blend(weight, 1.0, PRESSURE_GAIN)
    after = QuoteState(
        state.seen + 1,
        given,
        bar.close,
        middle,
        spread,
        place,
        fast,
        fast_weight,
        base,
        base_weight,
        pressure,
        weight,
    )
    if state.seen < QUOTE_WARMUP:
        return after, (np.nan, np.nan)
    return after, (contrast(fast * base_weight, base * fast_weight), pressure / weight)


class InterestState(NamedTuple):
    """Exponential means of the change in open positions and of its agreement with the price."""

    seen: int = 0
    given: bool = False
    last_close: float = 0.0
    last_volume: float = 0.0
    last_interest: float = 0.0
    flow: float = 0.0
    flow_weight: float = 0.0
    square: float = 0.0
    weight: float = 0.0
    agreement: float = 0.0
    size: float = 0.0


FLOW_GAIN = gain(20.0)
FLOW_BASE_GAIN = gain(60.0)
INTEREST_WARMUP = 60


@jit
def interest_step(state: InterestState, bar: Bar, open_interest: float) -> tuple[InterestState, tuple[float, float]]:
    """Are positions opened or closed, and with the price or against it?

    With open interest: x = y = its log change (0 where it is not reported). Without: x = sign of the close's
    change (the tick rule), y = contrast of this volume with the last. Columns: E_20 x / √(E_60 x²) and, with
    s that sign, E_20(s y) / E_20 |y|.
    """
    volume = known_volume(bar.volume)
    side = sign(bar.close - state.last_close) if state.seen > 0 else 0.0
    given = state.given
    interest = state.last_interest
    flow, flow_weight, square, weight = state.flow, state.flow_weight, state.square, state.weight
    agreement, size = state.agreement, state.size
    x = y = 0.0
    if open_interest > 0.0:
        if given:
            x = y = log_price(open_interest / interest)
        else:
            flow = flow_weight = square = weight = agreement = size = 0.0
        given = True
        interest = open_interest
    elif not given and state.seen > 0:
        x = side
        y = contrast(volume, state.last_volume)
    flow = blend(flow, x, FLOW_GAIN)
    flow_weight = blend(flow_weight, 1.0, FLOW_GAIN)
    square = blend(square, x * x, FLOW_BASE_GAIN)
    weight = blend(weight, 1.0, FLOW_BASE_GAIN)
    agreement = blend(agreement, side * y, FLOW_GAIN)
    size = blend(size, abs(y), FLOW_GAIN)
    after = InterestState(
        state.seen + 1,
        given,
        bar.close,
        volume,
        interest,
        flow,
        flow_weight,
        square,
        weight,
        agreement,
        size,
    )
    if state.seen < INTEREST_WARMUP:
        return after, (np.nan, np.nan)
    level = flow * math.sqrt(weight / square) / flow_weight if square > 1e-300 else 0.0
    return after, (level, share(agreement, size))


class PressureState(NamedTuple):
    """The run of closes in one direction, and exponential means of reach above and below the last close."""

    seen: int = 0
    last: float = 0.0
    run: float = 0.0
    reach: float = 0.0
    path: float = 0.0


REACH_GAIN = gain(10.0)
REACH_WARMUP = 10


@jit
def pressure_step(state: PressureState, bar: Bar) -> tuple[PressureState, tuple[float, float]]:
    """Elder's bull and bear power about the last close, and the run of rising or falling closes.

    With a = h − c₁ and b = l − c₁: E_10(a + b) / E_10(|a| + |b|). The run n counts closes in one direction
    (an unchanged close ends it) and is given as n / (|n| + 3).
    """
    if state.seen == 0:
        return PressureState(1, bar.close, 0.0, 0.0, 0.0), (np.nan, np.nan)
    above = bar.high - state.last
    below = bar.low - state.last
    side = sign(bar.close - state.last)
    run = state.run + side if side * state.run > 0.0 else side
    reach = blend(state.reach, above + below, REACH_GAIN)
    path = blend(state.path, abs(above) + abs(below), REACH_GAIN)
    after = PressureState(state.seen + 1, bar.close, run, reach, path)
    if state.seen < REACH_WARMUP:
        return after, (np.nan, np.nan)
    return after, (share(reach, path), run / (abs(run) + 3.0))


MOOD_WARMUP = 60
FUNDING_WARMUP = 120

FEATURES: tuple[Feature, ...] = (
    Feature(
        names=("sentiment_level", "sentiment_shock"),
        group="sentiment",
        step=mood_step,
        state=StanceState(),
        params=(gain(5.0), gain(20.0), gain(60.0), MOOD_WARMUP),
        inputs=("sentiment",),
        warmup=MOOD_WARMUP,
        about="Sentiment score, its level and its surprise; without one, the bodies of the bars.",
    ),
    Feature(
        names=("funding_level", "funding_shock"),
        group="sentiment",
        step=funding_step,
        state=StanceState(),
        params=(gain(10.0), gain(40.0), gain(120.0), FUNDING_WARMUP),
        inputs=("funding_rate",),
        warmup=FUNDING_WARMUP,
        about="Funding rate, its level and its surprise; without one, lower less upper shadows.",
    ),
    Feature(
        names=("spread_10_120", "quote_pressure_10"),
        group="sentiment",
        step=quote_step,
        state=QuoteState(),
        inputs=("bid", "ask"),
        warmup=QUOTE_WARMUP,
        about="Spread against its past and side of the trades; without quotes, both estimated from the bars.",
    ),
    Feature(
        names=("interest_flow_20", "interest_agreement_20"),
        group="sentiment",
        step=interest_step,
        state=InterestState(),
        inputs=("open_interest",),
        warmup=INTEREST_WARMUP,
        about="Positions opened or closed, with or against the price; else the tick rule and volume.",
    ),
    Feature(
        names=("bull_power_10", "streak"),
        group="sentiment",
        step=pressure_step,
        state=PressureState(),
        warmup=REACH_WARMUP,
        about="Reach above and below the last close; run of closes in one direction.",
    ),
)
