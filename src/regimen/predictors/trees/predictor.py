"""Trees of a library as a `Predictor`: what they are fitted on, what they say, and two files that belong together."""

from __future__ import annotations

import hashlib
import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self, final

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from regimen.errors import DataError, RegimenError, RunError
from regimen.files import write_bytes
from regimen.labels import CLASSES
from regimen.predictors.fitted_once import OnRound, Validation, complaints_of
from regimen.predictors.trees.settings import Learnt, Trees, TreeSettings
from regimen.reprs import many, short
from regimen.seams import Inputs

if TYPE_CHECKING:
    from regimen.predictors.trees.nodes import ChangedColumns

DOCUMENT = "predictor.json"


class Round(NamedTuple):
    """What one round of boosting left.

    Attributes:
        round: its number, from 1.
        train_loss: mean log loss of the training rows, by their weights.
        val_loss: mean log loss of the validation rows; None without them.
    """

    round: int
    train_loss: float
    val_loss: float | None


@final
class TreePredictor:
    """Class probabilities of trees.

    Attributes:
        config: the frozen config that built it.
        inputs: width of a row of features.
        seed: decided everything random of it.
        schema: hash of the feature columns that the rows must have, or "" where it was built without one.
        trees: of the library; None before it is fitted.
        rounds: what each round of boosting left, those after the last that is kept included; empty for a forest, and
            for what was read from files.
        complaints: what the library warned of while it was fitted, each once.
    """

    context = 1
    targets: tuple[str, ...] = ()

    def __init__(self, config: TreeSettings, *, inputs: int, seed: int = 0, schema: str = "") -> None:
        self.config, self.inputs, self.seed, self.schema = config, inputs, seed, schema
        self.trees: Trees | None = None
        self.rounds: tuple[Round, ...] = ()
        self.complaints: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return short(self, f"{self.config!r}, {many(self.inputs, 'input')}")

    @property
    def was_chosen(self) -> bool:
        """Whether validation rows were watched, and so may have decided how many rounds are kept."""
        return any(each.val_loss is not None for each in self.rounds)

    @property
    def course(self) -> dict[str, Any]:
        """The losses by round and the last round that is kept; nothing for trees that grow side by side."""
        if not self.rounds or self.trees is None:
            return {}
        return {"best_round": self.trees.rounds, "rounds": [each._asdict() for each in self.rounds]}

    def fit(
        self,
        x: Inputs,
        y: NDArray[np.integer],
        weights: NDArray[np.floating] | None = None,
        validation: Validation | None = None,
        on_round: OnRound | None = None,
    ) -> None:
        """Grows the trees; see `OncePredictor.fit`. What the library warns of is kept and not shown.

        Raises:
            ConfigError: the library is not installed, or cannot compute on the device.
            DataError: rows of another width or that are not finite, or of one class alone.
            RunError: the library fails.
        """
        self.config.require()
        classes = np.unique(y)
        if len(classes) < 2:
            names = [CLASSES[number] for number in classes.tolist()]
            raise DataError("y_train", "must hold two classes at least for trees to tell apart", names)
        rows = self._checked("x_train", x), np.asarray(y, np.int64)
        beside = (None, None) if validation is None else (self._checked("x_val", validation[0]), validation[1])
        learnt = Learnt(*rows, None if weights is None else np.asarray(weights, np.float64), *beside)
        rounds: list[Round] = []

        def note(done: int, of: int, train_loss: float, val_loss: float | None) -> None:
            rounds.append(Round(done, train_loss, val_loss))
            if on_round is not None:
                on_round(done, of, train_loss, val_loss)

        with warnings.catch_warnings(record=True) as complaints:
            warnings.simplefilter("always")
            try:
                self.trees = self.config.grow(learnt, self.seed, note)
            except (RegimenError, MemoryError):
                raise
            except Exception as error:  # the library's own complaint
                rule = f"must not fail in its fit ({type(error).__name__}: {error})"
                raise RunError("model", rule, self.config.kind) from error
        self.rounds = tuple(rounds)
        self.complaints = complaints_of(complaints)

    def _checked(self, name: str, x: Inputs) -> NDArray[np.float32]:
        rows = np.ascontiguousarray(x, dtype=np.float32)
        if rows.ndim != 2 or rows.shape[1] != self.inputs:
            raise DataError(name, f"must be rows of {self.inputs} columns", rows.shape)
        finite = np.isfinite(rows).all(axis=1)
        if not finite.all():
            raise DataError(name, f"must be finite (row {int(np.argmin(finite))}): drop the rows that are not warm")
        return rows

    def predict_proba(self, x: Inputs) -> NDArray[np.float64]:
        """Returns the probabilities (n, 3) of scaled rows (n, inputs), with the bits that the library gives.

        Those of XGBoost are float32 and add up to 1 within 1e-6. A row with a NaN gives a row of NaN, and the library
        is not asked about it. A row's answer does not depend on the other rows.

        Raises:
            RunError: the rows are not ``inputs`` wide, or it was not fitted.
        """
        if self.trees is None:
            raise RunError("model", "must be fitted before it is asked", self.config.kind)
        rows = np.ascontiguousarray(x, dtype=np.float32)
        if rows.ndim != 2 or rows.shape[1] != self.inputs:
            raise RunError("features", f"must be rows of {self.inputs} columns", rows.shape)
        known = np.isfinite(rows).all(axis=1)
        if len(rows) and known.all():
            return np.asarray(self.trees.probabilities(rows), dtype=np.float64)
        answers = np.full((len(rows), len(CLASSES)), np.nan)
        if known.any():
            answers[known] = self.trees.probabilities(rows[known])
        return answers

    def changing(self, x: NDArray[np.floating]) -> ChangedColumns:
        """Returns what says quickly what becomes of the answers to scaled rows (n, inputs) when some columns change.

        Raises:
            RunError: see `predict_proba`.
            DataError: a row that is not finite.
        """
        from regimen.predictors.trees.nodes import ChangedColumns

        answers, rows = self.predict_proba(x), self._checked("x", x)
        assert self.trees is not None
        return ChangedColumns(self.trees.nodes, rows, answers)

    def save(self, folder: Path | str) -> None:
        """Writes the library's own file, and then ``predictor.json`` with its digest, config, width and schema.

        Raises:
            RunError: the folder cannot be written to, or it was not fitted.
        """
        if self.trees is None:
            raise RunError("model", "must be fitted before it is saved", self.config.kind)
        folder, content = Path(folder), self.trees.content()
        write_bytes(folder / self.config.file, content)
        document = {
            "config": self.config.model_dump(mode="json"),
            "digest": hashlib.sha256(content).hexdigest(),
            "inputs": self.inputs,
            "schema": self.schema,
            "seed": self.seed,
        }
        write_bytes(folder / DOCUMENT, (json.dumps(document, indent=2, sort_keys=True) + "\n").encode())

    @classmethod
    def load(cls, folder: Path | str, *, schema: str | None = None) -> Self:
        """Reads what `save` wrote.

        Args:
            folder: where the two files are.
            schema: hash of the features that will be served; checked when given.

        Raises:
            RunError: a file is missing or damaged, the two do not belong together, or the schema differs.
            ConfigError: the library is not installed.
        """
        from regimen.predictors.trees import TreesConfig

        folder = Path(folder)
        try:
            document = json.loads(_content(folder / DOCUMENT))
            config = TypeAdapter[TreeSettings](TreesConfig).validate_python(document["config"])
            inputs, seed, built_for, digest = (document[name] for name in ("inputs", "seed", "schema", "digest"))
        except (ValidationError, ValueError, KeyError, TypeError):
            raise RunError(str(folder / DOCUMENT), "must be trees' description as Regimen writes it") from None
        if schema is not None and schema != built_for:
            raise RunError("features", f"must have the schema {built_for or '(none)'} of the model", schema)
        path = folder / config.file
        content = _content(path)
        if hashlib.sha256(content).hexdigest() != digest:
            raise RunError(str(path), f"must be the file that belongs to {DOCUMENT} beside it; its digest differs")
        predictor = config.build(inputs, seed, built_for)
        try:
            predictor.trees = config.revive(content)
        except Exception as error:  # whatever another version of the library makes of it
            rule = f"must be readable by {config.libraries[0]} ({type(error).__name__}: {error})"
            raise RunError(str(path), rule) from error
        return predictor


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise RunError(str(path), "must exist") from None
    except OSError as error:
        raise RunError(str(path), f"must be readable ({error.strerror or error})") from None
