"""What a fitted model loses on the rows of a fold when some of its columns are shifted in time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray

from regimen.errors import RunError, SplitError
from regimen.execution import History
from regimen.policies import CalibratedClassifier, Classifier, ClassifierPolicy, Policy, Probable, innermost
from regimen.predictors import TreePredictor
from regimen.runs.importance.rotation import Rotation
from regimen.splits import Slice, evenly_spread

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
SMALLEST = 1e-15
"""Probabilities are not counted as less: a class that a tree has never seen would cost infinitely much."""
_BLOCK = 65_536
"""Rows that a model is asked about in one call: bounds the memory."""


class Sight(Protocol):
    """What a model says of the rows that are scored, with columns taken from other known rows of the span."""

    def answers(self, columns: Sequence[int], sources: Sequence[Places]) -> Iterator[Floats]:
        """Yields (row, class) for each shift: the columns come from the known rows at these places."""


@final
class RowSight:
    """A classifier of rows: many shifts are asked about in one call, and of trees those alone that look at the columns.

    Args:
        classifier: of rows.
        rows: (known row, feature) scaled.
        scored: positions among them of the rows that are scored.
    """

    def __init__(self, classifier: Classifier, rows: NDArray[np.floating], scored: Places) -> None:
        self._rows, self._scored = np.asarray(rows, dtype=np.float32), scored
        self._own = self._rows[scored]
        self._together = max(1, _BLOCK // max(1, len(scored)))
        self._block = np.tile(self._own, (self._together, 1))
        self._ask = _asking(classifier, self._own)

    def answers(self, columns: Sequence[int], sources: Sequence[Places]) -> Iterator[Floats]:
        """See `Sight`; only the columns are written, into a block that is kept, and put back at the end."""
        count, chosen = len(self._scored), np.array(columns, dtype=np.intp)
        for start in range(0, len(sources), self._together):
            group = sources[start : start + self._together]
            for k, places in enumerate(group):
                taken = self._rows[places[self._scored][:, None], chosen]
                self._block[k * count : (k + 1) * count, chosen] = taken
            classes = self._ask(columns, self._block[: len(group) * count])
            yield from classes.reshape(len(group), count, -1)
        self._block[:, chosen] = np.tile(self._own[:, chosen], (self._together, 1))


def _asking(classifier: Classifier, own: NDArray[np.float32]) -> Callable[[Sequence[int], NDArray[np.float32]], Floats]:
    """Returns what says the probabilities of rows of which only some columns differ from a classifier's own rows."""
    below = classifier.below if isinstance(classifier, CalibratedClassifier) else classifier
    if not (isinstance(below, TreePredictor) and len(own) and np.isfinite(own).all()):
        return lambda _columns, rows: classifier.predict_proba(rows)
    changing = below.changing(own)
    if isinstance(classifier, CalibratedClassifier):
        calibration = classifier.calibration
        return lambda columns, rows: calibration(changing.probabilities(columns, rows))
    return changing.probabilities


@final
class SeriesSight:
    """Any policy that says probabilities, of windows of rows for example: asked once for each shift.

    Args:
        policy: sees the history.
        history: as it sees it.
        start: first bar of the span.
        known: (time, symbol) known rows of the span.
        scored: (time, symbol) those of them that are scored.
    """

    def __init__(
        self, policy: Probable, history: History, start: int, known: NDArray[np.bool_], scored: NDArray[np.bool_]
    ) -> None:
        self._policy, self._history, self._scored = policy, history, scored
        self._start, self._stop = start, start + len(known)
        times, symbols = np.nonzero(known)
        self._times, self._symbols = times + start, symbols

    def answers(self, columns: Sequence[int], sources: Sequence[Places]) -> Iterator[Floats]:
        """See `Sight`. Windows that reach back before the fold see there what they saw."""
        stop = self._stop
        features, chosen = self._history.features[:stop].copy(), np.array(columns, dtype=np.intp)
        own = self._history.features[self._times[:, None], self._symbols[:, None], chosen]
        volatility = None if self._history.volatility is None else self._history.volatility[:stop]
        before = replace(
            self._history, bars=self._history.bars.window(0, stop), features=features, volatility=volatility
        )
        for places in sources:
            features[self._times[:, None], self._symbols[:, None], chosen] = own[places]
            yield self._policy.probabilities(before, self._start, stop)[self._scored]


@final
class HeldOut:
    """The rows that a fold holds out, and the log loss of a model on them under shifts of its columns.

    ``loss = Σ −ln max(p(y), 1e-15)`` over the rows; a row of whose probabilities one is not known is left out.

    Args:
        sight: what the model says.
        y: (row,) class of each scored row.
        rotation: shifts the known rows of the span.
        shares: (shift,) what each shift is drawn as; see `Rotation`.

    Raises:
        SplitError: a span so short that no symbol can be shifted by its label's horizon; no row that is scored.
    """

    def __init__(self, sight: Sight, y: NDArray[np.integer], rotation: Rotation, shares: Floats) -> None:
        if rotation.longest <= 2 * rotation.least:
            rule = f"must hold out more than {2 * rotation.least} known rows of a symbol, twice labels.horizon"
            raise SplitError("folds", f"{rule}; take fewer folds", rotation.longest)
        self._sight, self._y, self._rotation, self._shares = sight, y.astype(np.intp), rotation, shares
        classes = next(iter(sight.answers((), [np.arange(rotation.rows)])))
        self._scored = np.isfinite(classes).all(axis=1)
        self.rows = int(self._scored.sum())
        if not self.rows:
            raise SplitError("folds", "must hold out rows of which the model sees all it needs; take fewer folds", 0)
        self.loss = self._loss(classes)

    def _loss(self, classes: Floats) -> float:
        own = classes[np.arange(len(self._y)), self._y][self._scored]
        return float(-np.log(np.maximum(own, SMALLEST)).sum())

    def prior_loss(self, shares: Floats) -> float:
        """Returns the loss of saying the same probabilities (class,) of every row."""
        return float(-np.log(np.maximum(shares[self._y[self._scored]], SMALLEST)).sum())

    def shifted(self, columns: Sequence[int], start: int, stop: int) -> Floats:
        """Returns the losses (stop − start,) under the shifts from ``start`` to before ``stop``.

        Args:
            columns: that are shifted together.
            start, stop: which of the shares.
        """
        sources = [self._rotation.sources(float(share)) for share in self._shares[start:stop]]
        return np.array([self._loss(classes) for classes in self._sight.answers(columns, sources)])


def held_out(
    policy: Policy,
    history: History,
    part: Slice,
    y: NDArray[np.int8],
    least: int,
    shares: Floats,
    most: int | None = None,
) -> HeldOut:
    """Returns what a policy says of the rows that a fold holds out.

    Args:
        policy: fitted on the fold's training rows.
        history: the features, before any preprocessing.
        part: the rows that the fold holds out.
        y: (time, symbol) classes.
        least: least shift.
        shares: of the shifts.
        most: rows that are scored, spread evenly over those that can be; None: all. All known rows are shifted.

    Raises:
        RunError: a policy that says no probabilities.
        SplitError: see `HeldOut`.
    """
    inner, seen = innermost(policy, history)
    span = slice(part.start, part.stop)
    known = seen.bars.present[span] & np.isfinite(seen.features[span].sum(axis=2))
    scored = _thinned(part.usable & known, most)
    sight: Sight
    if isinstance(inner, ClassifierPolicy) and inner.classifier.context == 1:
        rows = seen.features[span][known]
        scaled = rows if inner.scaler is None else inner.scaler.transform(rows, inner.scaler.names)
        sight = RowSight(inner.classifier, scaled, np.flatnonzero(scored[known]))
    elif isinstance(inner, Probable):
        sight = SeriesSight(inner, seen, part.start, known, scored)
    else:
        raise RunError("run", "must be of a model that says probabilities of SELL, HOLD and BUY", type(inner).__name__)
    return HeldOut(sight, y[span][scored], Rotation(known, least), shares)


def _thinned(scored: NDArray[np.bool_], most: int | None) -> NDArray[np.bool_]:
    """Returns at most so many of the rows (time, symbol), evenly spread over them."""
    places = np.flatnonzero(scored)
    thin = np.zeros(scored.size, dtype=np.bool_)
    thin[places[evenly_spread(len(places), most)]] = True
    return thin.reshape(scored.shape)
