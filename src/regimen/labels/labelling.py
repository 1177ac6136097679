"""`label`: a config and bars become labels."""

from __future__ import annotations

from regimen.bars import Bars
from regimen.labels.config import FixedHorizonConfig, OwnLabelsConfig, TripleBarrierConfig
from regimen.labels.fixed_horizon import label_fixed_horizon
from regimen.labels.labels import Labels
from regimen.labels.own_labels import label_own
from regimen.labels.triple_barrier import label_triple_barrier


def label(config: FixedHorizonConfig | TripleBarrierConfig | OwnLabelsConfig, bars: Bars) -> Labels:
    """Labels every bar of every symbol: decided with bars <= t, entered at the open of ``t + entry_lag``.

    Raises:
        ConfigError: the horizon, with the entry lag, is longer than the data; or no bar has a label at all; or a
            function of the user's own answers otherwise than `label_own` says.
    """
    if isinstance(config, FixedHorizonConfig):
        return label_fixed_horizon(config, bars)
    if isinstance(config, OwnLabelsConfig):
        return label_own(config, bars)
    return label_triple_barrier(config, bars)
