"""`OnlineLogistic`: softmax of a linear function, as numbers that a policy can keep in its memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Self, final

import numpy as np
from numpy.typing import NDArray

from regimen.errors import ConfigError, RunError
from regimen.files import write_text
from regimen.predictors.online.ftrl_step import CLASSES, PARTS, learn, predict
from regimen.reprs import short

if TYPE_CHECKING:
    from regimen.predictors.online.logistic import OnlineLogisticConfig

Floats = NDArray[np.float64]
_FILE = "logistic.json"
_ALL_ALIKE: Floats = np.empty(0)


@final
class OnlineLogistic:
    """``p = softmax(θ (x, 1))``, learned row by row.

    Attributes:
        config: the frozen config that built it.
        numbers: θ, z and n, each (class, inputs + 1), one after the other.
        inputs: width of a row.
        schema: hash of the feature columns, or "".
    """

    context = 1

    def __init__(self, config: OnlineLogisticConfig, numbers: Floats, inputs: int, schema: str = "") -> None:
        self.config, self.numbers, self.inputs, self.schema = config, numbers, inputs, schema

    def __repr__(self) -> str:
        return short(self, f"{self.weights.size} weights")

    @classmethod
    def fresh(cls, config: OnlineLogisticConfig, inputs: int, schema: str) -> Self:
        """Returns one whose weights are 0: all classes are alike."""
        if inputs < 1:
            raise ConfigError("inputs", "must be at least 1", inputs)
        return cls(config, np.zeros(PARTS * CLASSES * (inputs + 1)), inputs, schema)

    @classmethod
    def load(cls, config: OnlineLogisticConfig, folder: Path, schema: str) -> Self:
        """Reads what `save` wrote.

        Raises:
            RunError: the file is missing or damaged, or ``schema`` is not its own.
        """
        try:
            document = json.loads((folder / _FILE).read_bytes())
            numbers, inputs = np.array(document["numbers"], np.float64), int(document["inputs"])
            own = str(document["schema"])
            if numbers.shape != (PARTS * CLASSES * (inputs + 1),) or not np.isfinite(numbers).all():
                raise ValueError
        except (OSError, KeyError, TypeError, ValueError):
            raise RunError("run", f"holds a damaged or missing {_FILE}", str(folder)) from None
        if own != schema:
            raise RunError("features", f"must have the schema {own[:12]} that the model was trained on", schema[:12])
        return cls(config, numbers, inputs, schema)

    @property
    def weights(self) -> Floats:
        """θ (class, inputs + 1), the bias last."""
        return self.numbers[: CLASSES * (self.inputs + 1)].reshape(CLASSES, self.inputs + 1)

    @property
    def parameter_counts(self) -> tuple[int, int]:
        """Weights, all of which learn."""
        return self.weights.size, self.weights.size

    def learn(self, rows: Floats, y: NDArray[np.integer], weights: Floats | None = None) -> None:
        """Learns from rows in their order, one after the other; see `regimen.policies.online.Learns`."""
        config, counts = self.config, _ALL_ALIKE if weights is None else np.asarray(weights, np.float64)
        x, came = self._checked(rows), np.asarray(y, np.int64)
        if came.shape != x.shape[:1] or (len(counts) and counts.shape != came.shape):
            raise RunError("rows", f"must have one class each, and one weight; {len(x)} rows have", came.shape)
        learn(self.numbers, x, came, counts, config.learning_rate, config.beta, config.l1, config.l2, config.keep)

    def predict_proba(self, x: Floats) -> Floats:
        """Returns the probabilities (n, 3) of scaled rows (n, inputs); a row with a NaN gives a row of NaN."""
        rows = self._checked(x)
        out = np.empty((len(rows), CLASSES))
        predict(self.numbers, rows, out)
        return out

    def save(self, folder: Path) -> None:
        """Writes it into a folder.

        Raises:
            RunError: the folder cannot be written to.
        """
        document = {"inputs": self.inputs, "schema": self.schema, "numbers": self.numbers.tolist()}
        write_text(folder / _FILE, json.dumps(document, allow_nan=False) + "\n")

    def copy(self) -> Self:
        """Returns another one that knows the same."""
        return self.at(self.numbers.copy())

    def at(self, numbers: Floats) -> Self:
        """Returns one that knows these numbers, and changes them in place when it learns."""
        return type(self)(self.config, numbers, self.inputs, self.schema)

    def _checked(self, rows: Floats) -> Floats:
        x = np.ascontiguousarray(rows, np.float64)
        if x.ndim != 2 or x.shape[1] != self.inputs:
            raise RunError("features", f"must be rows of {self.inputs} columns", x.shape)
        return x
