"""A policy from a classifier: scale the features, predict the classes, apply the exposure rule."""

from __future__ import annotations

from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray

from regimen.observation import ObservationSchema, observe
from regimen.policies.exposure import ExposureConfig, lean
from regimen.policies.policy import targets


class Classifier(Protocol):
    """Anything that gives probabilities of SELL, HOLD, BUY; `regimen.predictors.Predictor` does."""

    inputs: int
    """Width of a row."""
    schema: str
    """Hash of the feature columns that it was trained on."""

    def predict_proba(self, x: NDArray[np.floating]) -> NDArray[np.float64]:
        """Returns (n, 3) for scaled rows (n, inputs)."""


class Scaler(Protocol):
    """A fitted, frozen scaler; `regimen.preprocess.StandardScaler` is one."""

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that it was fitted on, in their order."""

    def transform(self, values: NDArray[np.float64], names: tuple[str, ...]) -> NDArray[np.floating]:
        """Returns the scaled rows (n, inputs)."""


@final
class ClassifierPolicy:
    """``observation -> scaler -> classifier -> lean``; without memory, so each row stands for itself.

    Args:
        classifier: gives the probabilities.
        rule: turns them into exposure. With a volatility target the observation has a volatility column.
        scaler: applied to the feature columns first; None: they are scaled already.
    """

    def __init__(self, classifier: Classifier, rule: ExposureConfig, scaler: Scaler | None = None) -> None:
        self.classifier = classifier
        self.rule = rule
        self.scaler = scaler
        self._schema = ObservationSchema(
            features=classifier.schema,
            inputs=classifier.inputs,
            volatility=rule.volatility_target is not None,
        )

    @property
    def schema(self) -> ObservationSchema:
        """The classifier's features, and the volatility where the rule aims at one."""
        return self._schema

    def initial_state(self, n: int) -> NDArray[np.float64]:
        """Returns no memory, (n, 0)."""
        return np.zeros((n, 0))

    def act(
        self, observation: NDArray[np.float64], state: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Returns the exposures (n,) of rows that each trade alone."""
        features = observation[:, : self._schema.inputs]
        volatility = observation[:, self._schema.inputs] if self._schema.volatility else None
        scaled = features if self.scaler is None else self.scaler.transform(features, self.scaler.names)
        return lean(self.rule, self.classifier.predict_proba(scaled), volatility), state

    def exposures(
        self,
        features: NDArray[np.float64],
        *,
        volatility: NDArray[np.float64] | None = None,
        present: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.float64]:
        """Returns the target exposures of a whole series; see `regimen.policies.targets`.

        Args:
            features: (time, symbol, feature) as the feature set computed them, not scaled; NaN until warm.
            volatility: (time, symbol), annualised; exactly with a volatility target.
            present: (time, symbol) whether the bar exists; None: all do.

        Returns:
            (time, symbol): 0 where not warm, NaN (keep) where there is no bar.
        """
        held = np.ones(features.shape[:2], dtype=np.bool_) if present is None else present
        return targets(self, observe(self._schema, features, volatility=volatility), held)
