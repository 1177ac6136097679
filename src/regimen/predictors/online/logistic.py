"""Online logistic regression: a linear model that learns from each label as it falls due."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from regimen.predictors.online.settings import OnlineSettings

if TYPE_CHECKING:
    from regimen.predictors.online.online_logistic import OnlineLogistic


class OnlineLogisticConfig(OnlineSettings):
    """Softmax of a linear function of the row, by FTRL-Proximal with forgetting; see `ftrl_step` for the formulas."""

    kind: Literal["online_logistic"] = Field("online_logistic", description="Logistic regression that learns on.")
    learning_rate: float = Field(0.01, gt=0.0, description="α: how far a weight moves, in units of its own gradients.")
    beta: float = Field(1.0, gt=0.0, description="β: keeps the first steps small.")
    l1: float = Field(0.0, ge=0.0, description="λ₁: weights that are pulled less than this are 0.")
    l2: float = Field(1.0, ge=0.0, description="λ₂: pull of all weights towards 0.")
    half_life: float | None = Field(
        None, gt=0.0, description="Labels after which one counts half; null: nothing is forgotten."
    )

    @property
    def keep(self) -> float:
        """What an earlier label counts after one more."""
        return 1.0 if self.half_life is None else float(0.5 ** (1.0 / self.half_life))

    def build(self, inputs: int = 60, seed: int = 0, schema: str = "") -> OnlineLogistic:
        """Returns one whose weights are 0: all classes are alike; nothing of it is random."""
        from regimen.predictors.online.online_logistic import OnlineLogistic

        del seed
        return OnlineLogistic.fresh(self, inputs, schema)

    def read(self, folder: Path, schema: str) -> OnlineLogistic:
        """Returns one that was saved into a folder."""
        from regimen.predictors.online.online_logistic import OnlineLogistic

        return OnlineLogistic.load(self, folder, schema)
