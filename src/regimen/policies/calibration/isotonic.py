"""Isotonic calibration: each class against the rest by pool-adjacent-violators, then normalised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self, final

import numpy as np
from numpy.typing import NDArray

from regimen.labels import CLASSES
from regimen.metrics import log_loss
from regimen.policies.calibration.calibrated import checked, normalised

Floats = NDArray[np.float64]


@final
class IsotonicCalibration:
    """``p'_k = max(f_k(p_k), floor)``, each row then divided by its sum; f_k is linear between its knots.

    Args:
        knots, values: of each class, (knot,): where its curve bends, increasing, and what it says there, not falling.
        floor: no curve says less.
    """

    def __init__(self, knots: Sequence[Floats], values: Sequence[Floats], floor: float) -> None:
        self.knots, self.values, self.floor = tuple(knots), tuple(values), float(floor)

    def __repr__(self) -> str:
        bends = ", ".join(f"{name} {len(knots)}" for name, knots in zip(CLASSES, self.knots, strict=True))
        return f"IsotonicCalibration({bends} knots)"

    @property
    def about(self) -> dict[str, float]:
        """How many knots the curve of each class has."""
        return {f"knots {name}": float(len(knots)) for name, knots in zip(CLASSES, self.knots, strict=True)}

    def __call__(self, probabilities: Floats) -> Floats:
        """Returns the calibrated probabilities (n, 3) of (n, 3), each row by itself; a row with a NaN is NaN."""
        given = np.asarray(probabilities, np.float64)
        curves = zip(given.T, self.knots, self.values, strict=True)
        return normalised(np.maximum(np.stack([np.interp(*curve) for curve in curves], axis=1), self.floor))

    def state(self) -> dict[str, Floats]:
        """Returns knots and values of each class, and the floor."""
        state = {"floor": np.array(self.floor)}
        for name, knots, values in zip(CLASSES, self.knots, self.values, strict=True):
            state |= {f"knots {name}": knots, f"values {name}": values}
        return state

    @classmethod
    def from_state(cls, state: dict[str, Floats]) -> Self:
        """Returns what `state` was of."""
        knots, values = ([state[f"{part} {name}"] for name in CLASSES] for part in ("knots", "values"))
        return cls(knots, values, float(state["floor"]))


def fit_isotonic(
    probabilities: Floats, y: NDArray[np.integer], weights: Floats | None = None, floor: float = 0.01
) -> IsotonicCalibration:
    """Returns the curves of the least squared error, each class against the rest.

    Rows of equal probability are pooled first. Pool-adjacent-violators minimises each class's own error; what is left
    after floor and normalisation may, seldom and by little, lose more than the forecasts as they are: then they are
    left as they are, by curves that are straight lines.

    Args:
        probabilities, y, weights: see `CalibrationSettings.fit`.
        floor: no curve says less.

    Raises:
        RunError: see `CalibrationSettings.fit`.
    """
    given, came, counts = checked(probabilities, y, weights)
    curves = [_curve(given[:, k], (came == k).astype(np.float64), counts) for k in range(len(CLASSES))]
    fitted = IsotonicCalibration([knots for knots, _ in curves], [values for _, values in curves], floor)
    if log_loss(fitted(given), came, counts) <= log_loss(given, came, counts):
        return fitted
    line = np.array([0.0, 1.0])
    return IsotonicCalibration([line] * len(CLASSES), [line] * len(CLASSES), floor=0.0)


def _curve(given: Floats, came: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Returns knots and values of the non-decreasing curve nearest to what came: the ends of its level stretches."""
    from scipy.optimize import isotonic_regression

    knots, place = np.unique(given, return_inverse=True)
    total = np.bincount(place, weights=counts)
    heard = total > 0.0
    knots, total = knots[heard], total[heard]
    values = isotonic_regression(np.bincount(place, weights=counts * came)[heard] / total, weights=total).x
    bend = np.ones(len(values), np.bool_)
    bend[1:-1] = (values[1:-1] != values[:-2]) | (values[1:-1] != values[2:])
    return knots[bend], values[bend]
