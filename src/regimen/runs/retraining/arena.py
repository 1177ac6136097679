"""The bars that a run knew and those that came, and what any of its runs says and earns on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimen.bars import DAY, Bars, listed
from regimen.errors import RunError
from regimen.execution import Ledger
from regimen.features import FeatureSet
from regimen.metrics import daily_returns
from regimen.monitoring import LEAST_CHANCE, MARKET_COLUMNS, SequentialVerdictConfig, Streams, watched_rows
from regimen.monitoring.changes import CONFIDENCE, COVERAGE, LOSS, VOLATILITY
from regimen.policies import ConformalConfig, Probable, innermost, targets
from regimen.readers import Loaded, load_with_report
from regimen.records import RunConfig, RunDirectory, judgement_now, require_finished
from regimen.records.layout import POLICY
from regimen.runs.adapting.continued import continued
from regimen.runs.backtests import with_overrides
from regimen.runs.guarding import trade
from regimen.runs.prepare import (
    Prepared,
    WholeSeries,
    labelled,
    require_same_data,
    require_same_features,
    require_trained,
    seen,
)
from regimen.runs.vault import require_shut
from regimen.runs.window import load_policy

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sayings:
    """What one model said on bars [first, stop), and what became of it.

    Attributes:
        first: position of its first bar.
        exposures: (stop − first, symbol).
        classes: (stop − first, symbol, 3) of SELL, HOLD, BUY; None for a model that gives none.
    """

    first: int
    exposures: Floats
    classes: Floats | None


@dataclass(frozen=True, eq=False)
class WalkedBars:
    """A finished run's bars, and behind them those that came after it.

    Attributes:
        directory: of the run.
        manifest: of it.
        prepared: of all bars; it has no windows.
        series: by which trials are counted.
        first: position of the first bar that the run has not seen.
    """

    directory: RunDirectory
    manifest: Mapping[str, Any]
    prepared: Prepared
    series: WholeSeries
    first: int

    @classmethod
    def of(
        cls, directory: RunDirectory, bars: str | None, overrides: Sequence[str] = (), *, fed: bool = False
    ) -> WalkedBars:
        """Joins a finished run's bars with those of a file.

        Args:
            directory: of the run.
            bars: the file; None: none have come yet.
            overrides: of the file, ``data.*``.
            fed: a feed brings bars behind those of the file, which then need not go on behind the run's own.

        Raises:
            RunError: the run is not finished or damaged, was adapted, its features are others than they were, or the
                bars lie in a vault.
            DataError: its data file has changed, or the bars do not go on where the run's own end.
        """
        manifest = require_finished(directory)
        require_trained(manifest)
        directory.require_undamaged("data.json", "judgement.json", *(f"windows/*/{part}" for part in POLICY))
        config = directory.located_config()
        own = load_with_report(config.data)
        require_same_data(own.bars, manifest)
        whole = own.bars
        if bars is not None:
            more = load_with_report(with_overrides(config, bars, overrides).data).bars
            whole = continued(whole, more, fed=fed)
        series = WholeSeries.of(config.data, own.bars)
        require_shut(directory.trials, series.fingerprint, series.sketch, whole, manifest)
        config = config.model_copy(update={"market": config.market.at(whole)})
        prepared = _prepared(config, replace(own, bars=whole), config.features.build())
        require_same_features(prepared, manifest)
        return cls(directory, manifest, prepared, series, len(own.bars))

    def grown(self, bars: Bars) -> WalkedBars:
        """Returns the same with more bars.

        Args:
            bars: all of them, those that there are and more behind them.

        Raises:
            RunError: they lie in a vault.
        """
        require_shut(self.directory.trials, self.series.fingerprint, self.series.sketch, bars, self.manifest)
        before = self.prepared
        prepared = _prepared(before.config, replace(before.loaded, bars=bars), before.features)
        return replace(self, prepared=prepared)

    @property
    def bars(self) -> Bars:
        """All of them."""
        return self.prepared.bars

    @property
    def stop(self) -> int:
        """How many there are."""
        return len(self.bars)

    @cached_property
    def reach(self) -> int:
        """Bars that a label of the run's own bars looks ahead, at most: what comes later does not change it."""
        ends = self.prepared.labels.t_end[: self.first]
        times, symbols = np.nonzero((ends >= 0) & (ends < self.first))
        return int((ends[times, symbols] - times).max())

    @cached_property
    def ranges(self) -> Floats:
        """(time,) range of the bar, log(high / low), mean over symbols: the stream of the volatility."""
        adjusted = seen(self.bars)
        return _mean(np.log(adjusted.high / adjusted.low))

    @cached_property
    def beyond(self) -> Floats:
        """(time,) share of symbols whose move that ended at the bar went beyond its conformal interval."""
        config = self.prepared.config.intervals or ConformalConfig()
        horizon = self.prepared.labels.horizon
        step = config.step(horizon)
        tape = self.prepared.history.tape
        misses = step.scan(tape, step.initial_state(len(self.bars.symbols))).misses
        known = np.full(misses.shape, np.nan)
        known[step.horizon + 1 :] = misses[: len(misses) - step.horizon - 1]
        return _mean(known)

    @cached_property
    def _going_on(self) -> list[int]:
        """Places of the symbols that had not ended by the run's own last bar; nothing comes of the others."""
        return np.flatnonzero(listed(self.bars.present[: self.first])[-1]).tolist()

    @cached_property
    def rows(self) -> Floats:
        """(time, column) features and market columns, symbols that go on beside each other, for the alarm of drift."""
        adjusted, values = seen(self.bars), self.prepared.frame.values
        before = np.concatenate([np.full((1, values.shape[1]), np.nan), adjusted.close[:-1]])
        parts = []
        for s in self._going_on:
            prices = (
                np.ascontiguousarray(each[:, s]) for each in (before, adjusted.high, adjusted.low, adjusted.close)
            )
            parts.append(watched_rows(np.ascontiguousarray(values[:, s]), *prices))
        return np.concatenate(parts, axis=1)

    @cached_property
    def _listed(self) -> NDArray[np.bool_]:
        """(time, column) of `rows`: whether the symbol is listed; one may end behind the run's own last bar."""
        each = self.rows.shape[1] // len(self._going_on)
        return np.repeat(self.bars.listed[:, self._going_on], each, axis=1)

    @property
    def columns(self) -> list[str]:
        """Names of the columns of `rows`."""
        names = [*self.prepared.features.names, *MARKET_COLUMNS]
        symbols = self.bars.symbols
        if len(symbols) == 1:
            return names
        return [f"{symbols[s]} {name}" for s in self._going_on for name in names]

    def says(self, directory: RunDirectory, number: int, first: int, stop: int) -> Sayings:
        """Asks the model of one window of a run at bars [first, stop).

        Raises:
            RunError: it was trained on other features.
        """
        policy = load_policy(directory.window(number), self.prepared.config, self.prepared.features.hash)
        history = self.prepared.history
        exposures = targets(policy, history, first, stop)
        inner, sight = innermost(policy, history)
        classes = inner.probabilities(sight, first, stop) if isinstance(inner, Probable) else None
        return Sayings(first, exposures, classes)

    def spoken_of(self, sayings: Sayings, until: int | None = None) -> Streams:
        """Returns the streams of what a model said, from its first bar on.

        Args:
            sayings: of it.
            until: only labels that fell due before this position; all by default.
        """
        stop = min(sayings.first + len(sayings.exposures), until or self.stop)
        span = slice(sayings.first, stop)
        means = {VOLATILITY: self.ranges[span], COVERAGE: self.beyond[span]}
        if sayings.classes is not None:
            loss, confidence = self._fallen_due(sayings, stop)
            means |= {LOSS: loss, CONFIDENCE: confidence}
        exposures = sayings.exposures[: stop - sayings.first]
        return Streams(means, self.rows[span], exposures=exposures, listed=self._listed[span])

    def _fallen_due(self, sayings: Sayings, stop: int) -> tuple[Floats, Floats]:
        """Returns (time,) log loss and confidence of rows at the bar where their labels fell due; NaN elsewhere."""
        assert sayings.classes is not None
        count = stop - sayings.first
        labels, classes = self.prepared.labels, sayings.classes[:count]
        y, ends = labels.y[sayings.first : stop], labels.t_end[sayings.first : stop] - sayings.first
        known = (y >= 0) & (ends < count) & np.isfinite(classes).all(axis=2)
        times, symbols = np.nonzero(known)
        chances = classes[times, symbols]
        came, due = y[times, symbols].astype(np.int64), ends[times, symbols]
        loss = -np.log(np.maximum(chances[np.arange(len(came)), came], LEAST_CHANCE))
        confidence = chances.max(axis=1) - (chances.argmax(axis=1) == came)
        number = np.bincount(due, minlength=count).astype(np.float64)
        with np.errstate(invalid="ignore"):
            return (
                np.bincount(due, loss, minlength=count) / number,
                np.bincount(due, confidence, minlength=count) / number,
            )

    def account(self, exposures: Floats, first: int) -> Ledger:
        """Trades exposures (stop − first, symbol) from bar ``first`` on in one account that begins with cash."""
        whole = np.full(self.bars.shape, np.nan)
        whole[first : first + len(exposures)] = exposures
        return trade(
            self.prepared.config, self.bars, whole, first, first + len(exposures), tape=self.prepared.history.tape
        )

    def days(self, ledger: Ledger) -> tuple[Floats, NDArray[np.int64]]:
        """Returns the returns of the whole days of an account, and where each ends, counted from its first bar."""
        days, returns = daily_returns(ledger.time, ledger.returns)
        ends = np.searchsorted(ledger.time, days + np.timedelta64(1, "D")) - 1
        whole = ends < len(ledger) - 1  # the last day may not be over
        return returns[whole], ends[whole].astype(np.int64)

    def claim(self, directory: RunDirectory) -> SequentialVerdictConfig | None:
        """Returns what a run's backtest says of its profit; None where it earned nothing."""
        rows = judgement_now(directory)["rows"]
        row: dict[str, Any] = next((each for each in rows if each["name"] == "policy"), {})
        sharpe, volatility = row.get("sharpe"), row.get("volatility")
        if not isinstance(sharpe, int | float) or not isinstance(volatility, int | float):
            return None
        if sharpe <= 0.0 or volatility <= 0.0:
            return None
        days = self.bars.calendar.periods_per_year(DAY)
        return SequentialVerdictConfig(claimed=sharpe, volatility=volatility, days_per_year=days)


def _prepared(config: RunConfig, loaded: Loaded, features: FeatureSet) -> Prepared:
    bars = loaded.bars
    return Prepared(config, loaded, features, features.compute(seen(bars)), labelled(config, bars), ())


def newest_window(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what a manifest says of the last window.

    Raises:
        RunError: there is none.
    """
    if not manifest.get("windows"):
        raise RunError("run", "must have a trained window", manifest.get("id"))
    window: dict[str, Any] = manifest["windows"][-1]
    return window


def _mean(values: Floats) -> Floats:
    """Returns the mean over symbols of (time, symbol); NaN where none is known."""
    known = np.isfinite(values)
    number = known.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, values, 0.0).sum(axis=1) / np.where(number, number, np.nan))
