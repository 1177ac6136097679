"""Regimen trains trading policies and tells the truth about them.

The names below are the Python face; each is imported when it is first used, so that ``import regimen`` stays quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimen.lazy import lazily

__version__ = "0.1.0"

if TYPE_CHECKING:
    from regimen.bars import Bars, DataConfig
    from regimen.errors import RegimenError
    from regimen.execution import Costs, Ledger, Market
    from regimen.features import Feature, FeatureSet
    from regimen.judging import Judgement, Trials, judge
    from regimen.policies import Constant
    from regimen.records import RunConfig, load_config

__all__ = [
    "Bars",
    "Constant",
    "Costs",
    "DataConfig",
    "Feature",
    "FeatureSet",
    "Judgement",
    "Ledger",
    "Market",
    "RegimenError",
    "RunConfig",
    "Trials",
    "judge",
    "load_config",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "Bars": ".bars",
        "Constant": ".policies",
        "Costs": ".execution",
        "DataConfig": ".bars",
        "Feature": ".features",
        "FeatureSet": ".features",
        "Judgement": ".judging",
        "Ledger": ".execution",
        "Market": ".execution",
        "RegimenError": ".errors",
        "RunConfig": ".records",
        "Trials": ".judging",
        "judge": ".judging",
        "load_config": ".records",
    },
)
