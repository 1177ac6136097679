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
    ThompsonConfig,
)

if TYPE_CHECKING:
    from regimen.policies.ensemble.committee import Committee
    from regimen.policies.ensemble.mixing import hedge, regret, thompson
    from regimen.policies.ensemble.mixture import Mixture

__all__ = [
    "CombineConfig",
    "Committee",
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

__getattr__, __dir__ = lazily(
    __name__,
    {
        "Committee": ".committee",
        "hedge": ".mixing",
        "Mixture": ".mixture",
        "regret": ".mixing",
        "thompson": ".mixing",
    },
)
