"""Easy rows first: a training that begins with the bars on which there is least to be confused by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from regimen.errors import ConfigError
from regimen.seams import Epoch, Rows, RowTable, Sampler
from regimen.seeding import generator as random_generator
from regimen.training.recipes.recipe import Task
from regimen.training.samplers import cut

Share = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


class DifficultyConfig(BaseModel):
    """What makes a row hard: a weighted sum of places among the rows of its symbol, each from bars <= its own.

    What is not named does not count, so ``{noise: 1}`` is the noise alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    volatility: Share = Field(0.0, description="By the trailing volatility; the most turbulent row is the hardest.")
    sign_changes: Share = Field(0.0, description="By how often returns change their sign.")
    clarity: Share = Field(0.0, description="By how straight the price went; the most winding way is the hardest.")
    noise: Share = Field(0.0, description="By what a straight line leaves of the way of the price.")

    @model_validator(mode="after")
    def _something_counts(self) -> Self:
        if not any(self.model_dump().values()):
            raise ValueError("one of volatility, sign_changes, clarity, noise must be above 0")
        return self


_VOLATILITY = DifficultyConfig(volatility=1.0)


class CurriculumConfig(BaseModel):
    """The first epochs learn from the easiest rows of each symbol, the last ones from all.

    By ``start`` and ``epochs`` the share grows evenly from epoch to epoch; by ``stages`` from stage to stage, so that
    each stage has the rows of the one before, and the last one all. Where the sampler below gives a row that it is too
    early for, the row is left out; so when all are learned from, the batches are those of the sampler below.

    With ``gate`` a stage but the last is left before its time once the validation loss has stopped improving: when the
    interval of 95 % below the mean improvement of its last ``gate`` epochs reaches 0. The last stage then has the
    epochs that are saved. Improvements from epoch to epoch are not independent, so the interval is a rule and no test.

    Source: Bengio et al., Curriculum learning (2009). Its value: Wu et al., When do curricula work? (arXiv 2012.03107)
    found that a random order mostly does as well, which ``order: random`` is there to show.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["curriculum"] = Field("curriculum", description="Easy rows first, or hard ones.")
    first: Literal["calm", "turbulent"] = Field("calm", description="turbulent: short for order=hard_first.")
    start: float = Field(0.25, gt=0.0, lt=1.0, description="Share of the rows in the first epoch, or the first stage.")
    epochs: int = Field(5, ge=1, description="Epochs until all rows are learned from; without stages.")
    order: Literal["easy_first", "hard_first", "random"] = Field(
        "easy_first",
        exclude_if=lambda order: order == "easy_first",  # as before there was any other
        description="Which rows an epoch of few rows has; random: whichever, but always the same ones.",
    )
    difficulty: DifficultyConfig = Field(
        _VOLATILITY, exclude_if=lambda difficulty: difficulty == _VOLATILITY, description="What makes a row hard."
    )
    stages: tuple[Annotated[int, Field(ge=1)], ...] | None = Field(
        None,
        min_length=2,
        exclude_if=lambda stages: stages is None,
        description="Epochs of each stage, together those of the training; null: the share grows by start and epochs.",
    )
    hard_in_easy: float = Field(
        0.0,
        ge=0.0,
        lt=1.0,
        exclude_if=lambda share: share == 0.0,
        description="Share of an epoch's rows that are of those it is too early for, drawn anew each epoch.",
    )
    gate: int | None = Field(
        None,
        ge=2,
        exclude_if=lambda gate: gate is None,
        description="Epochs by which a stage is left early if they improved nothing on validation rows; null: never.",
    )

    @model_validator(mode="after")
    def _one_word_for_one_thing(self) -> Self:
        if self.first == "turbulent" and self.order != "easy_first":
            raise ValueError("order must be left alone where first says so already")
        if self.stages is not None and self.epochs != type(self).model_fields["epochs"].default:
            raise ValueError("epochs must be left alone with stages, which say it")
        if self.stages is None and self.gate is not None:
            raise ValueError("gate needs stages to leave")
        return self

    def sampler(self, below: Sampler, task: Task) -> Sampler:
        """Returns the sampler below without the rows that it is too early for.

        Raises:
            ConfigError: it is not known where the training rows come from, or how hard they are; a gate without
                validation rows.
        """
        if task.data.rows is None:
            raise ConfigError("training.recipes: curriculum", "needs rows of known volatility (TrainingData.rows)")
        if self.gate is not None and task.data.x_val is None:
            raise ConfigError("training.recipes: curriculum.gate", "must be null without validation rows", self.gate)
        place = self._places(task.data.rows, task.seed)

        def sample(history: Sequence[Epoch], generator: np.random.Generator) -> Sequence[Rows]:
            batches = below(history, generator)
            share = self.share(history)
            if share >= 1.0:
                return batches
            order = np.concatenate(batches)
            kept = place[order] < share
            if self.hard_in_easy:
                early = np.flatnonzero(~kept)
                wanted = round(int(kept.sum()) * self.hard_in_easy / (1.0 - self.hard_in_easy))
                kept[generator.choice(early, min(wanted, len(early)), replace=False)] = True
            return cut(order[kept], task.batch_size)

        return sample

    def share(self, history: Sequence[Epoch]) -> float:
        """Returns the share of each symbol's rows that the next epoch learns from, besides hard ones among the easy.

        Args:
            history: the epochs done.
        """
        if self.stages is None:
            done = min(1.0, len(history) / self.epochs)
        else:
            done = _stage(history, self.stages, self.gate) / (len(self.stages) - 1)
        return round(self.start + (1.0 - self.start) * done, 12)

    def _places(self, table: RowTable, seed: int) -> NDArray[np.float64]:
        """Returns each row's place (n,) in [0, 1) among its symbol's, the first to be learned from at 0."""
        score = self._score(table, seed)
        hard_first = self.order == "hard_first" or self.first == "turbulent"
        return _ranks(-score if hard_first else score, table.symbol)

    def _score(self, table: RowTable, seed: int) -> NDArray[np.float64]:
        if self.order == "random":
            return random_generator(seed, "curriculum").random(len(table.time))
        parts: list[tuple[float, NDArray[np.float64]]] = []
        for name, weight in self.difficulty.model_dump().items():
            if not weight:
                continue
            column = getattr(table, name)
            if column is None:
                raise ConfigError(f"training.recipes: curriculum.difficulty.{name}", "needs rows that know it")
            parts.append((weight, -column if name == "clarity" else column))
        if len(parts) == 1:
            return parts[0][1]
        total: NDArray[np.float64] = np.sum([weight * _ranks(column, table.symbol) for weight, column in parts], axis=0)
        return total


def _ranks(score: NDArray[np.float64], symbols: NDArray[np.int64]) -> NDArray[np.float64]:
    """Returns each row's place (n,) in [0, 1) among its symbol's, the lowest score at 0."""
    place = np.empty(len(score))
    for symbol in np.unique(symbols):
        own = np.flatnonzero(symbols == symbol)
        place[own[np.argsort(score[own], kind="stable")]] = np.arange(len(own)) / len(own)
    return place


def _stage(history: Sequence[Epoch], stages: Sequence[int], gate: int | None) -> int:
    """Returns the number of the stage, from 0, that the next epoch is of."""
    stage, losses = 0, []
    for epoch in history:
        losses.append(epoch.val_loss)
        if stage < len(stages) - 1 and (len(losses) >= stages[stage] or (gate is not None and _stopped(losses, gate))):
            stage, losses = stage + 1, []
    return stage


def _stopped(losses: Sequence[float | None], gate: int) -> bool:
    """Whether the last ``gate`` epochs improved nothing: their mean improvement less t₀.₉₅ sd / √gate is <= 0."""
    if len(losses) <= gate:
        return False
    from scipy.special import stdtrit

    better = -np.diff(np.array(losses[-gate - 1 :], dtype=np.float64))
    error = better.std(ddof=1) / np.sqrt(gate)
    return bool(better.mean() - stdtrit(gate - 1, 0.95) * error <= 0.0)
