"""`label`: a config and bars become labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from regimen.bars import Bars
from regimen.errors import ConfigError
from regimen.labels.config import FixedHorizonConfig, OwnLabelsConfig, TripleBarrierConfig
from regimen.labels.fixed_horizon import label_fixed_horizon
from regimen.labels.labels import HOLD, Labels
from regimen.labels.own_labels import label_own
from regimen.labels.triple_barrier import label_triple_barrier


def label(
    config: FixedHorizonConfig | TripleBarrierConfig | OwnLabelsConfig, bars: Bars, round_trip: float | None = None
) -> Labels:
    """Labels every bar of every symbol: decided with bars <= t, entered at the open of ``t + entry_lag``.

    Args:
        config: the way to label.
        bars: what is labelled.
        round_trip: what buying and selling once costs, as a fraction of what is traded (`Costs.round_trip` of
            `regimen.execution`); read where the config says ``costs: round_trip``, see `paying`.

    Raises:
        ConfigError: the horizon, with the entry lag, is longer than the data; or no bar has a label at all; or a
            function of the user's own answers otherwise than `label_own` says; or the costs are asked for and not
            given, or leave neither a BUY nor a SELL.
    """
    if isinstance(config, OwnLabelsConfig):
        return label_own(config, bars)
    labels = (
        label_fixed_horizon(config, bars)
        if isinstance(config, FixedHorizonConfig)
        else label_triple_barrier(config, bars)
    )
    if config.costs == "none":
        return labels
    if round_trip is None:
        rule = "needs to know what a round trip costs: label(config, bars, round_trip=market.costs.round_trip)"
        raise ConfigError("labels.costs", rule, config.costs)
    return paying(labels, round_trip)


def paying(labels: Labels, round_trip: float) -> Labels:
    """Returns labels of which none says to act on a move that acting takes away: HOLD where |r| <= ``round_trip``.

    r is the label's own forward return. Only the class changes: the label looked as far as before, and a round trip of
    0 leaves every BUY and SELL whose price moved.

    Raises:
        ConfigError: the round trip is negative or no number; it leaves neither a BUY nor a SELL.
    """
    if not 0.0 <= round_trip < float("inf"):
        raise ConfigError("round_trip", "must be a fraction of what is traded, 0 or more", round_trip)
    inside = labels.defined & (np.abs(labels.forward_return) <= round_trip)
    y = labels.y.copy()
    y[inside] = HOLD
    acted, acts = (bool((classes[labels.defined] != HOLD).any()) for classes in (labels.y, y))
    if acted and not acts:
        rule = f"leaves neither a BUY nor a SELL: no move is larger than the round trip of {round_trip:.4%}"
        raise ConfigError("labels.costs", rule, "round_trip")
    return replace(labels, y=y)
