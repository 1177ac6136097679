"""Weights from which a few steps on a few rows go far: meta-learning over stretches of time, or over regimes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from regimen.errors import ConfigError
from regimen.seams import Batch, Epoch, Objective, Rows, RowTable, Sampler
from regimen.training.recipes.maml.tasks import Episodes, MarketTask, regimes, stretches, terciles, watched
from regimen.training.recipes.recipe import Task

if TYPE_CHECKING:
    from torch import nn

_FIELD = "training.recipes: maml"
_BARS = 250
_HELD_OF_A_STEP = 3.0
"""Forward passes that a step of adaptation holds, the graph of its own gradient included."""


class MamlConfig(BaseModel):
    """``min_θ Σ_i L_i(θ − α∇L_i(θ) − …)``: lowers the loss *after* ``inner_steps`` of adaptation to a task.

    Timing: a task is a stretch of ``bars`` of one symbol, or one of the three regimes of a symbol: the terciles of the
    volatility of bars <= t over its training rows. An episode is ``shots`` rows of a task (its support) and then
    ``queries`` rows whose bars lie behind the last bar that any label of the support looked at. Rows of two tasks are
    disjoint; the label of a stretch's row never looks beyond the stretch.

    Validation rows are tasks too: the first ``shots`` rows of each stretch or regime are adapted to, the later ones
    measured. What is traded are the best weights after the same adaptation to the last ``shots`` training rows of each
    symbol (of the regime that its last row is in), whose labels are due before the validation begins. So validation,
    calibration and test see one and the same model, adapted once a window.

    Sources: Finn, Abbeel and Levine, arXiv 1703.03400 (``first_order`` too: section 5.2); Raghu et al., arXiv
    1909.09157 (``adapts: head``).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    replaces_sampler: ClassVar[bool] = True

    kind: Literal["maml"] = Field("maml", description="Weights that adapt to a task in a few steps.")
    inner_rate: float = Field(0.01, gt=0.0, allow_inf_nan=False, description="α, rate of a step of adaptation.")
    inner_steps: int = Field(5, ge=1, le=1000, description="Steps of adaptation.")
    shots: int = Field(20, ge=1, description="Rows of a task that are adapted to.")
    queries: int = Field(20, ge=1, description="Later rows of the task that the adapted weights are measured by.")
    tasks_per_batch: int = Field(4, ge=1, description="Episodes in one optimiser step.")
    first_order: bool = Field(
        False, description="Leave out how the steps themselves depend on the weights: half the time, nearly as good."
    )
    adapts: Literal["all", "head"] = Field(
        "all", description="all: every parameter is adapted; head: those of the last layer (ANIL)."
    )
    task: Literal["stretch", "regime"] = Field(
        "stretch", description="What is adapted to: a stretch of time, or a tercile of trailing volatility."
    )
    bars: int = Field(_BARS, ge=2, description="stretch: its bars, counted from the first bar of the series.")
    steps_per_epoch: int | None = Field(
        None, ge=1, description="Optimiser steps an epoch; null: as many as batch_size cuts the training rows into."
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        least = self.shots + self.queries
        if self.task == "regime" and self.bars != _BARS:
            raise ValueError("bars must be left alone unless task is stretch")
        if self.task == "stretch" and self.bars < least:
            raise ValueError(f"bars must be at least shots + queries = {least}; got {self.bars}")
        return self

    @property
    def passes(self) -> float:
        """The support's or the query's alone, in first order; otherwise those of every step, and of its gradient."""
        rows = self.shots + self.queries
        if self.first_order:
            return max(self.shots, self.queries) / rows
        return (_HELD_OF_A_STEP * self.inner_steps * self.shots + self.queries) / rows

    @property
    def copies(self) -> int:
        """Weights and their gradients, of every task; of every step where gradients go through it."""
        return self.tasks_per_batch * (3 if self.first_order else 2 * self.inner_steps + 1)

    def sampler(self, below: Sampler, task: Task) -> Sampler:
        """Returns batches of episodes; what is below is not asked.

        Raises:
            ConfigError: it is not known where rows come from; a regime with fewer rows than an episode has, or no
                stretch with as many.
        """
        del below
        table = self._table(task.data.rows, "training")
        episodes = self._episodes(table)
        steps = self.steps_per_epoch or -(-len(table.time) // task.batch_size)

        def sample(history: Sequence[Epoch], generator: np.random.Generator) -> Sequence[Rows]:
            del history
            return episodes.draw(steps, self.tasks_per_batch, generator)

        return sample

    def watched_rows(self, task: Task, most: int) -> Sequence[Rows]:
        """Returns the validation rows as episodes: of each task the first ``shots`` rows, and then all later ones.

        Args:
            task: the training.
            most: rows of a query in one batch.

        Raises:
            ConfigError: it is not known where rows come from, or no task has later rows.
        """
        table = self._table(task.data.rows_val, "validation")
        training = self._table(task.data.rows, "training")
        batches = watched(self._tasks(table, training), table, self.shots, most)
        if not batches:
            rule = f"needs a {self.task} with validation rows behind the labels of its first shots = {self.shots}"
            raise ConfigError(_FIELD, rule, len(table.time))
        return batches

    def objective(self, below: Objective, task: Task) -> Objective:
        """Returns the loss of the adapted weights."""
        del task
        from regimen.training.recipes.maml.adaptation import MetaLoss

        return MetaLoss(
            below,
            tasks=self.tasks_per_batch,
            shots=self.shots,
            rate=self.inner_rate,
            steps=self.inner_steps,
            first_order=self.first_order,
            adapts=self.adapts,
        )

    def finish(self, module: nn.Module, below: Objective, task: Task, take: Callable[[Rows], Batch]) -> None:
        """Adapts the chosen weights to the last ``shots`` training rows of each symbol.

        Rows of augmented paths, which come after the market's own, are not adapted to.
        """
        from regimen.training.recipes.maml.adaptation import adapt

        table = self._table(task.data.rows, "training")
        count = task.data.own
        own = RowTable(table.time[:count], table.symbol[:count], table.end[:count], table.volatility[:count])
        tasks = self._tasks(own, own) if self.task == "regime" else stretches(own, int(own.end.max()) + 1)
        last: dict[int, Rows] = {}
        for each in tasks:  # of a symbol's regimes, the one that its last row is in
            symbol, rows = int(own.symbol[each.rows[0]]), each.rows
            if symbol not in last or own.time[rows[-1]] > own.time[last[symbol][-1]]:
                last[symbol] = rows[-self.shots :]
        rows = np.concatenate([last[symbol] for symbol in sorted(last)])
        adapt(module, below, take(rows), rate=self.inner_rate, steps=self.inner_steps, adapts=self.adapts)

    def _table(self, table: RowTable | None, which: str) -> RowTable:
        if table is None:
            raise ConfigError(_FIELD, f"needs to know where the {which} rows come from (TrainingData)")
        if self.task == "regime" and not np.isfinite(table.volatility).all():
            raise ConfigError(_FIELD, f"needs {which} rows of known volatility")
        return table

    def _tasks(self, table: RowTable, training: RowTable) -> list[MarketTask]:
        return stretches(table, self.bars) if self.task == "stretch" else regimes(table, terciles(training))

    def _episodes(self, table: RowTable) -> Episodes:
        """Returns the episodes of the training rows, after it was seen that there are enough of them."""
        tasks = self._tasks(table, table)
        least = f"shots + queries = {self.shots + self.queries} rows, the query after the labels of the support"
        episodes = Episodes.of(tasks, table, self.shots, self.queries)
        if self.task == "regime":
            expected = 3 * len(np.unique(table.symbol))
            for each in tasks:
                if not len(Episodes.of([each], table, self.shots, self.queries).places):
                    raise ConfigError(_FIELD, f"needs {least}, in each regime ({each.name})", len(each.rows))
            if len(tasks) < expected:
                raise ConfigError(_FIELD, f"needs {expected} regimes with {least}", len(tasks))
        elif not len(episodes.places):
            longest = max((len(each.rows) for each in tasks), default=0)
            raise ConfigError(_FIELD, f"needs a stretch of {self.bars} bars with {least}", longest)
        return episodes
