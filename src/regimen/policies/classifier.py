"""A policy from a classifier: scale the features, predict the classes, apply the exposure rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol, final, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from regimen.execution import History, Moment
from regimen.observation import ObservationSchema, observations
from regimen.policies.exposure import ExposureRule
from regimen.reprs import short
from regimen.windows import Lanes, SeriesWindows

Floats = NDArray[np.float64]
_Block = tuple[NDArray[np.intp], NDArray[np.intp], Floats, Floats | None]
"""Positions in time, from the first bar asked for, and of symbols; their probabilities (n, 3), and volatility."""
_ROWS = 65_536  # rows in one call: bounds the memory of the copies


class Opinion(NamedTuple):
    """What a policy of probabilities says at one bar.

    Attributes:
        probabilities: (symbol, 3) of SELL, HOLD, BUY; NaN where what is seen is not whole.
        volatility: (symbol,) annualised, NaN there too; None where the rule aims at none.
        state: (symbol, memory) after the bar.
    """

    probabilities: Floats
    volatility: Floats | None
    state: Floats


class Classifier(Protocol):
    """Anything that gives probabilities of SELL, HOLD, BUY; `regimen.predictors.Predictor` does."""

    inputs: int
    """Width of a row."""
    schema: str
    """Hash of the feature columns that it was trained on."""

    @property
    def context(self) -> int:
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


@runtime_checkable
class Probable(Protocol):
    """A policy that says probabilities."""

    def probabilities(self, history: History, start: int, stop: int) -> Floats:
        """Returns (stop − start, symbol, 3) of SELL, HOLD, BUY; NaN where what is seen is not whole."""


@final
class ClassifierPolicy:
    """``observation -> scaler -> classifier -> rule``.

    Of a classifier of rows each row stands for itself. One of windows remembers the last rows that it saw, scaled, and
    stays flat until it has seen a whole window.

    Args:
        classifier: gives the probabilities.
        rule: turns them into exposure. With a volatility target the observation has a volatility column.
        scaler: applied to the feature columns first; None: they are scaled already.
    """

    def __init__(self, classifier: Classifier, rule: ExposureRule, scaler: Scaler | None = None) -> None:
        self.classifier = classifier
        self.rule = rule
        self.scaler = scaler
        self._schema = ObservationSchema(
            features=classifier.schema,
            inputs=classifier.inputs,
            volatility=rule.volatility_target is not None,
        )

    def __repr__(self) -> str:
        return short(self, f"{self.classifier!r}, {self.rule!r}")

    @property
    def schema(self) -> ObservationSchema:
        """The classifier's features, and the volatility where the rule aims at one."""
        return self._schema

    def initial_state(self, symbols: int) -> Floats:
        """Returns the memory before the first bar: earlier rows and their number, or nothing (symbol, 0)."""
        older = self.classifier.context - 1
        return np.zeros((symbols, older * self._schema.inputs + 1 if older else 0))

    def watch(self, moment: Moment, state: Floats) -> Floats:
        """Returns the memory after a bar on which nothing is decided."""
        if self.classifier.context == 1:
            return state
        known, rows, _ = self._seen(moment)
        following = state.copy()
        following[known] = self._pushed(rows, state[known])[1]
        return following

    def opinion(self, moment: Moment, state: Floats) -> Opinion:
        """Returns what the exposures of a bar come from, and what is remembered of it.

        A symbol without a bar, or whose row is not known, keeps its memory.
        """
        known, rows, volatility = self._seen(moment)
        classes, following = np.full((len(state), 3), np.nan), state.copy()
        places = np.flatnonzero(known)
        if len(places) and self.classifier.context > 1:
            windows, following[known] = self._pushed(rows, state[known])
            whole = following[known, 0] >= self.classifier.context
            places, rows = places[whole], windows[whole]
            volatility = None if volatility is None else volatility[whole]
        if len(places):
            classes[places] = self._classes(rows)
        if volatility is None:
            return Opinion(classes, None, following)
        risk = np.full(len(state), np.nan)
        risk[places] = volatility
        return Opinion(classes, risk, following)

    def act(self, moment: Moment, state: Floats) -> tuple[Floats, Floats]:
        """Returns the exposures (symbol,) of symbols that each trade alone, and what is remembered of them."""
        opinion = self.opinion(moment, state)
        return self.rule.exposures(opinion.probabilities, opinion.volatility), opinion.state

    def exposures(self, history: History, start: int, stop: int) -> Floats:
        """Returns the exposures (stop − start, symbol) of bars [start, stop), all at once; windows reach back."""
        alone = np.zeros((stop - start, len(history.bars.symbols)))
        for times, symbols, probabilities, volatility in self._predicted(history, start, stop):
            alone[times, symbols] = self.rule.exposures(probabilities, volatility)
        return alone

    def probabilities(self, history: History, start: int, stop: int) -> Floats:
        """Returns what the exposures come from, (stop − start, symbol, 3) of SELL, HOLD, BUY.

        NaN where what is seen is not whole: there the exposure is 0.
        """
        classes = np.full((stop - start, len(history.bars.symbols), 3), np.nan)
        for times, symbols, probabilities, _ in self._predicted(history, start, stop):
            classes[times, symbols] = probabilities
        return classes

    def _predicted(self, history: History, start: int, stop: int) -> Iterator[_Block]:
        """Yields the probabilities of the whole rows, or windows of rows, of bars [start, stop), in blocks."""
        features, present = history.features[:stop], history.bars.present[:stop]
        volatility = history.volatility[:stop] if self._schema.volatility and history.volatility is not None else None
        first = start if self.classifier.context == 1 else 0
        known = present[first:] & np.isfinite(features[first:].sum(axis=2))
        if volatility is not None:
            known &= np.isfinite(volatility[first:])
        if self.classifier.context == 1:
            step = max(1, _ROWS // max(present.shape[1], 1))
            for at in range(0, stop - start, step):
                block = known[at : at + step]
                if block.any():
                    rows = features[start + at : start + at + step][block]
                    risk = None if volatility is None else volatility[start + at : start + at + step][block]
                    times, symbols = np.nonzero(block)
                    yield times + at, symbols, self._classes(self._scaled(rows)), risk
            return
        lanes = Lanes.of(self._scaled(features), known)
        times, symbols = np.nonzero(lanes.whole(self.classifier.context)[start:])
        if len(times):
            windows = lanes.windows(times + start, symbols, self.classifier.context)
            risk = None if volatility is None else volatility[times + start, symbols]
            yield times, symbols, self._classes(windows), risk

    def _classes(self, rows: NDArray[np.floating] | SeriesWindows) -> Floats:
        """Returns the probabilities in float64, so that what they lead to is the same for one row and for many."""
        return np.asarray(self.classifier.predict_proba(rows), dtype=np.float64)

    def _scaled(self, rows: Floats) -> NDArray[np.floating]:
        return rows if self.scaler is None else self.scaler.transform(rows, self.scaler.names)

    def _seen(self, moment: Moment) -> tuple[NDArray[np.bool_], NDArray[np.floating], Floats | None]:
        """Returns which symbols (symbol,) show a whole row, these rows scaled (known, inputs), and their volatility."""
        volatility = moment.volatility if self._schema.volatility else None
        seen = observations(self._schema, moment.features, volatility)
        known = moment.present & np.isfinite(seen).all(axis=1)
        rows = self._scaled(seen[known, : self._schema.inputs])
        return known, rows, None if volatility is None else volatility[known]

    def _pushed(self, rows: NDArray[np.floating], state: Floats) -> tuple[NDArray[np.floating], Floats]:
        """Returns the windows (n, window, inputs) that end with the rows, and the memory after them."""
        windows = np.concatenate(
            [state[:, 1:].reshape(len(state), self.classifier.context - 1, self._schema.inputs), rows[:, None]], axis=1
        )
        kept = windows[:, 1:].reshape(len(state), state.shape[1] - 1)
        return windows, np.concatenate([state[:, :1] + 1.0, kept], axis=1)
