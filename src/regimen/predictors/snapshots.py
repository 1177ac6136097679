"""A snapshot ensemble: one net as it was after each of its last epochs, their probabilities averaged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from regimen.reprs import many, short

if TYPE_CHECKING:
    from regimen.predictors.torch_predictor import TorchPredictor
    from regimen.windows import SeriesWindows

Floats = NDArray[np.float64]


@final
class SnapshotPredictor:
    """``p = (1/k) Σ p(x; weights after epoch e − k + 1, …, e)``, e the chosen epoch: k members for one training.

    Huang, Li, Pleiss, Liu, Hopcroft and Weinberger, "Snapshot ensembles: train 1, get M for free" (ICLR 2017).
    *Deviation:* their learning rate is raised again before each snapshot, so that snapshots differ more; here they are
    those of consecutive epochs, which costs nothing and changes no training.

    Args:
        predictors: one for each epoch, the chosen one last.
    """

    def __init__(self, predictors: Sequence[TorchPredictor]) -> None:
        self.predictors = tuple(predictors)
        self.inputs, self.schema = self.predictors[-1].inputs, self.predictors[-1].schema

    def __repr__(self) -> str:
        return short(self, f"{many(len(self.predictors), 'epoch')} of {self.predictors[-1]!r}")

    @property
    def context(self) -> int:
        """Rows that it sees at once."""
        return self.predictors[-1].context

    def predict_proba(self, x: NDArray[np.floating] | SeriesWindows) -> Floats:
        """Returns the mean (n, class) of the epochs' probabilities; a row with a NaN gives a row of NaN."""
        total = self.predictors[0].predict_proba(x)
        for each in self.predictors[1:]:  # one after the other, so that a row has its bits among many
            total = total + each.predict_proba(x)
        return np.asarray(total / len(self.predictors))
