"""Models that learn on while they trade: from each label as it falls due."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from regimen.lazy import lazily
from regimen.predictors.online.forest import OnlineForestConfig
from regimen.predictors.online.logistic import OnlineLogisticConfig
from regimen.predictors.online.net import OnlineNetConfig
from regimen.predictors.online.settings import OnlineSettings

if TYPE_CHECKING:
    from regimen.predictors.online.online_forest import OnlineForest
    from regimen.predictors.online.online_logistic import OnlineLogistic
    from regimen.predictors.online.online_net import OnlineNet

OnlineConfig = Annotated[OnlineLogisticConfig | OnlineForestConfig | OnlineNetConfig, Field(discriminator="kind")]
"""Every config of a model that learns on; ``kind`` says which."""

__all__ = [
    "OnlineConfig",
    "OnlineForest",
    "OnlineForestConfig",
    "OnlineLogistic",
    "OnlineLogisticConfig",
    "OnlineNet",
    "OnlineNetConfig",
    "OnlineSettings",
]

__getattr__, __dir__ = lazily(
    __name__,
    {"OnlineForest": ".online_forest", "OnlineLogistic": ".online_logistic", "OnlineNet": ".online_net"},
)
