"""What a decision costs in trading, in place of how unlikely the class was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from regimen.errors import ConfigError
from regimen.seams import Batch, Objective
from regimen.training.recipes.recipe import Task

if TYPE_CHECKING:
    from torch import Tensor, nn

Cost = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]

_CALMEST, _WILDEST = 0.5, 2.0
_COSTS = ("wrong_side", "missed", "needless", "drawdown", "profit", "position")


class TradingLossConfig(BaseModel):
    """The Bayes risk of a row's decision, ``Σ_a π_a C(y, a)``, where π is what the model says of SELL, HOLD, BUY.

    With s_a = −1, 0, 1 the position of an action and ρ the row's forward return in trailing volatilities, cut at
    ± ``return_limit``::

        C(y, a) = v · (D[y, a] + drawdown · max(0, −s_a ρ) − profit · max(0, s_a ρ) + position · |s_a|)
        D[SELL] = 0, missed, wrong_side;  D[HOLD] = needless, 0, needless;  D[BUY] = wrong_side, missed, 0
        v       = 1 + volatility · (σ / mean σ, cut to ½ … 2, − 1)

    with σ the trailing volatility at the row's bar and its mean that of the training rows. The risk is linear in π,
    so every term has a gradient, and its minimum is the action of least expected cost, with certainty: as probabilities
    they are sure of themselves, which a calibration mends. Label smoothing, class weights, row weights and what a model
    learns besides the class count as they do for cross-entropy.

    Source: Elkan, The foundations of cost-sensitive learning (2001).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["trading_loss"] = Field("trading_loss", description="What a decision costs, by its Bayes risk.")
    wrong_side: Cost = Field(2.0, description="Cost of BUY where SELL was right, and the other way round.")
    missed: Cost = Field(1.0, description="Cost of HOLD where SELL or BUY was right.")
    needless: Cost = Field(1.0, description="Cost of SELL or BUY where HOLD was right.")
    volatility: float = Field(
        1.0, ge=0.0, le=1.0, description="How far a row counts by the volatility at its bar: 0 not at all, 1 in full."
    )
    drawdown: Cost = Field(0.5, description="Cost of each volatility of price that the action's position loses.")
    profit: Cost = Field(0.3, description="What each volatility of price that it earns takes off the cost.")
    position: Cost = Field(0.1, description="Cost of having a position at all.")
    return_limit: float = Field(
        10.0, gt=0.0, allow_inf_nan=False, description="Returns beyond so many volatilities count as that."
    )

    @model_validator(mode="after")
    def _something_costs(self) -> Self:
        if not any(getattr(self, name) for name in _COSTS):
            raise ValueError(f"one of {', '.join(_COSTS)} must be above 0: nothing costs anything")
        return self

    @property
    def targets(self) -> tuple[str, ...]:
        """What it needs of a row: its return, and the volatility at its bar."""
        money = ("return",) if self.drawdown or self.profit else ()
        return (*money, "scale") if self.volatility else money

    def objective(self, below: Objective, task: Task) -> Objective:
        """Returns what is below, over batches that know what each action costs.

        Raises:
            ConfigError: other classes than SELL, HOLD, BUY.
        """
        import torch

        if task.classes != 3:
            raise ConfigError("training.recipes: trading_loss", "needs the classes SELL, HOLD, BUY", task.classes)
        usual = float(task.data.targets_train["scale"].mean()) if self.volatility else 1.0
        by_class = [
            [0.0, self.missed, self.wrong_side],
            [self.needless, 0.0, self.needless],
            [self.wrong_side, self.missed, 0.0],
        ]

        def costs(batch: Batch) -> Tensor:
            side = batch.x.new_tensor([-1.0, 0.0, 1.0])
            per_action = self.position * side.abs().expand(len(batch.x), 3)
            if self.drawdown or self.profit:
                gain = batch.targets["return"].clamp(-self.return_limit, self.return_limit)[:, None] * side
                per_action = per_action + self.drawdown * torch.relu(-gain) - self.profit * torch.relu(gain)
            whole = batch.x.new_tensor(by_class) + per_action[:, None, :]
            if not self.volatility:
                return whole
            turbulence = (batch.targets["scale"] / usual).clamp(_CALMEST, _WILDEST)
            return whole * (1.0 + self.volatility * (turbulence - 1.0))[:, None, None]

        def traded(module: nn.Module, batch: Batch) -> Tensor:
            return below(module, batch._replace(costs=costs(batch)))

        return traded
