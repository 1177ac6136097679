"""Several policies as one: probabilities averaged, exposures mixed by what they would have earned, one over another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimen.lazy import lazily
from regimen.policies.ensemble.config import (
    CombineConfig,
    DiscountedThompsonConfig,
    HedgeConfig,
    MeanConfig,
    MixingConfig,
    StackConfig,
    ThompsonConfig,
)

if TYPE_CHECKING:
    from regimen.policies.ensemble.committee import Average, Blend, CalibratedBlend, Committee
    from regimen.policies.ensemble.meta import PRIMARY, MetaPolicy
    from regimen.policies.ensemble.mixing import hedge, regret, thompson
    from regimen.policies.ensemble.mixture import Mixture
    from regimen.policies.ensemble.stacking import Stacker

__all__ = [
    "PRIMARY",
    "Average",
    "Blend",
    "CalibratedBlend",
    "CombineConfig",
    "Committee",
    "DiscountedThompsonConfig",
    "HedgeConfig",
    "MeanConfig",
    "MetaPolicy",
    "MixingConfig",
    "Mixture",
    "StackConfig",
    "Stacker",
    "ThompsonConfig",
    "hedge",
    "regret",
    "thompson",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "Average": ".committee",
        "Blend": ".committee",
        "CalibratedBlend": ".committee",
        "Committee": ".committee",
        "hedge": ".mixing",
        "MetaPolicy": ".meta",
        "PRIMARY": ".meta",
        "Mixture": ".mixture",
        "regret": ".mixing",
        "Stacker": ".stacking",
        "thompson": ".mixing",
    },
)
