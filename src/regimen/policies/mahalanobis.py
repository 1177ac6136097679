"""How far a row is from the rows that a model learned from: Mahalanobis distance, and its conformal p-value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regimen.errors import RunError
from regimen.jit import jit

Floats = NDArray[np.float64]


def ledoit_wolf(rows: Floats) -> tuple[Floats, float]:
    """Returns the shrunk covariance ``(1 − δ) S + δ μ I`` of centred rows, and δ.

    ``S = XᵀX / n``, ``μ = tr(S) / p``, ``δ = min(Σ ‖x xᵀ − S‖² / n², ‖S − μI‖²) / ‖S − μI‖²``: Ledoit and Wolf, "A
    well-conditioned estimator for large-dimensional covariance matrices", Journal of Multivariate Analysis 88 (2004),
    lemma 3.2 to theorem 3.2. δ is 0 where S is a multiple of I already.

    Args:
        rows: (row, feature), each column of mean 0.
    """
    count, width = rows.shape
    sample = rows.T @ rows / count
    middle = float(np.trace(sample)) / width
    target = middle * np.eye(width)
    away = float(((sample - target) ** 2).sum())
    squares = (rows**2).sum(axis=1)
    noise = (float((squares**2).sum()) / count - float((sample**2).sum())) / count
    shrinkage = min(max(noise, 0.0), away) / away if away > 0.0 else 0.0
    return (1.0 - shrinkage) * sample + shrinkage * target, shrinkage


@dataclass(frozen=True, eq=False)
class TrainingCloud:
    """The rows that a model learned from, as a mean and a shrunk covariance, and how far other rows are from it.

    Attributes:
        mean, weight: (feature,) mean of the training rows, and 1 / deviation; 0 for a column that does not move, which
            tells no distance.
        whitening: (feature, feature) inverse of the Cholesky factor of the standardised rows' shrunk covariance.
        reference: (m,) squared distances of the validation rows, ascending.
    """

    mean: Floats
    weight: Floats
    whitening: Floats
    reference: Floats

    @classmethod
    def fit(cls, train: Floats, validation: Floats) -> TrainingCloud:
        """Fits the cloud on training rows, and ranks validation rows by their distance from it.

        Args:
            train: (row, feature), not scaled; rows that are not finite are left out.
            validation: (row, feature), the same.

        Raises:
            RunError: there are no columns, or fewer than two training rows or one validation row that are whole; or the
                training rows are all the same.
        """
        train, validation = (rows[np.isfinite(rows).all(axis=1)] for rows in (train, validation))
        if train.shape[1] == 0:
            raise RunError("novelty", "needs features", 0)
        for name, rows, least in (("training", train, 2), ("validation", validation, 1)):
            if len(rows) < least:
                raise RunError("novelty", f"needs {name} rows without a missing feature, at least {least}", len(rows))
        moves = np.ptp(train, axis=0) > 0.0
        mean, weight = train.mean(axis=0), np.where(moves, 1.0 / np.where(moves, train.std(axis=0), 1.0), 0.0)
        covariance, _ = ledoit_wolf((train - mean) * weight)
        try:
            whitening = np.linalg.inv(np.linalg.cholesky(covariance))
        except np.linalg.LinAlgError:
            raise RunError("novelty", "needs training rows that differ from each other", len(train)) from None
        cloud = cls(mean, weight, np.ascontiguousarray(whitening), np.empty(0))
        return cls(mean, weight, cloud.whitening, np.sort(cloud.distances(validation)))

    def distances(self, rows: Floats) -> Floats:
        """Returns the squared distances (row,) of rows (row, feature); NaN where a feature is not finite."""
        return _distances(np.ascontiguousarray(rows), self.mean, self.weight, self.whitening)

    def p_values(self, rows: Floats) -> Floats:
        """Returns ``(1 + #{validation rows at least as far}) / (m + 1)`` of rows (row, feature); NaN where not whole.

        Uniform on {1, ..., m + 1} / (m + 1) for a row that is exchangeable with the validation rows, whatever their
        distribution. A row alone has the bits that it has among others.
        """
        distances = self.distances(rows)
        farther = len(self.reference) - np.searchsorted(self.reference, distances, side="left")
        return np.where(np.isnan(distances), np.nan, (1.0 + farther) / (len(self.reference) + 1.0))


@jit
def _distances(rows: Floats, mean: Floats, weight: Floats, whitening: Floats) -> Floats:
    """Returns |whitening · (row − mean) · weight|² of each row; every sum is added in one order, as BLAS does not."""
    count, width = rows.shape
    out, standard = np.empty(count), np.empty(width)
    for n in range(count):
        for k in range(width):
            standard[k] = (rows[n, k] - mean[k]) * weight[k]
        total = 0.0
        for i in range(width):
            part = 0.0
            for j in range(i + 1):
                part += whitening[i, j] * standard[j]
            total += part * part
        out[n] = total if total < np.inf else np.nan
    return out
