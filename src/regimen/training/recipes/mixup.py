"""Rows between two rows: what is said should change evenly on the way from one to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from regimen.errors import ConfigError
from regimen.seams import Batch, Transform
from regimen.seeding import generator as random_generator
from regimen.training.recipes.recipe import Task

if TYPE_CHECKING:
    import torch


class MixupConfig(BaseModel):
    """Each row of a batch becomes ``λ x_i + (1 − λ) x_j``, of class i by λ and of class j by 1 − λ, j another row.

    λ is drawn from Beta(alpha, alpha) for each row. Two rows are mixed in proportion to their weights besides, so a row
    that counts nothing is in none. Further targets are mixed as the inputs are. Validation rows stay as they are.

    Source: Zhang et al., mixup: beyond empirical risk minimization (2018), which draws one λ for a batch.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["mixup"] = Field("mixup", description="Rows between two rows.")
    alpha: float = Field(
        0.2, gt=0.0, allow_inf_nan=False, description="Near 0: mostly one of the two rows; 1: any mixture alike."
    )

    def transform(self, below: Transform, task: Task) -> Transform:
        """Returns what is below, and then the mixture.

        Raises:
            ConfigError: a target that is a class, which has no middle.
        """
        from torch import from_numpy, int64, randint, randperm
        from torch.nn.functional import one_hot

        if "regime" in task.data.targets_train:
            rule = "must not be mixed: regimes are classes, and between two of them there is none"
            raise ConfigError("training.recipes: mixup", rule, "regime")

        def mixed(batch: Batch, generator: torch.Generator) -> Batch:
            batch = below(batch, generator)
            x, rows, device = batch.x, len(batch.x), batch.x.device
            seed = int(randint(2**62, (1,), generator=generator, device=device, dtype=int64))
            drawn = from_numpy(random_generator(seed, "mixup").beta(self.alpha, self.alpha, rows)).to(x)
            other = randperm(rows, generator=generator, device=device)
            first, second = drawn * batch.weights, (1.0 - drawn) * batch.weights[other]
            weights = first + second
            share = first / weights.where(weights > 0.0, weights.new_ones(()))

            def between(column: torch.Tensor) -> torch.Tensor:
                own = share.view(-1, *[1] * (column.ndim - 1))
                return own * column + (1.0 - own) * column[other]

            shares = one_hot(batch.y, task.classes).to(x) if batch.shares is None else batch.shares
            return batch._replace(
                x=between(x),
                weights=weights,
                shares=between(shares),
                targets={name: between(column) for name, column in batch.targets.items()},
                time=None,
                symbol=None,
            )

        return mixed
