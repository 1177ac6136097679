"""A policy from a classifier: scale the features, predict the classes, apply the exposure rule."""

from __future__ import annotations

from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray

from regimen.bars import listed
from regimen.observation import ObservationSchema, observe
from regimen.policies.exposure import ExposureConfig, lean, share
from regimen.policies.policy import targets
from regimen.windows import Lanes, SeriesWindows


class Classifier(Protocol):
    """Anything that gives probabilities of SELL, HOLD, BUY; `regimen.predictors.Predictor` does."""

    inputs: int
    """Width of a row."""
    schema: str
    """Hash of the feature columns that it was trained on."""

    @property
    def window(self) -> int:
        """Rows that it sees at once; 1: each row for itself."""

    def predict_proba(self, x: NDArray[np.floating] | SeriesWindows) -> NDArray[np.float64]:
        """Returns (n, 3) for scaled rows (n, inputs), or for windows of them (n, window, inputs)."""


class Scaler(Protocol):
    """A fitted, frozen scaler; `regimen.preprocess.StandardScaler` is one."""

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that it was fitted on, in their order."""

    def transform(self, values: NDArray[np.float64], names: tuple[str, ...]) -> NDArray[np.floating]:
        """Returns the scaled rows (n, inputs)."""


@final
class ClassifierPolicy:
    """``observation -> scaler -> classifier -> lean``.

    Of a classifier of rows each row stands for itself. One of windows remembers the last rows that it saw, scaled, and
    stays flat until it has seen a whole window.

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
        """Returns the memory of n lanes before their first bar: earlier rows and their number, or nothing (n, 0)."""
        older = self.classifier.window - 1
        return np.zeros((n, older * self._schema.inputs + 1 if older else 0))

    def act(
        self, observation: NDArray[np.float64], state: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Returns the exposures (n,) of rows that each trade alone, and what the lanes remember."""
        features = observation[:, : self._schema.inputs]
        volatility = observation[:, self._schema.inputs] if self._schema.volatility else None
        scaled = features if self.scaler is None else self.scaler.transform(features, self.scaler.names)
        window = self.classifier.window
        if window == 1:
            return lean(self.rule, self.classifier.predict_proba(scaled), volatility), state
        rows = np.concatenate([state[:, 1:].reshape(len(state), window - 1, -1), scaled[:, None]], axis=1)
        seen = state[:, 0] + 1.0
        following = np.concatenate([seen[:, None], rows[:, 1:].reshape(len(state), -1)], axis=1)
        exposures, whole = np.zeros(len(state)), seen >= window
        if whole.any():
            part = None if volatility is None else volatility[whole]
            exposures[whole] = lean(self.rule, self.classifier.predict_proba(rows[whole]), part)
        return exposures, following

    def exposures(
        self,
        features: NDArray[np.float64],
        *,
        volatility: NDArray[np.float64] | None = None,
        present: NDArray[np.bool_] | None = None,
        listing: NDArray[np.bool_] | None = None,
        start: int = 0,
    ) -> NDArray[np.float64]:
        """Returns the target exposures of a series; see `regimen.policies.targets`.

        Args:
            features: (time, symbol, feature) as the feature set computed them, not scaled; NaN until warm.
            volatility: (time, symbol), annualised; exactly with a volatility target.
            present: (time, symbol) whether the bar exists; None: all do.
            listing: (time, symbol) whether the symbol is listed (`Bars.listed`); None: read off ``present``.
            start: first bar that is decided; windows reach back to earlier ones.

        Returns:
            (time − start, symbol): 0 where not warm or without a whole window, NaN (keep) where there is no bar.
        """
        held = np.ones(features.shape[:2], dtype=np.bool_) if present is None else present
        shared = listed(held) if listing is None else listing
        if self.classifier.window == 1:
            risk = None if volatility is None else volatility[start:]
            return targets(self, observe(self._schema, features[start:], volatility=risk), held[start:], shared[start:])
        known = held & np.isfinite(features.sum(axis=2))
        if volatility is not None:
            known &= np.isfinite(volatility)
        scaled = features if self.scaler is None else self.scaler.transform(features, self.scaler.names)
        lanes = Lanes.of(scaled, known)
        times, symbols = np.nonzero(lanes.whole(self.classifier.window)[start:])
        alone = np.zeros(held[start:].shape)
        if len(times):
            windows = lanes.windows(times + start, symbols, self.classifier.window)
            risk = None if volatility is None else volatility[times + start, symbols]
            alone[times, symbols] = lean(self.rule, self.classifier.predict_proba(windows), risk)
        return share(alone, held[start:], shared[start:])
