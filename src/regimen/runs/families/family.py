"""What a family of models is to a run: four functions. Which sections of a config a model reads, the model says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from regimen.policies import Policy
    from regimen.records import RunConfig, RunDirectory
    from regimen.runs.fit import Fit, Tell
    from regimen.runs.prepare import Prepared
    from regimen.splits import Window

FIGURES = "figures"
"""The folder of a run's pictures."""


class Draw(Protocol):
    """A function that draws pictures of a finished run."""

    __name__: str

    def __call__(self, prepared: Prepared, directory: RunDirectory) -> Iterator[tuple[str, Path]]:
        """Yields the name and the file of each picture when it is there."""


class Family(Protocol):
    """A file of this folder: how its models are fitted, loaded, shown, and tried with little training."""

    def fit(
        self, prepared: Prepared, window: Window, seed: int, checkpoint: Path | None = None, tell: Tell | None = None
    ) -> Fit:
        """Fits the config's model on a window's training slice; the validation slice chooses among its states.

        Args:
            prepared: bars, features and labels.
            window: the window.
            seed: decides everything random.
            checkpoint: folder that a training which was stopped goes on from, bit for bit.
            tell: progress.
        """

    def load(self, folder: Path, config: RunConfig, schema: str) -> Policy:
        """Loads what `Fit.save` left in a window's folder.

        Args:
            folder: the window's folder.
            config: of the run.
            schema: hash of the features that will be fed.

        Raises:
            RunError: it was trained on features of another schema, or a file is damaged.
        """

    def figures(self) -> tuple[Draw, ...]:
        """Returns what draws the pictures that only this family has."""

    def short(self, config: RunConfig) -> RunConfig:
        """Returns the same run with as little training as shows a leak."""


class GoesOn(Protocol):
    """A family whose models can begin where those of the window before ended: with its weights, or all they learned."""

    def fit(
        self,
        prepared: Prepared,
        window: Window,
        seed: int,
        checkpoint: Path | None = None,
        tell: Tell | None = None,
        previous: Path | None = None,
    ) -> Fit:
        """Fits as `Family.fit` does; ``previous`` is the folder of the window before, None: it begins anew."""
