"""`OnlineForest`: River's adaptive random forest behind the verbs of a classifier that learns on."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, final

import numpy as np
from numpy.typing import NDArray

from regimen.errors import ConfigError, RunError
from regimen.files import write_bytes, write_text
from regimen.predictors.online.river_file import from_json, to_json
from regimen.reprs import many, short

if TYPE_CHECKING:
    from regimen.predictors.online.forest import OnlineForestConfig

Floats = NDArray[np.float64]
_FILE, _FACTS = "forest.json", "facts.json"
_CLASSES = 3


@final
class OnlineForest:
    """A forest of River as a classifier of rows.

    Attributes:
        config: the frozen config that built it.
        forest: River's object.
        inputs: width of a row.
        schema: hash of the feature columns, or "".
        learned: labels that it learned from.
    """

    context = 1

    def __init__(
        self, config: OnlineForestConfig, forest: Any, inputs: int, schema: str = "", learned: int = 0
    ) -> None:
        self.config, self.forest, self.inputs, self.schema, self.learned = config, forest, inputs, schema, learned

    def __repr__(self) -> str:
        return short(self, f"{many(self.config.n_models, 'tree')}, {many(self.learned, 'label')}")

    @classmethod
    def load(cls, config: OnlineForestConfig, folder: Path, schema: str) -> Self:
        """Reads what `save` wrote.

        Raises:
            RunError: a file is missing or damaged, or ``schema`` is not its own.
        """
        try:
            facts = json.loads((folder / _FACTS).read_bytes())
            inputs, own, learned = int(facts["inputs"]), str(facts["schema"]), int(facts["learned"])
            content = (folder / _FILE).read_bytes()
        except (OSError, KeyError, TypeError, ValueError):
            raise RunError("run", f"holds a damaged or missing {_FACTS} or {_FILE}", str(folder)) from None
        if own != schema:
            raise RunError("features", f"must have the schema {own[:12]} that the model was trained on", schema[:12])
        forest = from_json(content)
        if type(forest).__name__ != "ARFClassifier":
            raise RunError("run", f"holds a {_FILE} of another model", str(folder))
        return cls(config, forest, inputs, schema, learned)

    @property
    def parameter_counts(self) -> tuple[int, int]:
        """Leaves of all trees, all of which learn."""
        leaves = sum(int(tree.n_leaves or 0) for tree in self.forest)
        return leaves, leaves

    @property
    def replaced(self) -> int:
        """Trees that were replaced because their errors changed."""
        return int(self.forest.n_drifts_detected())

    def learn(self, rows: Floats, y: NDArray[np.integer], weights: Floats | None = None) -> None:
        """Learns from rows in their order; see `regimen.policies.online.Learns`.

        Raises:
            ConfigError: weights, of which River's forest knows nothing.
            RunError: rows of another width, or another number of classes.
        """
        if weights is not None:
            raise ConfigError("labels.weights", "must be left out: River's forest takes no weights")
        x = self._checked(rows)
        if np.shape(y) != x.shape[:1]:
            raise RunError("rows", f"must have one class each; {len(x)} rows have", np.shape(y))
        learn = self.forest.learn_one
        for row, came in zip(x.tolist(), np.asarray(y).tolist(), strict=True):
            learn(dict(enumerate(row)), came)
        self.learned += len(x)

    def predict_proba(self, x: Floats) -> Floats:
        """Returns the probabilities (n, 3) of scaled rows (n, inputs); equal ones before it has seen a label."""
        rows = self._checked(x)
        out = np.zeros((len(rows), _CLASSES))
        ask = self.forest.predict_proba_one
        for i, row in enumerate(rows.tolist()):
            for k, p in ask(dict(enumerate(row))).items():
                out[i, k] = p
        total = out.sum(axis=1, keepdims=True)
        return np.where(total > 0.0, out / np.where(total > 0.0, total, 1.0), 1.0 / _CLASSES)

    def save(self, folder: Path) -> None:
        """Writes it into a folder, as data and never as code.

        Raises:
            RunError: the folder cannot be written to.
        """
        facts = {"inputs": self.inputs, "schema": self.schema, "learned": self.learned}
        write_text(folder / _FACTS, json.dumps(facts, sort_keys=True) + "\n")
        write_bytes(folder / _FILE, to_json(self.forest))

    def copy(self) -> Self:
        """Returns another one that knows the same."""
        return type(self)(self.config, copy.deepcopy(self.forest), self.inputs, self.schema, self.learned)

    def _checked(self, rows: Floats) -> Floats:
        x = np.asarray(rows, np.float64)
        if x.ndim != 2 or x.shape[1] != self.inputs:
            raise RunError("features", f"must be rows of {self.inputs} columns", x.shape)
        return x
