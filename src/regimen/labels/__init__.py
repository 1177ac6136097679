"""Labels: the only room that looks into the future, and says how far (`Labels.t_end`)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from regimen.bars import Bars
from regimen.labels.fixed_horizon import FixedHorizonConfig, label_fixed_horizon
from regimen.labels.labels import BUY, CLASSES, HOLD, SELL, UNDEFINED, Labels
from regimen.labels.targets import REGIMES, TARGETS, further_targets
from regimen.labels.triple_barrier import TripleBarrierConfig, label_triple_barrier
from regimen.labels.volatility import adjusted_prices, trailing_volatility
from regimen.labels.weights import WeightsConfig, average_uniqueness, row_weights

__all__ = [
    "BUY",
    "CLASSES",
    "HOLD",
    "REGIMES",
    "SELL",
    "TARGETS",
    "UNDEFINED",
    "FixedHorizonConfig",
    "Labels",
    "LabelsConfig",
    "TripleBarrierConfig",
    "WeightsConfig",
    "adjusted_prices",
    "average_uniqueness",
    "further_targets",
    "label",
    "row_weights",
    "trailing_volatility",
]

LabelsConfig = Annotated[FixedHorizonConfig | TripleBarrierConfig, Field(discriminator="kind")]
"""Every way to make labels; ``kind`` chooses."""


def label(config: FixedHorizonConfig | TripleBarrierConfig, bars: Bars) -> Labels:
    """Labels every bar of every symbol: decided with bars <= t, entered at the open of ``t + entry_lag``.

    Raises:
        ConfigError: the horizon, with the entry lag, is longer than the data; or no bar has a label at all.
    """
    if isinstance(config, FixedHorizonConfig):
        return label_fixed_horizon(config, bars)
    return label_triple_barrier(config, bars)
