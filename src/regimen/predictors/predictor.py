"""What a trained classifier is to the rest of the house, whichever library computes it."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from regimen.windows import SeriesWindows


class Predictor(Protocol):
    """Class probabilities for rows of features, or for windows of them, and a folder to keep it in.

    `TorchPredictor` is one; a model of scikit-learn, LightGBM or River becomes one with these five names. Whatever is
    one trades as a `regimen.policies.ClassifierPolicy`.

    Attributes:
        inputs: width of a row of features.
        schema: hash of the feature columns that the rows must have, or "" where it was built without one.
    """

    inputs: int
    schema: str

    @property
    def context(self) -> int:
        """Rows that it sees at once; 1: each row for itself, without a time axis."""

    def predict_proba(self, x: NDArray[np.floating] | SeriesWindows) -> NDArray[np.float64]:
        """Returns the probabilities (n, class) of scaled rows (n, inputs), or of windows (n, window, inputs).

        A row or window with a NaN gives a row of NaN. A row's answer does not depend on the other rows.
        """

    def save(self, folder: Path | str) -> None:
        """Writes it into a folder, whole or not at all, as data and never as code (no pickle).

        Raises:
            RunError: the folder cannot be written to.
        """

    @classmethod
    def load(cls, folder: Path | str, *, schema: str | None = None) -> Self:
        """Reads what `save` wrote.

        Raises:
            RunError: a file is missing or damaged, or ``schema`` is given and is not its own.
        """
