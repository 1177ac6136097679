"""Calm rows first: a training that begins with the bars on which there is least noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from regimen.errors import ConfigError
from regimen.seams import Epoch, Rows, RowTable, Sampler
from regimen.training.recipes.recipe import Task
from regimen.training.samplers import cut


class CurriculumConfig(BaseModel):
    """The first epoch learns from the share ``start`` of each symbol's rows; it grows evenly to all after ``epochs``.

    Rows are ranked by the trailing volatility of their symbol at their bar, which knows bars <= t only. Where the
    sampler below gives a row that it is too early for, the row is left out, so that from epoch ``epochs + 1`` on the
    batches are those of the sampler below.

    Source: Bengio et al., Curriculum learning (2009).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["curriculum"] = Field("curriculum", description="Calm rows first, or turbulent ones.")
    first: Literal["calm", "turbulent"] = Field("calm", description="Which rows an epoch of few rows has.")
    start: float = Field(0.25, gt=0.0, lt=1.0, description="Share of the rows in the first epoch.")
    epochs: int = Field(5, ge=1, description="Epochs until all rows are learned from.")

    def sampler(self, below: Sampler, task: Task) -> Sampler:
        """Returns the sampler below without the rows that it is too early for.

        Raises:
            ConfigError: it is not known where the training rows come from.
        """
        if task.data.rows is None:
            raise ConfigError("training.recipes: curriculum", "needs rows of known volatility (TrainingData.rows)")
        place = _places(task.data.rows, self.first)

        def sample(history: Sequence[Epoch], generator: np.random.Generator) -> Sequence[Rows]:
            batches = below(history, generator)
            if len(history) >= self.epochs:
                return batches
            share = round(self.start + (1.0 - self.start) * len(history) / self.epochs, 12)
            order = np.concatenate(batches)
            return cut(order[place[order] < share], task.batch_size)

        return sample


def _places(table: RowTable, first: str) -> NDArray[np.float64]:
    """Returns each row's place (n,) in [0, 1) among its symbol's, the calmest (or most turbulent) at 0."""
    score = table.volatility if first == "calm" else -table.volatility
    place = np.empty(len(score))
    for symbol in np.unique(table.symbol):
        own = np.flatnonzero(table.symbol == symbol)
        place[own[np.argsort(score[own], kind="stable")]] = np.arange(len(own)) / len(own)
    return place
