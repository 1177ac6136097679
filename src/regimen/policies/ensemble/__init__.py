"""Several policies as one: their probabilities averaged, or their exposures mixed by what they would have earned."""

from __future__ import annotations

from regimen.policies.ensemble.config import (
    CombineConfig,
    DiscountedThompsonConfig,
    HedgeConfig,
    MeanConfig,
    MixingConfig,
    ThompsonConfig,
)
from regimen.policies.ensemble.mixing import hedge, regret, thompson
from regimen.policies.ensemble.mixture import Mixture

__all__ = [
    "CombineConfig",
    "DiscountedThompsonConfig",
    "HedgeConfig",
    "MeanConfig",
    "MixingConfig",
    "Mixture",
    "ThompsonConfig",
    "hedge",
    "regret",
    "thompson",
]
