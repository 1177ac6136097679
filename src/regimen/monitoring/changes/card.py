"""The training card: what a run showed before it traded, and the detectors that hold what came after against it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from regimen.errors import DataError
from regimen.monitoring.adwin import AdwinConfig
from regimen.monitoring.changes.config import ChangesConfig
from regimen.monitoring.changes.shift import MeanShift, Sides
from regimen.monitoring.collapse import CollapseConfig, CollapseReference
from regimen.monitoring.drift import ColumnDrift, DriftReference
from regimen.monitoring.sequential import SequentialVerdictConfig
from regimen.reprs import short

Floats = NDArray[np.float64]

VOLATILITY, LOSS, CONFIDENCE, COVERAGE = "volatility", "loss", "confidence", "coverage"
FEATURES, ACTIONS, ADWIN, PROFIT = "features", "actions", "adwin", "profit"
SIDES: dict[str, tuple[Sides, bool]] = {
    VOLATILITY: ("both", True),
    LOSS: ("up", False),
    CONFIDENCE: ("up", False),
    COVERAGE: ("up", False),
}
"""Streams whose mean is watched: on which sides, and whether it is the size that changes."""
_NAMED = 3
"""Columns that the words of a ring name."""
_WARM = 500
"""Blocks of the reference that ADWIN has seen when it begins."""


@dataclass(frozen=True, eq=False)
class Streams:
    """What is watched of one run, bar by bar. Row t is known at the close of bar t.

    Attributes:
        means: by name (time,): ``volatility``, the range of the bar; ``loss``, the log loss of the rows whose label
            fell due at it; ``confidence``, their highest probability less whether that class came; ``coverage``,
            whether the moves that ended at it went beyond their interval. NaN where nothing fell due.
        rows: (time, column) what the reference of the features has names for.
        listed: (time, column) whether the symbol of a column is listed; None: always.
        days: (day,) returns of the account's days.
        ends: (day,) position of the bar that ends each.
        exposures: (time, symbol) what the policy wanted; NaN leaves everything as it is.
    """

    means: Mapping[str, Floats]
    rows: Floats | None = None
    days: Floats = field(default_factory=lambda: np.empty(0))
    ends: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    exposures: Floats | None = None
    listed: NDArray[np.bool_] | None = None

    def until(self, stop: int) -> Streams:
        """Returns what was known at the close of the last of so many bars."""
        rows, exposures = (None if each is None else each[:stop] for each in (self.rows, self.exposures))
        listed = None if self.listed is None else self.listed[:stop]
        days = self.ends < stop
        means = {name: values[:stop] for name, values in self.means.items()}
        return Streams(means, rows, self.days[days], self.ends[days], exposures, listed)


class Ring(NamedTuple):
    """A detector that rang.

    Attributes:
        bar: position at whose close it did.
        detector: its name.
        words: what it saw.
        columns: that drifted most, those furthest from their usual first; empty for other detectors.
    """

    bar: int
    detector: str
    words: str
    columns: tuple[ColumnDrift, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {**self._asdict(), "columns": [each._asdict() for each in self.columns]}


class CardReading(NamedTuple):
    """What one detector shows now, beside what was promised.

    Attributes:
        detector: its name.
        promised: what training showed as a rule.
        now: the same over the latest window.
        low, high: beyond which it rings; infinite where nothing does.
        columns: that have drifted most, those furthest from their usual first; empty for other detectors.
    """

    detector: str
    promised: float
    now: float
    low: float
    high: float
    columns: tuple[ColumnDrift, ...] = ()

    @property
    def rings(self) -> bool:
        """Whether it rings now."""
        return not self.low <= self.now <= self.high

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {**self._asdict(), "columns": [each._asdict() for each in self.columns], "rings": self.rings}


@dataclass(frozen=True, eq=False)
class TrainingCard:
    """What a run promised, in detectors that share one rate of false alarms.

    Each of the k detectors that there are has ``level / k`` for itself, so that the chance that anything rings in a
    period in which nothing changes is at most ``level``, whatever they have in common (Bonferroni). A mean has it for
    all windows of a period; the alarms of the features and of the actions, whose windows are periods, for one of these;
    ADWIN for all its looks in a period; and the verdict on the profit for as long as it goes on.

    Attributes:
        config: the settings.
        period: bars.
        shifts: by stream.
        features: the alarm of the rows, with ``level / k``; None: not watched.
        actions: the alarm of one action that is taken nearly always, with ``level / k``; None: not watched.
        action: share of the commonest action in a window of the reference, as a rule.
        adwin: of the loss, over blocks; None: not watched.
        block: values of the loss in one of ADWIN's.
        warm: (block,) the last losses of the reference, which ADWIN has seen when it begins.
        profit: the bet against what the backtest claimed; None: not watched.
        missing: why a detector is not there, by name.
    """

    config: ChangesConfig
    period: int
    shifts: Mapping[str, MeanShift]
    features: DriftReference | None = None
    actions: CollapseReference | None = None
    action: float = math.nan
    adwin: AdwinConfig | None = None
    block: int = 1
    warm: Floats = field(default_factory=lambda: np.empty(0))
    profit: SequentialVerdictConfig | None = None
    missing: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        reference: Streams,
        config: ChangesConfig,
        periods_per_year: float,
        *,
        names: Sequence[str] = (),
        claim: SequentialVerdictConfig | None = None,
        block: int = 1,
    ) -> TrainingCard:
        """Fits the detectors on what a run showed before it traded.

        Args:
            reference: the streams of bars on which nothing of it was fitted, and the rows of its training slice.
            config: the settings.
            periods_per_year: bars a year, which say how long a month is.
            names: of the columns of the rows.
            claim: what its backtest says of its profit; None: nothing that could be contradicted.
            block: bars that an outcome reaches, which ADWIN takes together.
        """
        period = config.bars(periods_per_year)
        given = {name: values[np.isfinite(values)] for name, values in reference.means.items()}
        kinds = [*given, *([ADWIN] if LOSS in given else []), *([FEATURES] if reference.rows is not None else [])]
        kinds += [ACTIONS] if reference.exposures is not None else []
        kinds += [PROFIT] if claim is not None else []
        missing: dict[str, str] = {}
        share = config.level / max(len(kinds), 1)
        shifts = {}
        for name, values in given.items():
            sides, logs = SIDES[name]
            try:
                shifts[name] = MeanShift.of(values, config.window, config.checks, share, period, sides, logs=logs)
            except DataError as error:
                missing[name] = _lacking(error)
        features, actions, action, window = None, None, math.nan, max(period // 4 * 4, 8)
        if reference.rows is not None:
            from regimen.monitoring.drift import DriftConfig

            try:
                features = DriftReference.of(
                    reference.rows, names, DriftConfig(window=window, checks=4, level=share), periods_per_year
                )
            except DataError as error:
                missing[FEATURES] = _lacking(error)
        if reference.exposures is not None:
            try:
                actions = CollapseReference.of(reference.exposures, CollapseConfig(window=window, level=share))
            except DataError as error:
                missing[ACTIONS] = _lacking(error)
            if actions is not None and actions.threshold >= 1.0:
                actions, missing[ACTIONS] = None, f"one action for {window} bars on end is nothing new to this policy"
            if actions is not None:
                action = float(actions.shares(reference.exposures)[1].mean())
        adwin, warm = None, np.empty(0)
        if LOSS in shifts:
            means = _blocks(given[LOSS], block)
            clock = 1 if block >= config.window else max(config.window // config.checks // block, 1)
            looks = max(period / (block * clock), 1.0)
            low, high = (float(edge) for edge in np.quantile(means, [0.01, 0.99]))
            if high > low:
                adwin = AdwinConfig(delta=share / looks, clock=clock, low=low, high=high)
                warm = means[-_WARM:]
        profit = None if claim is None else claim.model_copy(update={"level": share})
        return cls(config, period, shifts, features, actions, action, adwin, block, warm, profit, missing)

    def __repr__(self) -> str:
        return short(self, f"{', '.join(self.detectors)}; {self.config.level:.0%} of {self.period} bars ring")

    @property
    def detectors(self) -> tuple[str, ...]:
        """Names of those that there are."""
        there = {FEATURES: self.features, ACTIONS: self.actions, ADWIN: self.adwin, PROFIT: self.profit}
        return (*self.shifts, *(name for name, one in there.items() if one is not None))

    def rings(self, streams: Streams, start: int = 0) -> list[Ring]:
        """Returns the first ring of each detector that rings, the earliest first.

        Args:
            streams: what came since the run began to decide.
            start: position from which on a ring counts.
        """
        first = [self._shifted(name, streams, start) for name in self.shifts]
        first += [self._strange(streams, start), self._collapsed(streams, start)]
        first += [self._adapted(streams, start), self._contradicted(streams, start)]
        return sorted((ring for ring in first if ring is not None), key=lambda ring: ring.bar)

    def readings(self, streams: Streams) -> list[CardReading]:
        """Returns what each detector shows at the end of the streams; those that have not seen enough are left out.

        The profit shows the wealth of who bet against the claim; ADWIN is a matter of what came before, and not here.
        """
        readings = []
        for name, shift in self.shifts.items():
            values = streams.means[name]
            means = shift.means(values[np.isfinite(values)])
            if len(means):
                readings.append(CardReading(name, shift.usual, float(means[-1]), shift.low, shift.high))
        if self.features is not None and streams.rows is not None:
            drift = self.features.latest(streams.rows, streams.listed)
            if drift is not None:
                readings.append(CardReading(FEATURES, 1.0, drift.statistic, 0.0, drift.threshold, drift.worst))
        if self.actions is not None and streams.exposures is not None:
            _, shares = self.actions.shares(streams.exposures)
            if len(shares):
                threshold = self.actions.threshold
                readings.append(CardReading(ACTIONS, self.action, float(shares[-1]), 0.0, threshold))
        if self.profit is not None and len(streams.days):
            verdict = self.profit.build()
            memory = verdict.initial()
            for day in streams.days.tolist():
                memory = verdict.observe(memory, day)
            wealth = verdict.reading(memory).against_claim
            readings.append(CardReading(PROFIT, 1.0, wealth, 0.0, 1.0 / self.profit.level))
        return readings

    def _shifted(self, name: str, streams: Streams, start: int) -> Ring | None:
        shift, values = self.shifts[name], streams.means[name]
        places = np.flatnonzero(np.isfinite(values))
        if len(places) < shift.window:
            return None
        means = shift.means(values[places])
        bars = places[shift.places(len(means))]
        rung = np.flatnonzero(shift.rings(values[places]) & (bars >= start))
        if not len(rung):
            return None
        now = float(means[rung[0]])
        edge = shift.high if now > shift.usual else shift.low
        words = f"mean of {shift.window} is {now:.4g}; usually {shift.usual:.4g}, rings beyond {edge:.4g}"
        return Ring(int(bars[rung[0]]), name, words)

    def _strange(self, streams: Streams, start: int) -> Ring | None:
        if self.features is None or streams.rows is None:
            return None
        reference = self.features
        places = np.flatnonzero(np.isfinite(streams.rows).any(axis=1))
        statistics = reference.statistics(streams.rows, streams.listed)
        step = reference.window // reference.config.checks
        bars = places[reference.window - 1 + np.arange(len(statistics)) * step]
        rung = np.flatnonzero((statistics > reference.threshold) & (bars >= start))
        if not len(rung):
            return None
        bar = int(bars[rung[0]])
        until = streams.until(bar + 1)
        assert until.rows is not None
        seen = reference.latest(until.rows, until.listed)
        assert seen is not None
        limit = f"{seen.statistic:.3g} times the usual; rings beyond {seen.threshold:.3g}"
        return Ring(bar, FEATURES, f"{limit}; furthest: {', '.join(map(str, seen.worst[:_NAMED]))}", seen.worst)

    def _collapsed(self, streams: Streams, start: int) -> Ring | None:
        """Rings where the policy takes one action more often than in any window before."""
        if self.actions is None or streams.exposures is None:
            return None
        bars, shares = self.actions.shares(streams.exposures)
        rung = np.flatnonzero((shares > self.actions.threshold) & (bars >= start))
        if not len(rung):
            return None
        words = f"one action is {shares[rung[0]]:.1%} of {self.actions.window} bars"
        return Ring(int(bars[rung[0]]), ACTIONS, f"{words}; rings beyond {self.actions.threshold:.1%}")

    def _adapted(self, streams: Streams, start: int) -> Ring | None:
        """Rings where ADWIN lets go of losses that were lower than those that it keeps."""
        if self.adwin is None or LOSS not in streams.means:
            return None
        detector = self.adwin.build()
        memory = detector.initial()
        for value in self.warm.tolist():
            memory = detector.observe(memory, value)
        places = np.flatnonzero(np.isfinite(streams.means[LOSS]))
        values = _blocks(streams.means[LOSS][places], self.block)
        for k, value in enumerate(values.tolist()):
            before, memory = memory, detector.observe(memory, value)
            if int(memory.changes) > int(before.changes):
                was, now = detector.reading(before), detector.reading(memory)
                bar = int(places[(k + 1) * self.block - 1])
                if now.mean > was.mean and bar >= start:
                    return Ring(bar, ADWIN, f"the loss is {now.mean:.4g} over {now.width * self.block}; it was lower")
        return None

    def _contradicted(self, streams: Streams, start: int) -> Ring | None:
        if self.profit is None:
            return None
        verdict = self.profit.build()
        memory = verdict.initial()
        for end, day in zip(streams.ends.tolist(), streams.days.tolist(), strict=True):
            if end < start or not math.isfinite(day):
                continue
            memory = verdict.observe(memory, day)
            reading = verdict.reading(memory)
            if reading.contradicts:
                return Ring(int(end), PROFIT, f"{reading.days} days contradict a Sharpe of {self.profit.claimed:.2g}")
        return None


def _lacking(error: DataError) -> str:
    """Returns what a detector lacks, without the field that sets it elsewhere."""
    return f"{error.rule.partition(' (')[0]}; there are {error.value}"


def _blocks(values: Floats, block: int) -> Floats:
    """Returns means of blocks that do not overlap."""
    whole = len(values) // block
    return np.asarray(values[: whole * block].reshape(whole, block).mean(axis=1))
