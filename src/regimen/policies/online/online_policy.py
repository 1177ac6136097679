"""`OnlinePolicy`: a classifier that learns from each label as it falls due, and then decides."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from regimen.errors import RunError
from regimen.labels import LabelStep
from regimen.observation import ObservationSchema, observations
from regimen.policies.classifier import Opinion
from regimen.policies.online.carried import Carried
from regimen.policies.online.learns import Learns, Portable
from regimen.reprs import short

if TYPE_CHECKING:
    from regimen.execution import History, Moment, Tape
    from regimen.policies.classifier import Scaler
    from regimen.policies.exposure import ExposureRule

Floats = NDArray[np.float64]
_NONE: Floats = np.empty(0)
_CLASSES = 3


class OnlineWalk(NamedTuple):
    """What a policy said of a stretch of bars, and where it stood at its end.

    Attributes:
        raw: (bar, symbol, 3) as the classifier says it; NaN where what is seen is not whole.
        calibrated: (bar, symbol, 3) the same, as the rule is given it.
        volatility: (bar, symbol); None where the rule aims at none.
        carried: what was learned up to the end.
    """

    raw: Floats
    calibrated: Floats
    volatility: Floats | None
    carried: Carried


@final
class OnlinePolicy:
    """At each bar: learn from the labels that are due, then ``observation -> scaler -> classifier -> rule``.

    One classifier learns from all symbols, at each bar from those labels that `regimen.labels.LabelStream` hands out
    with it: first the calibration, from what the classifier said when the label was not known; then the classifier. So
    every opinion is of a bar that was not learned from, the walk-forward is prequential, and nothing that comes after
    a bar changes what is decided at it.

    *Timing:* bars up to ``carried.until`` have been learned from: on them, whatever series they are of, it is a fixed
    model. From there on it learns at every bar, whether something is decided at it or not. What is learned at bar t
    are labels whose last bar is at most t.

    What it remembers of each symbol is the stream of its labels, the rows whose labels are open with what was said of
    them, and what the classifier and the calibration have learned, the same in every row. A classifier whose knowledge
    is no row of numbers stays outside, and a count of its labels stands for it: such a policy decides bar after bar,
    and cannot go back to an earlier one but the first.

    Args:
        carried: what was learned before.
        labels: what labels are.
        rule: from probabilities to exposure.
        scaler: applied to the feature columns first; None: they are scaled already.
    """

    def __init__(self, carried: Carried, labels: LabelStep, rule: ExposureRule, scaler: Scaler | None = None) -> None:
        self.carried, self.labels, self.rule, self.scaler = carried, labels, rule, scaler
        learner, calibration = carried.learner, carried.calibration
        self._schema = ObservationSchema(
            features=learner.schema, inputs=learner.inputs, volatility=rule.volatility_target is not None
        )
        self._ring, inputs = labels.reach + 1, learner.inputs
        widths = (
            labels.memory,
            self._ring * inputs,
            self._ring * _CLASSES,
            len(learner.numbers) if isinstance(learner, Portable) else 1,
            0 if calibration is None else len(calibration.numbers),
        )
        edges = np.cumsum([0, *widths]).tolist()
        self._rows, self._opinions, self._known, self._scale = (
            slice(first, last) for first, last in pairwise(edges[1:])
        )
        self._memory = edges[-1]
        self._place_of = {int(stamp): k for k, stamp in enumerate(carried.stamps)}
        self._living: tuple[float, Learns] = (-1.0, learner)
        self._last: tuple[History, int, int, OnlineWalk] | None = None

    def __repr__(self) -> str:
        return short(self, f"{self.carried.learner!r}, {self.rule!r}")

    @property
    def schema(self) -> ObservationSchema:
        """The classifier's features, and the volatility where the rule aims at one."""
        return self._schema

    @property
    def is_portable(self) -> bool:
        """Whether all that it learns is in its memory, so that it decides from any memory at any time."""
        return isinstance(self.carried.learner, Portable)

    def initial_state(self, symbols: int) -> Floats:
        """Returns the memory (symbol, memory) before the first bar: no label is open."""
        state = np.zeros((symbols, self._memory))
        stream = self.labels.initial_state(symbols)
        state[:, : stream.shape[1]] = stream
        state[:, self._rows], state[:, self._opinions] = np.nan, np.nan
        learner, calibration = self.carried.learner, self.carried.calibration
        if isinstance(learner, Portable):
            state[:, self._known] = learner.numbers
        if calibration is not None:
            state[:, self._scale] = calibration.numbers
        return state

    def watch(self, moment: Moment, state: Floats) -> Floats:
        """Returns the memory after a bar on which nothing is decided; what is due is learned all the same."""
        return self.opinion(moment, state).state

    def act(self, moment: Moment, state: Floats) -> tuple[Floats, Floats]:
        """Returns the exposures (symbol,) of symbols that each trade alone, and what is remembered of them.

        Raises:
            RunError: a memory that a classifier outside of it has left behind; see `OnlinePolicy`.
        """
        opinion = self.opinion(moment, state)
        return self.rule.exposures(opinion.probabilities, opinion.volatility), opinion.state

    def opinion(self, moment: Moment, state: Floats) -> Opinion:
        """Learns what is due; returns what the exposures of the bar come from, and what is remembered."""
        following = state.copy()
        _, classes, volatility = self._took(moment, following)
        return Opinion(classes, volatility, following)

    def exposures(self, history: History, start: int, stop: int) -> Floats:
        """Returns the exposures (stop − start, symbol) of bars [start, stop)."""
        walk = self.walk(history, start, stop)
        alone = np.zeros(walk.calibrated.shape[:2])
        known = np.isfinite(walk.calibrated[..., 0])
        if known.any():
            risk = None if walk.volatility is None else walk.volatility[known]
            alone[known] = self.rule.exposures(walk.calibrated[known], risk)
        return alone

    def probabilities(self, history: History, start: int, stop: int) -> Floats:
        """Returns (stop − start, symbol, 3), each said before its label was known; NaN where what is seen is not whole.

        On bars that were learned from already it is what the classifier says now.
        """
        return self.walk(history, start, stop).calibrated

    def carried_to(self, history: History, stop: int) -> Carried:
        """Returns where it stands before bar ``stop``, having learned what fell due up to it."""
        return self.walk(history, max(stop - 1, 0), stop).carried

    def walk(self, history: History, start: int, stop: int) -> OnlineWalk:
        """Walks through the bars before ``stop``; returns what was said from ``start`` on.

        The last walk is kept, so that who asks for its end, or for what was said, does not walk again.
        """
        last = self._last
        if last is not None and last[0] is history and last[1:3] == (start, stop):
            return last[3]
        symbols = len(history.bars.symbols)
        state, first = self._skipped(history, start)
        raw, classes = np.full((2, stop - start, symbols, _CLASSES), np.nan)
        risks = np.full((stop - start, symbols), np.nan) if self._schema.volatility else None
        for t in range(first, stop):
            plain, calibrated, risk = self._took(history.at(t), state)
            if t >= start:
                raw[t - start], classes[t - start] = plain, calibrated
                if risks is not None and risk is not None:
                    risks[t - start] = risk
        walk = OnlineWalk(raw, classes, risks, self._carried(history, stop, state))
        self._last = history, start, stop, walk
        return walk

    def _skipped(self, history: History, start: int) -> tuple[Floats, int]:
        """Returns the memory before a bar from which on every step counts, and that bar; nothing is learned before."""
        tape, state = history.tape, self.initial_state(len(history.bars.symbols))
        after = int(np.searchsorted(tape.stamps, self.carried.until, side="right"))
        first = max(0, min(start, after) - self._ring)
        ratios = tape.ratios[:first] if tape.ratios.shape[0] else tape.ratios
        prices = tape.opens[:first], tape.highs[:first], tape.lows[:first], tape.closes[:first]
        self.labels.skip(prices, ratios, state)
        return state, first

    def _carried(self, history: History, stop: int, state: Floats) -> Carried:
        """Returns a memory after bar ``stop`` − 1 as what the next policy begins with."""
        stamps = history.tape.stamps[max(0, stop - self._ring) : stop]
        places = (np.arange(max(0, stop - self._ring), stop)) % self._ring
        opinions = (
            state[:, self._opinions].reshape(len(state), self._ring, _CLASSES)[:, places].transpose(1, 0, 2).copy()
        )
        learner, calibration = self._learner_at(state), self.carried.calibration
        return Carried(
            learner.copy() if isinstance(learner, Portable) else learner,
            None if calibration is None else calibration.at(state[0, self._scale].copy()),
            max(self.carried.until, int(stamps[-1]) if len(stamps) else self.carried.until),
            stamps.copy(),
            opinions,
        )

    def _took(self, moment: Moment, state: Floats) -> tuple[Floats, Floats, Floats | None]:
        """Takes a bar into the memory, in place; returns what is said (symbol, 3), calibrated, and the volatility."""
        tape, step = moment.tape, self.labels
        place, symbols = step.place(state), len(state)
        slot, stamp = place % self._ring, int(tape.stamps[-1])
        due = self._due(tape, state)
        rows = state[:, self._rows].reshape(symbols, self._ring, self._schema.inputs)
        open_ = state[:, self._opinions].reshape(symbols, self._ring, _CLASSES)
        if len(due) and stamp > self.carried.until:
            self._learn(due, place, rows, open_, state)
        volatility = moment.volatility if self._schema.volatility else None
        seen = observations(self._schema, moment.features, volatility)
        known = moment.present & np.isfinite(seen).all(axis=1)
        rows[:, slot], open_[:, slot] = np.nan, np.nan
        raw, classes = np.full((2, symbols, _CLASSES), np.nan)
        if known.any():
            x = seen[known, : self._schema.inputs]
            x = np.asarray(x if self.scaler is None else self.scaler.transform(x, self.scaler.names), np.float64)
            opinions = self._learner_at(state).predict_proba(x)
            rows[known, slot] = x
            raw[known] = opinions
            open_[known, slot] = opinions
            calibration = self.carried.calibration
            if calibration is not None:
                opinions = calibration.at(state[0, self._scale])(opinions)
            classes[known] = opinions
        if stamp <= self.carried.until:
            open_[:, slot] = self._opinions_at(stamp, symbols)
        if volatility is None:
            return raw, classes, None
        return raw, classes, np.where(known, volatility, np.nan)

    def _due(self, tape: Tape, state: Floats) -> Floats:
        """Takes a bar into the stream of labels; returns what falls due with it."""
        room = self.labels.room(len(state))
        ratio = tape.ratios[-1] if tape.ratios.shape[0] else _NONE
        count = self.labels.push((tape.opens[-1], tape.highs[-1], tape.lows[-1], tape.closes[-1]), ratio, state, room)
        return room[:count]

    def _learn(self, due: Floats, place: int, rows: Floats, open_: Floats, state: Floats) -> None:
        """Learns from labels that are due, in place."""
        symbols, places = due[:, 1].astype(np.int64), (place - due[:, 0].astype(np.int64)) % self._ring
        x, opinions, y = rows[symbols, places], open_[symbols, places], due[:, 2].astype(np.int64)
        calibration = self.carried.calibration
        kept = np.isfinite(opinions[:, 0])
        if calibration is not None and kept.any():
            calibration.at(state[0, self._scale]).learn(opinions[kept], y[kept])
            state[1:, self._scale] = state[0, self._scale]
        whole = np.isfinite(x[:, 0])
        if not whole.any():
            return
        learner = self.carried.learner
        if isinstance(learner, Portable):
            learner.at(state[0, self._known]).learn(x[whole], y[whole])
            state[1:, self._known] = state[0, self._known]
            return
        count = state[0, self._known.start]
        living = learner.copy() if count == 0.0 else self._learner_at(state)
        living.learn(x[whole], y[whole])
        state[:, self._known] = count + whole.sum()
        self._living = float(state[0, self._known.start]), living

    def _learner_at(self, state: Floats) -> Learns:
        """Returns the classifier of a memory."""
        learner = self.carried.learner
        if isinstance(learner, Portable):
            return learner.at(state[0, self._known])
        count = float(state[0, self._known.start])
        if count == 0.0:
            return learner
        if count != self._living[0]:
            rule = f"learns outside of its memory, so it goes on from its last bar or from the first; {learner!r} has"
            raise RunError("model", f"{rule} learned {self._living[0]:.0f} labels, the memory", count)
        return self._living[1]

    def _opinions_at(self, stamp: int, symbols: int) -> Floats:
        """Returns what was said (symbol, 3) at a bar that was learned up to; NaN where that is not on record."""
        place = self._place_of.get(stamp)
        if place is None or self.carried.opinions.shape[1] != symbols:
            return np.full((symbols, _CLASSES), np.nan)
        opinions: Floats = self.carried.opinions[place]
        return opinions
