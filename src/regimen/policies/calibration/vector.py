"""Vector scaling: a scale and a bias for each class, by Newton's method on a penalised log loss."""

from __future__ import annotations

from typing import Self, final

import numpy as np
from numpy.typing import NDArray

from regimen.labels import CLASSES
from regimen.policies.calibration.calibrated import checked
from regimen.policies.calibration.temperature import fit_temperature, logits, softmax

Floats = NDArray[np.float64]
_STEPS = 100
_FLAT = 1e-10
"""Slope of the mean loss at which the descent has arrived."""


@final
class VectorScaling:
    """``p' = softmax(s ln p + b)``; p counts as at least 1e-9, and ln p is less the largest of its row.

    Args:
        scale: (3,) s of SELL, HOLD, BUY.
        bias: (3,) b.
    """

    def __init__(self, scale: Floats, bias: Floats) -> None:
        self.scale, self.bias = np.asarray(scale, np.float64), np.asarray(bias, np.float64)

    def __repr__(self) -> str:
        scale, bias = (", ".join(f"{value:.3g}" for value in row) for row in (self.scale, self.bias))
        return f"VectorScaling(scale {scale}; bias {bias})"

    @property
    def about(self) -> dict[str, float]:
        """Scale and bias of each class."""
        scales = {f"scale {name}": float(value) for name, value in zip(CLASSES, self.scale, strict=True)}
        return scales | {f"bias {name}": float(value) for name, value in zip(CLASSES, self.bias, strict=True)}

    def __call__(self, probabilities: Floats) -> Floats:
        """Returns the calibrated probabilities (n, 3) of (n, 3), each row by itself; a row with a NaN is NaN."""
        return softmax(logits(probabilities) * self.scale + self.bias)

    def state(self) -> dict[str, Floats]:
        """Returns scale and bias."""
        return {"scale": self.scale, "bias": self.bias}

    @classmethod
    def from_state(cls, state: dict[str, Floats]) -> Self:
        """Returns what `state` was of."""
        return cls(state["scale"], state["bias"])


def fit_vector(
    probabilities: Floats, y: NDArray[np.integer], weights: Floats | None = None, l2: float = 10.0
) -> VectorScaling:
    """Returns the scales and biases of the lowest ``Σ w loss + l2 / 2 (Σ (s − 1/T)² + Σ b²)``, T fitted first.

    That is strictly convex in (s, b): Newton's method with halved steps finds its one minimum, from (1/T, 0), whose
    log loss is not above that of the forecasts as they are. So neither is the result's.

    Args:
        probabilities, y, weights: see `CalibrationSettings.fit`.
        l2: the weight of the penalty, in rows.

    Raises:
        RunError: see `CalibrationSettings.fit`.
    """
    given, came, counts = checked(probabilities, y, weights)
    z, n = logits(given), len(came)
    classes = z.shape[1]
    moved = np.zeros((n, classes, 2 * classes))  # what each number moves each logit by: η = moved · (s, b)
    for k in range(classes):
        moved[:, k, k], moved[:, k, classes + k] = z[:, k], 1.0
    hit = np.zeros_like(z)
    hit[np.arange(n), came] = 1.0
    start = np.repeat([1.0 / fit_temperature(given, came, counts).temperature, 0.0], classes)

    def loss(values: Floats) -> float:
        eta = z * values[:classes] + values[classes:]
        peak = eta.max(axis=1)
        missed = peak + np.log(np.exp(eta - peak[:, None]).sum(axis=1)) - (eta * hit).sum(axis=1)
        return float((counts * missed).sum() + l2 / 2 * ((values - start) ** 2).sum()) / n

    values = start
    for _ in range(_STEPS):
        q = softmax(z * values[:classes] + values[classes:])
        slope = (np.einsum("n,nj,njp->p", counts, q - hit, moved) + l2 * (values - start)) / n
        if np.abs(slope).max() < _FLAT:
            break
        mean = np.einsum("nj,njp->np", q, moved)
        spread = moved - mean[:, None]
        curve = np.einsum("nj,njp,njq->pq", counts[:, None] * q, spread, spread) + l2 * np.eye(2 * classes)
        step = np.linalg.solve(curve / n, slope)
        size, now = 1.0, loss(values)
        while size > _FLAT and loss(values - size * step) > now - 1e-4 * size * float(slope @ step):
            size /= 2.0
        if size <= _FLAT:  # nothing lower can be told from this by its last bits
            break
        values = values - size * step
    return VectorScaling(values[:classes], values[classes:])
