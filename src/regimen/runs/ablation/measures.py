"""What an ablation measures of a finished run: one function of a seed and a window each, in the order of the table."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from regimen import metrics
from regimen.execution import Ledger, Market, Tape
from regimen.policies import Policy, Probable, innermost
from regimen.records import Effort, RunConfig, RunDirectory
from regimen.records.layout import EXPOSURES
from regimen.reporting.ablation import Column
from regimen.runs.families.calibrated_rule import Forecasts, forecasts_of
from regimen.runs.prepare import Prepared
from regimen.runs.window import load_policy, read_exposures
from regimen.splits import Slice, Window

_UNIT = 1e4
"""What a skill, in nats, is multiplied with where it is shown."""
_WILD = 0.95
"""Bars of a higher trailing volatility than this share of the training rows are a crisis."""
_FEWEST = 20
"""Rows of a window below which no share of them is said."""


@dataclass(frozen=True, eq=False)
class Scored:
    """A finished run that is measured: its folder, and what it was trained on.

    Attributes:
        directory: of the run.
        prepared: bars, features, labels and windows of its config.
    """

    directory: RunDirectory
    prepared: Prepared
    _policies: dict[tuple[int, int], Policy] = field(default_factory=dict, repr=False)
    _forecasts: dict[tuple[int, int, str], Forecasts] = field(default_factory=dict, repr=False)
    _ledgers: dict[int, Ledger] = field(default_factory=dict, repr=False)

    @property
    def config(self) -> RunConfig:
        """Of the run."""
        return self.prepared.config

    def folder(self, seed: int, window: Window) -> RunDirectory:
        """The folder of one window of one seed."""
        home = self.directory if seed == self.config.seed else self.directory.seed(seed)
        return RunDirectory(home.window(window.number))

    def policy(self, seed: int, window: Window) -> Policy:
        """The policy of one window and seed; the last one that was asked for stays in memory."""
        key = (seed, window.number)
        if key not in self._policies:
            self._policies.clear()
            self._forecasts.clear()
            place = self.folder(seed, window).path
            self._policies[key] = load_policy(place, self.config, self.prepared.features.hash)
        return self._policies[key]

    @cached_property
    def says_probabilities(self) -> bool:
        """Whether the run's model gives the classes probabilities."""
        policy = self.policy(self.config.seed, self.prepared.windows[0])
        return isinstance(innermost(policy, self.prepared.history)[0], Probable)

    def forecasts(self, seed: int, window: Window, part: Slice) -> Forecasts:
        """What the model of a window says of a slice's labelled rows, calibrated as it trades."""
        key = (seed, window.number, f"{part.role} {part.start} {part.rows}")
        if key not in self._forecasts:
            policy = self.policy(seed, window)
            self._forecasts[key] = forecasts_of(policy, self.prepared.history, self.prepared.labels, part)
        return self._forecasts[key]

    def prior(self, window: Window) -> NDArray[np.float64]:
        """(3,) share of each class among the training rows of a window."""
        return metrics.class_prior(window.train.take(self.prepared.labels.y).astype(np.int64))

    def ledger(self, seed: int) -> Ledger:
        """The books of one seed over all test spans, from the exposures that are on disk."""
        if seed not in self._ledgers:
            bars, (begin, end) = self.prepared.bars, self.prepared.span
            exposures = np.full(bars.shape, np.nan)
            for window in self.prepared.windows:
                first, last = window.test.start, window.test.stop
                place = self.folder(seed, window).path / EXPOSURES
                rows = read_exposures(place, (last - first, bars.shape[1]))
                if rows is not None:
                    exposures[first:last] = rows
            self._ledgers[seed] = self._market.backtest(bars, exposures, begin, end, tape=self._tape)
        return self._ledgers[seed]

    @cached_property
    def _market(self) -> Market:
        return self.config.market.build()

    @cached_property
    def _tape(self) -> Tape:
        return self._market.tape(self.prepared.bars)

    def traded(self, window: Window) -> slice:
        """The bars of a window's test span in the books."""
        begin = self.prepared.span[0]
        return slice(window.test.start - begin, window.test.stop - begin)


@dataclass(frozen=True)
class Measure:
    """A column of the table, and how it is measured.

    Attributes:
        column: name, title and direction.
        of: (run, seed, window) -> its score; NaN where it is not known.
    """

    column: Column
    of: Callable[[Scored, int, Window], float]


def _accuracy(forecasts: Forecasts) -> float:
    right = forecasts.probabilities.argmax(axis=1) == forecasts.y
    return 100.0 * float(right.mean()) if len(right) >= _FEWEST else math.nan


def _skill(scored: Scored, seed: int, window: Window) -> float:
    forecasts = _test(scored, seed, window)
    return _UNIT * metrics.log_loss_skill(*forecasts, scored.prior(window)) if len(forecasts.y) else math.nan


def _test(scored: Scored, seed: int, window: Window) -> Forecasts:
    """What is said of the test span; no row where the model gives no probabilities."""
    if not scored.says_probabilities:
        return Forecasts(np.empty((0, 3)), np.empty(0, np.int64))
    return scored.forecasts(seed, window, window.test)


def _test_accuracy(scored: Scored, seed: int, window: Window) -> float:
    return _accuracy(_test(scored, seed, window))


def _gap(scored: Scored, seed: int, window: Window) -> float:
    if not scored.says_probabilities:
        return math.nan
    return _accuracy(scored.forecasts(seed, window, window.train)) - _accuracy(_test(scored, seed, window))


def _crisis(scored: Scored, seed: int, window: Window) -> float:
    if not scored.says_probabilities:
        return math.nan
    volatility = scored.prepared.volatility
    calm = window.train.take(volatility)
    wild = window.test.among(volatility > np.nanquantile(calm, _WILD))
    return _accuracy(scored.forecasts(seed, window, wild)) if wild.rows >= _FEWEST else math.nan


def _calibration(scored: Scored, seed: int, window: Window) -> float:
    forecasts = _test(scored, seed, window)
    return 100.0 * metrics.expected_calibration_error(*forecasts) if len(forecasts.y) else math.nan


def _sharpe(scored: Scored, seed: int, window: Window) -> float:
    returns = scored.ledger(seed).returns[scored.traded(window)]
    ratio = metrics.annual_sharpe(returns, scored.prepared.bars.periods_per_year)
    return ratio if math.isfinite(ratio) else 0.0  # whoever never moved earned nothing


def _turnover(scored: Scored, seed: int, window: Window) -> float:
    turnover = scored.ledger(seed).turnover[scored.traded(window)]
    return metrics.annual_turnover(turnover, scored.prepared.bars.periods_per_year)


def _seconds(scored: Scored, seed: int, window: Window) -> float:
    effort = Effort.read(scored.folder(seed, window).path)
    return math.nan if effort is None or not effort.whole else effort.seconds


MEASURES: tuple[Measure, ...] = (
    Measure(
        Column(
            *("skill", "log-loss skill · 10⁴", 1, 1),
            "log loss of always saying the training rows' class shares less that of the forecasts, 10⁻⁴ nats",
        ),
        _skill,
    ),
    Measure(Column("accuracy", "accuracy, %", 1, 2, "share of test rows whose likeliest class came"), _test_accuracy),
    Measure(
        Column("gap", "generalisation gap, points", -1, 2, "accuracy on the training rows less that on the test rows"),
        _gap,
    ),
    Measure(
        Column(
            *("crisis", "crisis accuracy, %", 1, 2),
            "accuracy on test rows of a higher trailing volatility than 95 % of the training rows",
        ),
        _crisis,
    ),
    Measure(
        Column(
            *("calibration", "calibration error, points", -1, 2),
            "how far classes come from as often as said, class-wise, ten bins of equal count",
        ),
        _calibration,
    ),
    Measure(Column("sharpe", "net Sharpe", 1, 2, "annual, after costs, of the bars of each window"), _sharpe),
    Measure(Column("turnover", "turnover a year", 0, 0, "traded notional in multiples of the equity"), _turnover),
    Measure(Column("seconds", "seconds a fit", -1, 2, "wall time on the machine that trained"), _seconds),
)
"""The measures of an ablation. What attacks, certificates or scenarios say of a run is one more of them."""


def measured(scored: Scored, measures: Sequence[Measure] = MEASURES) -> dict[str, NDArray[np.float64]]:
    """Returns the scores (seed, window) of a run by the name of the measure; each policy is loaded once."""
    seeds, windows = scored.config.all_seeds, scored.prepared.windows
    tables = {measure.column.name: np.full((len(seeds), len(windows)), np.nan) for measure in measures}
    for row, seed in enumerate(seeds):
        for column, window in enumerate(windows):
            for measure in measures:
                tables[measure.column.name][row, column] = measure.of(scored, seed, window)
    return tables
