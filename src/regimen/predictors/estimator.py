"""A classifier that the user brings: any class with scikit-learn's methods, by its place and its settings."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, JsonValue

from regimen.errors import ConfigError
from regimen.own import OwnSource, call_object
from regimen.predictors.fitted_once import EstimatorSettings
from regimen.seeding import torch_seed

if TYPE_CHECKING:
    from regimen.predictors.estimator_predictor import EstimatorPredictor

METHODS = ("fit", "predict_proba", "get_params", "set_params")
_SEEDS = 2**32
"""scikit-learn's seeds lie below it."""


class Estimator(Protocol):
    """What is asked of a classifier: scikit-learn's protocol, whichever library it is of."""

    classes_: NDArray[Any]
    """The classes that it was fitted on, in the order of its probabilities."""

    def fit(self, X: NDArray[np.float64], y: NDArray[np.int64]) -> object:
        """Learns from rows (n, inputs) and their classes (n,); ``sample_weight`` (n,) too, where it takes them."""

    def predict_proba(self, X: NDArray[np.float64]) -> NDArray[np.floating]:
        """Returns the probabilities (n, class)."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Returns its settings by name."""

    def set_params(self, **params: Any) -> object:
        """Sets some of them."""


class EstimatorConfig(OwnSource, EstimatorSettings):
    """A class with scikit-learn's methods, or a function that returns an instance of one, and what it is called with.

    It is fitted on the scaled rows of the training slice, in float64. The validation slice chooses nothing of it.
    """

    kind: Literal["estimator"] = Field("estimator", description="One's own classifier, with scikit-learn's methods.")
    settings: dict[str, JsonValue] = Field({}, description="What its class or function is called with, by name.")

    def require(self) -> None:
        """Makes the estimator once."""
        self.unfitted()

    def unfitted(self, seed: int = 0) -> Estimator:
        """Returns the estimator; each ``random_state`` that was left open, its steps' included, comes from the seed.

        Raises:
            ConfigError: there is nothing at its place, it cannot be called with the settings, or it is no classifier.
        """
        thing = self.load("model.source")
        estimator: Estimator
        if is_estimator(thing) and not isinstance(thing, type):
            estimator = _with_settings(copy.deepcopy(thing), self.settings)
        else:
            estimator = call_object(thing, "model", self.settings)
        require_estimator(estimator, self.source)
        open_ = {
            name: torch_seed(seed, "estimator", name) % _SEEDS
            for name, value in estimator.get_params(deep=True).items()
            if value is None and name.rpartition("__")[2] == "random_state"
        }
        if open_:
            estimator.set_params(**open_)
        return estimator

    def build(self, inputs: int = 60, seed: int = 0, schema: str = "") -> EstimatorPredictor:
        """Returns an unfitted predictor.

        Args:
            inputs: width of a row.
            seed: decides everything random of it.
            schema: hash of the feature columns, or "".

        Raises:
            ConfigError: as `unfitted`.
        """
        from regimen.predictors.estimator_predictor import EstimatorPredictor

        return EstimatorPredictor(self, self.unfitted(seed), inputs=inputs, seed=seed, schema=schema)

    def read(self, folder: Path, schema: str) -> EstimatorPredictor:
        """Returns what was saved into a folder; its own source is where this config says."""
        from regimen.predictors.estimator_predictor import EstimatorPredictor

        return EstimatorPredictor.load(folder, schema=schema, source=self.source)


def _with_settings(estimator: Any, settings: dict[str, Any]) -> Any:
    """Sets what the settings name of an estimator that was made already."""
    try:
        return estimator.set_params(**settings)
    except Exception as error:  # a library's own complaint about a name or a value
        rule = f"must be settings of {type(estimator).__name__} ({type(error).__name__}: {error})"
        raise ConfigError("model.settings", rule, settings) from error


def is_estimator(thing: object) -> bool:
    """Whether a class or an object means to be a model of scikit-learn, a classifier or not."""
    return callable(getattr(thing, "fit", None)) and callable(getattr(thing, "get_params", None))


def require_estimator(estimator: object, source: str) -> None:
    """Refuses what is no classifier.

    Raises:
        ConfigError: which method is missing, and what to use instead.
    """
    missing = [name for name in METHODS if not callable(getattr(estimator, name, None))]
    if not missing:
        return
    kind = type(estimator).__name__
    if "RegressorMixin" in {base.__name__ for base in type(estimator).__mro__}:
        rule = f"must be a classifier, whose classes are SELL, HOLD and BUY; {kind} is a regressor: use its classifier"
    elif missing == ["predict_proba"]:
        rule = f"must have predict_proba; wrap {kind} in sklearn.calibration.CalibratedClassifierCV, which has it"
    else:
        rule = f"must have scikit-learn's methods, but {kind} has no {', '.join(missing)}"
    raise ConfigError("model.source", rule, source)
