"""A fitted estimator as a `Predictor`: probabilities of three classes, and files that hold data and never code."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, final

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from regimen.errors import ConfigError, RunError
from regimen.files import write_bytes
from regimen.labels import CLASSES
from regimen.predictors.estimator import Estimator, EstimatorConfig
from regimen.predictors.fitted_once import OnRound, Validation, complaints_of
from regimen.predictors.skops_file import from_skops, to_skops
from regimen.reprs import many, short
from regimen.seams import Inputs
from regimen.tensorfile import read_tensors, write_tensors

if TYPE_CHECKING:
    from torch import Tensor

FILE, SKOPS = "estimator.safetensors", "estimator.skops"
_ROWS = 1024
"""Rows in one call, always: blocks that are short are filled up, because short matrix products add in another order."""
_PROBE = 256
"""Training rows whose probabilities are kept, by which an estimator that was read is known to be the one written."""
_NEAR = 1e-6
"""How near to 1 the probabilities of a row must add up."""

Floats = NDArray[np.float64]


@final
class EstimatorPredictor:
    """Class probabilities of a user's estimator.

    Attributes:
        config: the frozen config that built it.
        estimator: the user's object.
        inputs: width of a row of features.
        seed: decided everything random of it.
        schema: hash of the feature columns that the rows must have, or "" where it was built without one.
        complaints: what it warned of while it was fitted, each once.
    """

    context = 1
    targets: tuple[str, ...] = ()
    was_chosen = False

    def __init__(
        self, config: EstimatorConfig, estimator: Estimator, *, inputs: int, seed: int = 0, schema: str = ""
    ) -> None:
        self.config, self.estimator = config, estimator
        self.inputs, self.seed, self.schema = inputs, seed, schema
        self.complaints: tuple[str, ...] = ()
        self._rows: dict[str, NDArray[Any]] = {}

    @property
    def course(self) -> dict[str, Any]:
        """Nothing: how its fit goes, an estimator does not say."""
        return {}

    def fit(
        self,
        x: Inputs,
        y: NDArray[np.integer],
        weights: NDArray[np.floating] | None = None,
        validation: Validation | None = None,
        on_round: OnRound | None = None,
    ) -> None:
        """Fits the estimator, on one thread of its linear algebra; its warnings are kept and not shown.

        Args:
            x: (n, inputs) scaled features, finite.
            y: (n,) class of each row, 0 SELL, 1 HOLD, 2 BUY.
            weights: (n,) weight of each row, given as ``sample_weight``; None: all count alike.
            validation: not used.
            on_round: not used.

        Raises:
            ConfigError: weights for an estimator that takes none.
            RunError: it fails, or gives what are no probabilities.
        """
        del validation, on_round
        if weights is not None and "sample_weight" not in inspect.signature(self.estimator.fit).parameters:
            rule = f"must be left out: the fit of {self._name} takes no sample_weight"
            raise ConfigError("labels.weights", rule)
        self._rows = {"x": np.asarray(x, np.float32), "y": np.asarray(y, np.int64)}
        more = {} if weights is None else {"sample_weight": np.asarray(weights, np.float64)}
        self._rows |= {"weights": more["sample_weight"]} if more else {}
        with _one_thread(), warnings.catch_warnings(record=True) as complaints, self._its_failures("fit"):
            warnings.simplefilter("always")
            self.estimator.fit(self._rows["x"].astype(np.float64), self._rows["y"].copy(), **more)
        self.complaints = complaints_of(complaints)

    def predict_proba(self, x: Inputs) -> Floats:
        """Returns the probabilities (n, 3) of scaled rows (n, inputs); a class that it was not fitted on has 0.

        A row with a NaN gives a row of NaN, and the estimator is not asked about it.

        Raises:
            RunError: the rows are not ``inputs`` wide; it fails, or its answer is no (n, class) of probabilities.
        """
        rows = np.asarray(x, dtype=np.float32)
        if rows.ndim != 2 or rows.shape[1] != self.inputs:
            raise RunError("features", f"must be rows of {self.inputs} columns", rows.shape)
        answers = np.full((len(rows), len(CLASSES)), np.nan)
        known = np.flatnonzero(np.isfinite(rows).all(axis=1))
        for start in range(0, len(known), _ROWS):
            here = known[start : start + _ROWS]
            block = np.zeros((_ROWS, self.inputs))
            block[: len(here)] = rows[here]
            answers[here] = self._asked(block)[: len(here)]
        return answers

    def _asked(self, block: Floats) -> Floats:
        """Returns what the estimator says of a full block (n, inputs), by the house's classes (n, 3)."""
        with _one_thread(), warnings.catch_warnings(), self._its_failures("predict_proba"):
            warnings.simplefilter("ignore")
            classes = np.asarray(self.estimator.classes_)
            given = np.asarray(self.estimator.predict_proba(block), dtype=np.float64)
        if not np.isin(classes, np.arange(len(CLASSES))).all():
            raise RunError("model", f"must have classes_ among 0, 1, 2, as {self._name} was given", classes.tolist())
        if given.shape != (len(block), len(classes)):
            rule = f"must give probabilities of shape (rows, classes), here {(len(block), len(classes))}: {self._name}"
            raise RunError("model", rule, given.shape)
        if np.isnan(given).any():
            raise RunError("model", f"must give probabilities, but {self._name} gives NaN for features that are known")
        if (given < 0.0).any() or (given > 1.0).any():
            worst = given.min() if given.min() < 0.0 else given.max()
            raise RunError("model", f"must give probabilities from 0 to 1: {self._name}", float(worst))
        apart = np.abs(given.sum(axis=1) - 1.0)
        if apart.max() > _NEAR:
            total = float(given.sum(axis=1)[int(apart.argmax())])
            raise RunError("model", f"must give probabilities that add up to 1 in each row: {self._name}", total)
        answers = np.zeros((len(block), len(CLASSES)))
        answers[:, classes.astype(np.int64)] = given
        return answers

    def save(self, folder: Path | str) -> None:
        """Writes it into a folder: as a file of skops where that holds all of it, else the rows to fit it on again.

        Beside it stands what it says of some training rows; `load` compares.

        Raises:
            RunError: the folder cannot be written to; it was not fitted, or read from skops, which is not there now.
        """
        if not self._rows:
            raise RunError("model", "must be fitted before it is saved", self._name)
        folder = Path(folder)
        every = len(self._rows["x"])
        probe = self._rows["x"][np.unique(np.linspace(0, every - 1, min(every, _PROBE)).astype(np.int64))]
        answers = self.predict_proba(probe)
        document = self._as_skops(probe, answers)
        if document is not None:
            write_bytes(folder / SKOPS, document)
        if document is None and "y" not in self._rows:
            raise RunError("model", "must be one that skops can write, since the rows that it was fitted on are gone")
        rows = {"probe": probe, "answers": answers} | ({} if document is not None else self._rows)
        about = {
            "config": self.config.model_dump(mode="json", by_alias=True),
            "inputs": self.inputs,
            "schema": self.schema,
            "seed": self.seed,
            "kept": "rows" if document is None else "skops",
        }
        write_tensors(folder / FILE, _tensors(rows), about)

    def _as_skops(self, probe: NDArray[np.float32], answers: Floats) -> bytes | None:
        """Returns the estimator as skops writes it, or None where it cannot, or where what it reads back differs."""
        try:
            document = to_skops(self.estimator)
            again = EstimatorPredictor(
                self.config, _from_skops(document, self.estimator), inputs=self.inputs, seed=self.seed
            )
            same = np.array_equal(again.predict_proba(probe), answers)
        except Exception:  # noqa: BLE001  (no skops, or a stranger's class that it cannot hold: then its rows are kept)
            return None
        return document if same else None

    @classmethod
    def load(cls, folder: Path | str, *, schema: str | None = None, source: str | None = None) -> Self:
        """Reads what `save` wrote: the estimator itself, or it is fitted again, on the rows that it was fitted on.

        Args:
            folder: where the files are.
            schema: hash of the features that will be served; checked when given.
            source: where its class or function is now; None: where it was, counted from the current folder.

        Raises:
            RunError: a file is missing or damaged, the schema is another, or it answers otherwise than it did.
            ConfigError: its own source is not there, or is another one than it was made with.
        """
        folder = Path(folder)
        tensors, about = read_tensors(folder / FILE)
        rows = {name: tensor.numpy() for name, tensor in tensors.items()}
        try:
            config = EstimatorConfig.model_validate(about["config"] | ({} if source is None else {"source": source}))
            inputs, seed, built_for, kept = (about[name] for name in ("inputs", "seed", "schema", "kept"))
            probe, answers = rows["probe"], rows["answers"]
        except (ValidationError, KeyError, TypeError):
            raise RunError(str(folder / FILE), "must be an estimator's description as Regimen writes it") from None
        if schema is not None and schema != built_for:
            raise RunError("features", f"must have the schema {built_for or '(none)'} of the model", schema)
        predictor = cls(config, config.unfitted(seed), inputs=inputs, seed=seed, schema=built_for)
        if kept == "skops":
            predictor.estimator = _read_skops(folder / SKOPS, predictor.estimator)
            predictor._rows = {"x": probe}
        else:
            predictor.fit(rows["x"], rows["y"], rows.get("weights"))
        if not np.array_equal(predictor.predict_proba(probe), answers):
            rule = f"must answer as it did when it was written; other versions of its libraries do not: {config.source}"
            raise RunError("model", rule)
        return predictor

    def __repr__(self) -> str:
        return short(self, f"{self.config!r}, {many(self.inputs, 'input')}")

    @property
    def _name(self) -> str:
        return self.config.name

    @contextmanager
    def _its_failures(self, method: str) -> Iterator[None]:
        """Makes one line of whatever the user's code raises."""
        try:
            yield
        except Exception as error:  # the user's code: any error is theirs to read
            rule = f"must not fail in its {method} ({type(error).__name__}: {error})"
            raise RunError("model", rule, self.config.source) from error


def _read_skops(path: Path, unfitted: Estimator) -> Estimator:
    """Reads a file of skops.

    Raises:
        RunError: it is missing or damaged, or holds types of strange libraries; skops is not installed.
    """
    try:
        return _from_skops(path.read_bytes(), unfitted)
    except FileNotFoundError:
        raise RunError(str(path), "must exist") from None
    except ModuleNotFoundError as error:
        rule = f"needs {error.name}, which is not installed: pip install 'regimen[sklearn]'"
        raise RunError(str(path), rule) from None
    except Exception as error:
        raise RunError(str(path), f"must be readable by skops ({type(error).__name__}: {error})") from error


def _from_skops(document: bytes, like: Estimator) -> Estimator:
    """Returns the estimator of a document of skops, whose types are skops's own or of the libraries of ``like``."""
    parts = (like, *like.get_params(deep=True).values())
    libraries = {type(part).__module__.partition(".")[0] for part in parts} - {"builtins"} | {"collections", "sklearn"}
    estimator: Estimator = from_skops(document, libraries)
    return estimator


@contextmanager
def _one_thread() -> Iterator[None]:
    """Lets the linear algebra of numpy, scipy and scikit-learn have one thread: sums split by thread."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:  # comes with scikit-learn
        yield
        return
    with threadpool_limits(1):
        yield


def _tensors(arrays: dict[str, NDArray[Any]]) -> dict[str, Tensor]:
    import torch

    return {name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in arrays.items()}
