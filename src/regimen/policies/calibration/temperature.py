"""Temperature scaling: the one number by which logits are divided, found as the root of a monotone function."""

from __future__ import annotations

from typing import Self, final

import numpy as np
from numpy.typing import NDArray

from regimen.metrics import PROBABILITY_FLOOR
from regimen.policies.calibration.calibrated import checked, normalised

Floats = NDArray[np.float64]
LOWEST, HIGHEST = 0.01, 100.0
"""Temperatures that are looked for: beyond them a forecast is certain, or says that all classes are alike."""


@final
class TemperatureScaling:
    """``p' = softmax(ln p / T)``; p counts as at least 1e-9.

    Args:
        temperature: T; above 1 forecasts were too sure, below 1 not sure enough.
    """

    def __init__(self, temperature: float) -> None:
        self.temperature = float(temperature)

    def __repr__(self) -> str:
        return f"TemperatureScaling({self.temperature:.4g})"

    @property
    def about(self) -> dict[str, float]:
        """The temperature."""
        return {"temperature": self.temperature}

    def __call__(self, probabilities: Floats) -> Floats:
        """Returns the calibrated probabilities (n, 3) of (n, 3), each row by itself; a row with a NaN is NaN."""
        return softmax(logits(probabilities) / self.temperature)

    def state(self) -> dict[str, Floats]:
        """Returns the temperature as an array."""
        return {"temperature": np.array(self.temperature)}

    @classmethod
    def from_state(cls, state: dict[str, Floats]) -> Self:
        """Returns what `state` was of."""
        return cls(float(state["temperature"]))


def fit_temperature(probabilities: Floats, y: NDArray[np.integer], weights: Floats | None = None) -> TemperatureScaling:
    """Returns the temperature of the lowest weighted log loss, within [0.01, 100].

    The loss is convex in ``β = 1/T``, and its slope ``Σ w (E_β[z] − z_y)``, where z = ln p, never falls: its root is
    found by bracketing, to the last bits. A loss that falls all the way has its end of the range.

    Args:
        probabilities, y, weights: see `CalibrationSettings.fit`.

    Raises:
        RunError: see `CalibrationSettings.fit`.
    """
    given, came, counts = checked(probabilities, y, weights)
    z = logits(given)
    reached = z[np.arange(len(came)), came]

    def slope(beta: float) -> float:
        return float((counts * ((softmax(z * beta) * z).sum(axis=1) - reached)).sum())

    if slope(1.0 / HIGHEST) >= 0.0:
        return TemperatureScaling(HIGHEST)
    if slope(1.0 / LOWEST) <= 0.0:
        return TemperatureScaling(LOWEST)
    from scipy.optimize import brentq

    return TemperatureScaling(1.0 / brentq(slope, 1.0 / HIGHEST, 1.0 / LOWEST, xtol=1e-14, rtol=1e-14))


def logits(probabilities: Floats) -> Floats:
    """Returns ``ln p``, less the largest of the row; p counts as at least 1e-9, and NaN stays."""
    z = np.log(np.maximum(np.ascontiguousarray(probabilities, np.float64), PROBABILITY_FLOOR))
    return np.asarray(z - z.max(axis=1, keepdims=True))


def softmax(z: Floats) -> Floats:
    """Returns ``exp(z_k) / Σ exp(z)`` of rows (n, 3)."""
    return normalised(np.exp(z - z.max(axis=1, keepdims=True)))
