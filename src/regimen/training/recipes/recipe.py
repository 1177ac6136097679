"""What a recipe may change of a training: which rows come next, what happens to a batch, what is minimised."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from regimen.seams import Batch, Objective, Rows, Sampler, Transform
from regimen.training.data import TrainingData

if TYPE_CHECKING:
    from torch import nn


class Task(NamedTuple):
    """The training that a recipe changes.

    Attributes:
        data: the rows.
        batch_size: rows in a batch.
        classes: that the model tells apart.
        seed: of what a recipe draws once for all epochs.
    """

    data: TrainingData
    batch_size: int
    classes: int = 3
    seed: int = 0


@runtime_checkable
class SamplesRows(Protocol):
    """A recipe that says which rows make the batches of an epoch."""

    def sampler(self, below: Sampler, task: Task) -> Sampler:
        """Returns a sampler that wraps the one below, or replaces it (see `ReplacesSampler`)."""


@runtime_checkable
class ReplacesSampler(SamplesRows, Protocol):
    """A sampling recipe that does not ask the sampler below; no other one may stand before it."""

    @property
    def replaces_sampler(self) -> bool:
        """True."""


@runtime_checkable
class ReplacesObjective(Protocol):
    """A recipe that says alone what is minimised and does not ask the objective below."""

    @property
    def replaces_objective(self) -> bool:
        """True."""


@runtime_checkable
class WatchesRows(Protocol):
    """A recipe that says in which batches the validation rows are looked at."""

    def watched_rows(self, task: Task, most: int) -> Sequence[Rows]:
        """Returns batches of positions of validation rows, of about so many; not asked where there are none."""


@runtime_checkable
class FinishesModel(Protocol):
    """A recipe that has the last word on the weights that a training chose."""

    def finish(self, module: nn.Module, below: Objective, task: Task, take: Callable[[Rows], Batch]) -> None:
        """Changes the chosen weights in place.

        Args:
            module: the network, with the weights of the best epoch.
            below: the objective that this recipe wraps.
            task: the training.
            take: gives training rows, on the module's device.
        """


@runtime_checkable
class ChangesBatches(Protocol):
    """A recipe that changes training batches, and never the validation rows."""

    def transform(self, below: Transform, task: Task) -> Transform:
        """Returns a transform that wraps the one below."""


@runtime_checkable
class ChangesObjective(Protocol):
    """A recipe that changes what is minimised, on the validation rows too."""

    def objective(self, below: Objective, task: Task) -> Objective:
        """Returns an objective that wraps the one below."""


@runtime_checkable
class NeedsTargets(Protocol):
    """A recipe that needs more of a row than its class."""

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of `TrainingData.targets_train`; see `regimen.labels.further_targets`."""


@runtime_checkable
class HoldsMore(Protocol):
    """A recipe under which a step holds more for its backward pass than one forward pass of the batch does."""

    @property
    def kind(self) -> str:
        """Its name, for the error."""

    @property
    def passes(self) -> float:
        """Forward passes of the whole batch whose activations are held at once; those of recipes are multiplied."""

    @property
    def copies(self) -> int:
        """Copies of the learned parameters that are held besides the module's own."""


Recipe = SamplesRows | ChangesBatches | ChangesObjective
"""A frozen config with at least one of the three hooks."""
