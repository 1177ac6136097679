"""The Sharpe ratio after costs of what the model would hold, as what is maximised."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from regimen.errors import ConfigError
from regimen.seams import Batch, Objective, Sampler
from regimen.training.recipes.recipe import Task
from regimen.training.samplers import in_blocks

if TYPE_CHECKING:
    from torch import Tensor, nn

_FLOOR = 1e-12
"""Variance, as a share of the mean square of the returns, below which a position is as good as none."""


class SharpeLossConfig(BaseModel):
    """Minimises ``turnover · mean |Δp| − mean(g) / sd(g)`` over blocks of rows in time, ``g = p r − cost |Δp|``.

    The position of a row is ``p = π(BUY) − π(SELL)``; r is what one bar of it earns (the target ``bar_return``), Δp the
    change from the symbol's bar before. Where that bar is not in the batch, as at the start of a block, the change is
    not known and costs nothing. Rows count by their weights in mean and deviation; a change costs where both rows
    count. The ratio is that of a bar, over all rows of a batch, or of 8,192 validation rows at a time.

    What is said of HOLD counts as nothing held: probabilities learn to be a position, and no longer how often a class
    comes. Nothing below is asked, so no class is learned.

    Source: Moody, Saffell, Learning to trade via direct reinforcement (2001), here by blocks in place of a recursion.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    replaces_sampler: ClassVar[bool] = True
    replaces_objective: ClassVar[bool] = True
    targets: ClassVar[tuple[str, ...]] = ("bar_return",)

    kind: Literal["sharpe_loss"] = Field("sharpe_loss", description="The Sharpe ratio after costs, in blocks of time.")
    block: int = Field(256, ge=2, description="Rows of one symbol that follow each other; whole blocks make a batch.")
    cost_bps: float = Field(
        5.0, ge=0.0, allow_inf_nan=False, description="What changing the position by 1 costs, in hundredths of 1 %."
    )
    turnover: float = Field(
        0.0, ge=0.0, allow_inf_nan=False, description="What the mean change of a bar counts beside the ratio."
    )

    def sampler(self, below: Sampler, task: Task) -> Sampler:
        """Returns blocks of rows in time; what is below is not asked.

        Raises:
            ConfigError: a batch smaller than a block; it is not known where the rows come from, or two are of one bar.
        """
        del below
        if task.batch_size < self.block:
            rule = f"must be at most training.batch_size={task.batch_size}"
            raise ConfigError("training.recipes: sharpe_loss.block", rule, self.block)
        data = task.data
        if data.rows is None or (data.x_val is not None and data.rows_val is None):
            raise ConfigError("training.recipes: sharpe_loss", "needs rows whose bar is known (TrainingData.rows)")
        places = np.stack([data.rows.symbol, data.rows.time])
        if np.unique(places, axis=1).shape[1] < places.shape[1]:
            rule = "needs rows that follow each other in time: at most one of a symbol at a bar, so none that are made"
            raise ConfigError("training.recipes: sharpe_loss", rule)
        return in_blocks(data.rows, self.block, task.batch_size)

    def objective(self, below: Objective, task: Task) -> Objective:
        """Returns the objective; what is below is not asked.

        Raises:
            ConfigError: other classes than SELL, HOLD, BUY.
        """
        import torch

        from regimen.predictors import logits_of

        del below
        if task.classes != 3:
            raise ConfigError("training.recipes: sharpe_loss", "needs the classes SELL, HOLD, BUY", task.classes)

        def loss(module: nn.Module, batch: Batch) -> Tensor:
            assert batch.time is not None
            assert batch.symbol is not None
            pi = torch.softmax(logits_of(module(batch.x)), dim=-1)
            pi = pi.mean(1) if pi.ndim == 3 else pi
            place = batch.symbol * (batch.time.max() + 2) + batch.time  # consecutive only within a symbol
            order = torch.argsort(place)
            position, weights = (pi[:, 2] - pi[:, 0])[order], batch.weights[order]
            earned = position * batch.targets["bar_return"][order]
            both = (place[order].diff() == 1) & (weights[:-1] > 0.0)
            change = torch.where(both, position.diff().abs(), torch.zeros_like(position[1:]))
            change = torch.cat([torch.zeros_like(change[:1]), change]) if len(change) else torch.zeros_like(position)
            share = weights / weights.sum().clamp_min(torch.finfo(weights.dtype).tiny)
            gain = earned - self.cost_bps * 1e-4 * change
            mean = (share * gain).sum()
            variance = (share * (gain - mean) ** 2).sum()
            floor = _FLOOR * (share * batch.targets["bar_return"][order] ** 2).sum() + torch.finfo(variance.dtype).tiny
            return self.turnover * (share * change).sum() - mean / (variance + floor).sqrt()

        return loss
