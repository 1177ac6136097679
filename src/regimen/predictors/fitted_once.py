"""Models that their library fits by one call, without the common loop: what a run asks of them and their configs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self
from warnings import WarningMessage

import numpy as np
from numpy.typing import NDArray

from regimen.errors import one_line
from regimen.predictors.predictor import Predictor
from regimen.reprs import short_config
from regimen.seams import Inputs
from regimen.settings import ModelSettings

Validation = tuple[Inputs, NDArray[np.integer]]
"""Rows (m, inputs) of the validation slice and their classes (m,)."""

_LONGEST = 160
"""Characters that are kept of a warning."""

OnRound = Callable[[int, int, float, float | None], None]
"""Called after each round of a fit that has rounds: (done, of how many, training loss, validation loss)."""


def complaints_of(caught: Iterable[WarningMessage]) -> tuple[str, ...]:
    """Returns what a library warned of: the first line of each warning, each once."""
    lines = (f"{each.category.__name__}: {each.message}".partition("\n")[0] for each in caught)
    return tuple(dict.fromkeys(one_line(line, _LONGEST) for line in lines))


class OncePredictor(Predictor, Protocol):
    """A `Predictor` of rows that is fitted by one call."""

    @property
    def targets(self) -> tuple[str, ...]:
        """Nothing: it learns the class alone."""

    @property
    def complaints(self) -> tuple[str, ...]:
        """What its library warned of while it was fitted, each once."""

    @property
    def was_chosen(self) -> bool:
        """Whether validation rows may have decided how much of what was fitted is kept."""

    @property
    def course(self) -> dict[str, Any]:
        """How the fit went, as plain values for the window's history; empty where there is nothing to tell."""

    def fit(
        self,
        x: Inputs,
        y: NDArray[np.integer],
        weights: NDArray[np.floating] | None = None,
        validation: Validation | None = None,
        on_round: OnRound | None = None,
    ) -> None:
        """Fits it.

        Args:
            x: (n, inputs) scaled features, finite.
            y: (n,) class of each row, 0 SELL, 1 HOLD, 2 BUY.
            weights: (n,) weight of each row; None: all count alike.
            validation: rows that may stop the fit, and nothing else.
            on_round: progress.
        """


class EstimatorSettings(ModelSettings):
    """The config of a model that is fitted once, on the scaled rows of the training slice."""

    reads: ClassVar[tuple[str, ...]] = (
        *("preprocess", "augment", "scaler", "labels.weights"),
        *("calibration", "exposure"),
    )

    def __repr__(self) -> str:
        return short_config(self)

    @abstractmethod
    def require(self) -> None:
        """Says what is missing before any data are read.

        Raises:
            ConfigError: its library is not installed, or its own code is not there or cannot be called.
        """

    @abstractmethod
    def build(self, inputs: int = 60, seed: int = 0, schema: str = "") -> OncePredictor:
        """Returns an unfitted predictor.

        Args:
            inputs: width of a row.
            seed: decides everything random of it.
            schema: hash of the feature columns, or "".

        Raises:
            ConfigError: as `require`.
        """

    @abstractmethod
    def read(self, folder: Path, schema: str) -> OncePredictor:
        """Returns the predictor that such a config built and that was saved into a folder.

        Raises:
            ConfigError: as `require`.
            RunError: a file is missing or damaged, or ``schema`` is not its own.
        """

    def shortened(self) -> Self:
        """Returns the config with as little to fit as shows a leak."""
        return self
