"""A calibration that learns on, from opinions whose outcome has fallen due."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, final

import numpy as np
from numpy.typing import NDArray

from regimen.labels import CLASSES as NAMES
from regimen.policies.online.calibration_step import CLASSES, apply, first, learn
from regimen.reprs import short

if TYPE_CHECKING:
    from regimen.policies.online.config import StreamCalibrationConfig

Floats = NDArray[np.float64]


@final
class StreamCalibration:
    """``p' = softmax(s ln p + b)``, s and b by Newton's method one label at a time; see `calibration_step`.

    Args:
        config: the settings.
        numbers: all that it learned, changed in place when it learns.
    """

    def __init__(self, config: StreamCalibrationConfig, numbers: Floats) -> None:
        self.config, self.numbers = config, numbers

    @classmethod
    def fresh(cls, config: StreamCalibrationConfig) -> Self:
        """Returns one that has seen no label: p' = p."""
        return cls(config, first(config.l2, 0.1 * config.l2))

    def __repr__(self) -> str:
        scale, bias = self.numbers[:CLASSES].round(3), self.numbers[CLASSES : 2 * CLASSES].round(3)
        return short(self, f"scale {scale.tolist()}, bias {bias.tolist()}")

    @property
    def about(self) -> dict[str, float]:
        """Scale and bias of each class, as they are now."""
        scales = {f"scale {name}": float(value) for name, value in zip(NAMES, self.numbers[:CLASSES], strict=True)}
        biases = self.numbers[CLASSES : 2 * CLASSES]
        return scales | {f"bias {name}": float(value) for name, value in zip(NAMES, biases, strict=True)}

    def state(self) -> dict[str, Floats]:
        """Returns all that it learned, by name."""
        return {"numbers": self.numbers.copy()}

    def __call__(self, probabilities: Floats) -> Floats:
        """Returns the calibrated probabilities (n, 3) of (n, 3), each row by itself; a row with a NaN is NaN."""
        out = np.empty(probabilities.shape)
        apply(self.numbers, np.ascontiguousarray(probabilities), out)
        return out

    def learn(self, opinions: Floats, y: NDArray[np.integer]) -> None:
        """Learns from opinions (n, 3), as they were said, and the classes (n,) that came."""
        if len(y):
            rows, came = np.ascontiguousarray(opinions, np.float64), np.asarray(y, np.int64)
            learn(self.numbers, rows, came, self.config.keep, self.config.l2, 0.1 * self.config.l2)

    def at(self, numbers: Floats) -> Self:
        """Returns one that knows these numbers."""
        return type(self)(self.config, numbers)
