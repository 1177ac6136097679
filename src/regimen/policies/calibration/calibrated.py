"""What a fitted calibration is, and a classifier that says what one makes of another's probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, final

import numpy as np
from numpy.typing import NDArray

from regimen.errors import RunError
from regimen.labels import CLASSES
from regimen.reprs import short

if TYPE_CHECKING:
    from regimen.policies.classifier import Classifier
    from regimen.windows import SeriesWindows

Floats = NDArray[np.float64]


class Calibration(Protocol):
    """A fitted calibration, which never changes."""

    def __call__(self, probabilities: Floats) -> Floats:
        """Returns the calibrated probabilities (n, 3) of (n, 3), each row by itself; a row with a NaN is NaN."""

    def state(self) -> dict[str, Floats]:
        """Returns everything as arrays by name, for a file."""

    @property
    def about(self) -> dict[str, float]:
        """The numbers that tell a person what it does, by name."""


@final
class CalibratedClassifier:
    """``classifier -> calibration``: a classifier in the place of the one below it.

    Attributes:
        below: says the raw probabilities.
        calibration: what is made of them.
    """

    def __init__(self, below: Classifier, calibration: Calibration) -> None:
        self.below, self.calibration = below, calibration
        self.inputs, self.schema = below.inputs, below.schema

    def __repr__(self) -> str:
        return short(self, f"{self.calibration!r}, {self.below!r}")

    @property
    def context(self) -> int:
        """Rows that it sees at once."""
        return self.below.context

    def predict_proba(self, x: NDArray[np.floating] | SeriesWindows) -> Floats:
        """Returns the calibrated probabilities (n, 3) of scaled rows, or of windows of them."""
        return self.calibration(self.below.predict_proba(x))


def checked(
    probabilities: Floats, y: NDArray[np.integer], weights: Floats | None
) -> tuple[Floats, NDArray[np.int64], Floats]:
    """Returns what a calibration is fitted on as arrays, the weights adding up to the number of rows.

    Raises:
        RunError: see `CalibrationSettings.fit`.
    """
    given, came = np.ascontiguousarray(probabilities, np.float64), np.asarray(y, np.int64)
    if given.ndim != 2 or given.shape[1] != len(CLASSES) or came.shape != given.shape[:1] or not len(came):
        rule = "must be fitted on SELL, HOLD, BUY (n, 3) and classes (n,), at least one row"
        raise RunError("calibration", rule, (given.shape, came.shape))
    if not np.isfinite(given).all():
        raise RunError("calibration", "must be fitted on known probabilities", int((~np.isfinite(given)).sum()))
    if came.min() < 0 or came.max() >= len(CLASSES):
        raise RunError("calibration", "must be fitted on rows with a label of 0, 1 or 2", int(came.min()))
    if weights is None:
        return given, came, np.ones(len(came))
    counts = np.asarray(weights, np.float64)
    if counts.shape != came.shape or not np.isfinite(counts).all() or counts.min() < 0.0 or not counts.sum() > 0.0:
        raise RunError("calibration", "must have weights (n,), none negative and not all 0", counts.shape)
    return given, came, counts * (len(counts) / counts.sum())


def normalised(parts: Floats) -> Floats:
    """Returns rows (n, 3) that add up to 1; the sum is written out, so that its order never depends on the shape."""
    return parts / (parts[:, 0] + parts[:, 1] + parts[:, 2])[:, None]
