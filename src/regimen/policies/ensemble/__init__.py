"""Several policies as one: their probabilities averaged, or their exposures mixed by what they would have earned."""

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
    from regimen.policies.ensemble.mixing import hedge, regret, thompson
    from regimen.policies.ensemble.mixture import Mixture
    from regimen.policies.ensemble.stacking import Stacker

__all__ = [
    "Average",
    "Blend",
    "CalibratedBlend",
    "CombineConfig",
    "Committee",
    "DiscountedThompsonConfig",
    "HedgeConfig",
    "MeanConfig",
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
        "Mixture": ".mixture",
        "regret": ".mixing",
        "Stacker": ".stacking",
        "thompson": ".mixing",
    },
)
