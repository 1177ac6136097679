"""Labels: the only room that looks into the future, and says how far (`Labels.t_end`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.labels.ahead import ahead_target, bars_ahead, reaching
    from regimen.labels.config import (
        FixedHorizonConfig,
        LabelsConfig,
        OwnLabelsConfig,
        TripleBarrierConfig,
        WeightsConfig,
    )
    from regimen.labels.difficulty import trailing_difficulty
    from regimen.labels.label_stream import DueLabels, LabelStream
    from regimen.labels.labelling import label
    from regimen.labels.labels import BUY, CLASSES, HOLD, SELL, UNDEFINED, Labels
    from regimen.labels.stream_step import LabelStep
    from regimen.labels.targets import REGIMES, TARGETS, further_targets
    from regimen.labels.volatility import adjusted_prices, trailing_volatility
    from regimen.labels.weights import attributed_returns, average_uniqueness, log_returns, row_weights

__all__ = [
    "BUY",
    "CLASSES",
    "HOLD",
    "REGIMES",
    "SELL",
    "TARGETS",
    "UNDEFINED",
    "DueLabels",
    "FixedHorizonConfig",
    "LabelStep",
    "LabelStream",
    "Labels",
    "LabelsConfig",
    "OwnLabelsConfig",
    "TripleBarrierConfig",
    "WeightsConfig",
    "adjusted_prices",
    "ahead_target",
    "attributed_returns",
    "average_uniqueness",
    "bars_ahead",
    "further_targets",
    "label",
    "log_returns",
    "reaching",
    "row_weights",
    "trailing_difficulty",
    "trailing_volatility",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "FixedHorizonConfig": ".config",
        "LabelsConfig": ".config",
        "OwnLabelsConfig": ".config",
        "TripleBarrierConfig": ".config",
        "label": ".labelling",
        "adjusted_prices": ".volatility",
        "ahead_target": ".ahead",
        "bars_ahead": ".ahead",
        "reaching": ".ahead",
        "attributed_returns": ".weights",
        "average_uniqueness": ".weights",
        "log_returns": ".weights",
        "BUY": ".labels",
        "CLASSES": ".labels",
        "DueLabels": ".label_stream",
        "further_targets": ".targets",
        "HOLD": ".labels",
        "Labels": ".labels",
        "LabelStep": ".stream_step",
        "LabelStream": ".label_stream",
        "REGIMES": ".targets",
        "row_weights": ".weights",
        "SELL": ".labels",
        "TARGETS": ".targets",
        "trailing_difficulty": ".difficulty",
        "trailing_volatility": ".volatility",
        "UNDEFINED": ".labels",
        "WeightsConfig": ".config",
    },
)
