"""Volume: how much is traded, on which side, and how far it moves the price.

A bar without a known volume (NaN, as in currencies) counts as a bar without trades. Where a whole window has
no volume its columns are 0.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from regimen.features.feature import Feature
from regimen.features.windows import (
    FLAT,
    Ring,
    blend,
    contrast,
    gain,
    known_volume,
    portion,
    share,
    sign,
    suffix_sums,
)
from regimen.jit import jit
from regimen.scan import Bar

GAIN_5 = gain(5.0)
GAIN_13 = gain(13.0)
GAIN_20 = gain(20.0)
GAIN_60 = gain(60.0)
ACTIVITY_WARMUP = 60


class ActivityState(NamedTuple):
    """Exponential means of volume, of price changes, and of their products."""

    seen: int = 0
    last: float = 0.0
    volume_5: float = 0.0
    volume_20: float = 0.0
    weight_20: float = 0.0
    volume_60: float = 0.0
    square_60: float = 0.0
    weight_60: float = 0.0
    move_5: float = 0.0
    move_60: float = 0.0
    product: float = 0.0
    drift: float = 0.0
    power: float = 0.0
    force: float = 0.0
    effort: float = 0.0


@jit
def activity_step(
    state: ActivityState, bar: Bar
) -> tuple[ActivityState, tuple[float, float, float, float, float, float]]:
    """Relative volume, its concentration, price impact, correlation with returns, and the force index.

    With E_n the exponential mean of span n, v the volume, Δ the change of the close and r = Δ / last close:
    contrast(v, E_20 v), contrast(E_5 v, E_60 v), 1 − (E_60 v)² / E_60 v², contrast of Amihud's (2002) ratio
    E|Δ| / E v of span 5 with span 60, corr_60(v, r), and Elder's force index E_13(Δ v) / E_13(|Δ| v).
    """
    volume = known_volume(bar.volume)
    change = bar.close - state.last if state.seen > 0 else 0.0
    r = share(change, state.last)
    move = abs(change)
    volume_5 = blend(state.volume_5, volume, GAIN_5)
    volume_20 = blend(state.volume_20, volume, GAIN_20)
    weight_20 = blend(state.weight_20, 1.0, GAIN_20)
    volume_60 = blend(state.volume_60, volume, GAIN_60)
    square_60 = blend(state.square_60, volume * volume, GAIN_60)
    weight_60 = blend(state.weight_60, 1.0, GAIN_60)
    move_5 = blend(state.move_5, move, GAIN_5)
    move_60 = blend(state.move_60, move, GAIN_60)
    product = blend(state.product, volume * r, GAIN_60)
    drift = blend(state.drift, r, GAIN_60)
    power = blend(state.power, r * r, GAIN_60)
    force = blend(state.force, change * volume, GAIN_13)
    effort = blend(state.effort, move * volume, GAIN_13)
    after = ActivityState(
        state.seen + 1,
        bar.close,
        volume_5,
        volume_20,
        weight_20,
        volume_60,
        square_60,
        weight_60,
        move_5,
        move_60,
        product,
        drift,
        power,
        force,
        effort,
    )
    if state.seen < ACTIVITY_WARMUP:
        return after, (np.nan, np.nan, np.nan, np.nan, np.nan, np.nan)
    whole = square_60 * weight_60
    spread = whole - volume_60 * volume_60
    steps = power * weight_60
    moves = steps - drift * drift
    together = 0.0
    if spread > FLAT * whole and moves > FLAT * steps:
        together = (product * weight_60 - volume_60 * drift) / (math.sqrt(spread) * math.sqrt(moves))
    return after, (
        contrast(volume * weight_20, volume_20),
        contrast(volume_5 * weight_60, volume_60),
        share(max(spread, 0.0), whole),
        contrast(move_5 * volume_60, move_60 * volume_5),
        min(max(together, -1.0), 1.0),
        share(force, effort),
    )


LENGTH = 20
COLUMNS = 7


class FlowState(NamedTuple):
    """Sums of one block: volume, signed, located and priced volume, money in and out, true range."""

    seen: int = 0
    cursor: int = 0
    last: float = 0.0
    last_typical: float = 0.0
    volume: float = 0.0
    signed: float = 0.0
    located: float = 0.0
    priced: float = 0.0
    money_in: float = 0.0
    money_out: float = 0.0
    path: float = 0.0


@jit
def flow_step(state: FlowState, bar: Bar, ring: Ring) -> tuple[FlowState, tuple[float, float, float, float]]:
    """On-balance volume, money flow, Chaikin's money flow and the distance from the VWAP, over 20 bars.

    With v the volume and p the typical price (h + l + c) / 3: Σ sign(Δc) v / Σ v (the slope of on-balance
    volume); contrast(Σ p v where p rose, Σ p v where p fell) (the money-flow index, mapped to [−1, 1]); Σ v
    (2c − h − l) / (h − l) / Σ v; (c − Σ p v / Σ v) / (mean true range √20). A bar with h = l is located at 0.
    A typical price that changes by less than 1e-12 of itself has not changed: this keeps ties when prices are
    rescaled.
    """
    volume = known_volume(bar.volume)
    typical = (bar.high + bar.low + bar.close) / 3.0
    if state.seen == 0:
        return (
            FlowState(1, 0, bar.close, typical, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
            (np.nan, np.nan, np.nan, np.nan),
        )
    money = typical * volume
    moved = typical - state.last_typical
    height = bar.high - bar.low
    signed = sign(bar.close - state.last) * volume
    located = volume * portion(2.0 * bar.close - bar.high - bar.low, height)
    money_in = money if moved > FLAT * typical else 0.0
    money_out = money if moved < -FLAT * typical else 0.0
    true_range = max(bar.high, state.last) - min(bar.low, state.last)
    k = state.cursor
    i = COLUMNS * k
    ring[i] = volume
    ring[i + 1] = signed
    ring[i + 2] = located
    ring[i + 3] = money
    ring[i + 4] = money_in
    ring[i + 5] = money_out
    ring[i + 6] = true_range
    volume += state.volume
    signed += state.signed
    located += state.located
    money += state.priced
    money_in += state.money_in
    money_out += state.money_out
    path = state.path + true_range
    i += COLUMNS
    whole = volume + ring[i]
    whole_signed = signed + ring[i + 1]
    whole_located = located + ring[i + 2]
    whole_priced = money + ring[i + 3]
    whole_in = money_in + ring[i + 4]
    whole_out = money_out + ring[i + 5]
    whole_path = path + ring[i + 6]
    k += 1
    if k == LENGTH:
        k = 0
        suffix_sums(ring, LENGTH, COLUMNS)
        volume = signed = located = money = money_in = money_out = path = 0.0
    after = FlowState(state.seen + 1, k, bar.close, typical, volume, signed, located, money, money_in, money_out, path)
    if state.seen < LENGTH:
        return after, (np.nan, np.nan, np.nan, np.nan)
    per_unit = 1.0 / whole if whole > 1e-300 else 0.0
    gap = (bar.close - whole_priced * per_unit) * math.sqrt(LENGTH) if whole > 1e-300 else 0.0
    return after, (
        whole_signed * per_unit,
        contrast(whole_in, whole_out),
        whole_located * per_unit,
        share(gap, whole_path),
    )


FEATURES: tuple[Feature, ...] = (
    Feature(
        names=(
            "volume_1_20",
            "volume_5_60",
            "volume_concentration_60",
            "illiquidity_5_60",
            "volume_return_60",
            "force_index_13",
        ),
        group="volume",
        step=activity_step,
        state=ActivityState(),
        warmup=ACTIVITY_WARMUP,
        about="Volume against its past, concentration, price impact, correlation with returns, force index.",
    ),
    Feature(
        names=("on_balance_20", "money_flow_20", "chaikin_20", "vwap_gap_20"),
        group="volume",
        step=flow_step,
        state=FlowState(),
        rings=(COLUMNS * (LENGTH + 1),),
        warmup=LENGTH,
        about="Which side the volume came from, and how far the close is from where it traded.",
    ),
)
