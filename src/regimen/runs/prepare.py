"""All that a run needs before its first fit; nothing is written, so a mistake leaves nothing behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars, DataConfig, Sketch
from regimen.errors import DataError, RunError
from regimen.execution import History
from regimen.features import FeatureFrame, FeatureSet
from regimen.labels import (
    TARGETS,
    Labels,
    adjusted_prices,
    further_targets,
    label,
    reaching,
    trailing_difficulty,
    trailing_volatility,
)
from regimen.policies import realised_volatility
from regimen.preprocess import Chain
from regimen.readers import Loaded, load, load_as_is, load_with_report
from regimen.records import RunConfig
from regimen.reprs import many, short
from regimen.seams import RowTable
from regimen.splits import Fold, Slice, Window, purged_folds, split


@dataclass(frozen=True, eq=False)
class Prepared:
    """Bars, features, labels and windows of one config.

    Attributes:
        loaded: the bars, with the findings of their checks and the repairs applied.
        frame: (time, symbol, feature) features of the whole series; row t uses bars <= t.
        labels: what the classifier learns.
        windows: the walk-forward windows, in time.
        passed: what the features of the frame have passed through already, for a member of an ensemble.
    """

    config: RunConfig
    loaded: Loaded
    features: FeatureSet
    frame: FeatureFrame
    labels: Labels
    windows: tuple[Window, ...]
    passed: Chain = field(default_factory=Chain)

    def __repr__(self) -> str:
        return short(self, f"{self.bars!r}, {self.features!r}, {many(len(self.windows), 'window')}")

    @property
    def bars(self) -> Bars:
        """The series after repairs, slicing and resampling."""
        return self.loaded.bars

    @cached_property
    def series(self) -> WholeSeries:
        """The whole series that the bars were cut from."""
        return WholeSeries.of(self.config.data, self.bars)

    @cached_property
    def history(self) -> History:
        """What the run's policies see; see `history_of`."""
        return history_of(self.config, self.bars, self.frame)

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        """(time, symbol): whether the bar exists and every feature of it is known."""
        return self.bars.present & warm(self.frame.values)

    def targets(self, names: Sequence[str]) -> NDArray[np.float64]:
        """Returns what a model learns besides the class, (time, symbol, target); NaN where there is no label."""
        if set(names) <= set(TARGETS):
            return self._targets[..., [TARGETS.index(name) for name in names]]
        if tuple(names) not in self._ahead:
            self._ahead[tuple(names)] = self._further(names)
        return self._ahead[tuple(names)]

    @cached_property
    def _targets(self) -> NDArray[np.float64]:
        """All further targets, computed once for all windows and seeds."""
        return self._further(TARGETS)

    @cached_property
    def _ahead(self) -> dict[tuple[str, ...], NDArray[np.float64]]:
        """Those of models with horizons of their own, as they were asked for."""
        return {}

    def _further(self, names: Sequence[str]) -> NDArray[np.float64]:
        config = self.config.labels
        return further_targets(self.labels, self.bars, names, config.volatility_bars, getattr(config, "entry_lag", 1))

    @cached_property
    def volatility(self) -> NDArray[np.float64]:
        """(time, symbol): what the labels divide by, the trailing volatility of one bar's returns."""
        return trailing_volatility(adjusted_prices(self.bars).close, self.config.labels.volatility_bars)

    @cached_property
    def difficulty(self) -> tuple[NDArray[np.float64], ...]:
        """Each (time, symbol): `trailing_difficulty` over the bars of that volatility, for recipes; else nothing."""
        if not self.config.training.recipes:
            return ()
        return trailing_difficulty(adjusted_prices(self.bars).close, self.config.labels.volatility_bars)

    def table(self, times: NDArray[np.int64], symbols: NDArray[np.int64]) -> RowTable:
        """Returns where rows come from that stand at these bars of these symbols."""
        at = times, symbols
        columns = (column[at] for column in self.difficulty)
        return RowTable(times, symbols, self.labels.t_end[at], self.volatility[at], *columns)

    def folds(self, part: Slice, k: int) -> tuple[Fold, ...]:
        """Returns k folds of a training slice with the embargo of the run's splits; see `purged_folds`.

        Raises:
            SplitError: folds that leave nothing to train on.
        """
        embargo = self.config.splits.embargo
        return purged_folds(part, self.labels, k, self.features.warmup if embargo == "auto" else embargo)

    @property
    def span(self) -> tuple[int, int]:
        """Positions [start, stop) of the bars that are traded out of sample."""
        return self.windows[0].test.start, self.windows[-1].test.stop


@dataclass(frozen=True, eq=False)
class WholeSeries:
    """The series before it was cut or resampled, by which trials are counted.

    So whoever tries one year after another, or one bar length after another, has tried the series that many times.

    Attributes:
        fingerprint: of its bars.
        sketch: what its market is known by under any name, unit or form; that of all symbols of the file, so that
            whoever tries a panel's symbols one after the other has tried one series.
    """

    fingerprint: str
    sketch: Sketch

    @classmethod
    def of(cls, config: DataConfig, bars: Bars) -> WholeSeries:
        """Finds the whole behind bars.

        Args:
            config: that the bars were loaded by.
            bars: as they are used.
        """
        uncut = config.model_copy(update={"start": None, "end": None, "vault": None, "resample": None})
        whole = bars if uncut == config else _loaded(uncut)
        every = uncut.model_copy(update={"symbols": None})
        market = whole if every == uncut else _loaded(every)
        if market is None:
            with suppress(DataError):
                market = load_as_is(every)
        # a part that is refused cannot have been tried, and belongs to the market all the same
        return cls((whole or bars).fingerprint, Sketch.of(market or whole or bars))


def _loaded(config: DataConfig) -> Bars | None:
    with suppress(DataError):
        return load(config)
    return None


def described(loaded: Loaded, source: str) -> dict[str, Any]:
    """What a run writes about its data: findings, repairs, assumptions, the traded bar length, the source."""
    return {
        **loaded.report.to_dict(),
        "bar_length": loaded.bars.bar_length,
        "calendar": loaded.bars.calendar.name,
        "source_fingerprint": source,
    }


def seen(bars: Bars) -> Bars:
    """The bars as features and volatility see them: a split is no move, where the bars know of splits.

    Only the account trades raw prices, and takes the split into the units held.
    """
    return bars.adjusted() if "adjustment" in bars.extras else bars


def labelled(config: RunConfig, bars: Bars) -> Labels:
    """Returns the labels of bars as a run makes them: those that know of costs know of its market's.

    They end no sooner than what the run's model learns besides, so that splits purge that too.

    Raises:
        ConfigError: see `regimen.labels.label`; a model that learns about more bars ahead than there are.
    """
    labels = label(config.labels, bars, config.market.at(bars).costs.round_trip)
    return reaching(labels, getattr(config.model, "ahead", 0))


def history_of(config: RunConfig, bars: Bars, frame: FeatureFrame) -> History:
    """Returns what the policies of a run see of bars: features, and the volatility where its exposure aims at one.

    Row t uses bars <= t, all of them: the first rows of a span are as informed as they would be live.

    Args:
        config: of the run.
        bars: that are traded.
        frame: their features.
    """
    rule, volatility = config.exposure, None
    if rule.volatility_target is not None:
        volatility = realised_volatility(seen(bars).close, rule.volatility_bars, bars.periods_per_year)
    return config.market.build().history(bars, frame, volatility)


def warm(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(time, symbol): whether every feature of the row is known. A sum is finite exactly when all its terms are."""
    known: NDArray[np.bool_] = np.isfinite(values.sum(axis=2))
    return known


def require_trained(manifest: Mapping[str, Any]) -> None:
    """Raises `RunError` for a run that was adapted from another: no config alone makes it again."""
    origin = manifest.get("adapted_from")
    if origin is not None:
        raise RunError(
            "run", f"was adapted from {origin}, and not trained; `regimen adapt {origin}` makes another", origin
        )


def require_same_data(bars: Bars, manifest: Mapping[str, Any]) -> None:
    """Raises `RunError` when the bars are not those that the run of a manifest was made with."""
    if bars.fingerprint != manifest["fingerprint"]:
        raise RunError("data", f"must be the bars of the run, fingerprint {manifest['fingerprint'][:12]}", bars.source)


def require_same_features(prepared: Prepared, manifest: Mapping[str, Any]) -> None:
    """Raises `RunError` when features are not computed as they were, by an edited file of one's own for example."""
    then, now = manifest.get("features_hash", prepared.features.hash), prepared.features.hash
    if now != then:
        raise RunError("features", f"must be those of the run, hash {then[:12]}", now[:12])


def prepare(config: RunConfig) -> Prepared:
    """Loads, computes, labels and splits.

    Raises:
        RegimenError: whatever is wrong with the config or the data, in one line.
    """
    loaded = load_with_report(config.data)
    config.market.build().tape(loaded.bars)  # what cannot be traded is refused before anything is fitted
    return prepare_bars(config, loaded, config.features.build())


def prepare_bars(config: RunConfig, loaded: Loaded, features: FeatureSet, until: int | None = None) -> Prepared:
    """Computes, labels and splits bars that are loaded already.

    Args:
        config: of the run.
        loaded: the bars.
        features: as built from the config.
        until: only windows whose test span starts before this position; all by default.
    """
    config = config.model_copy(update={"market": config.market.at(loaded.bars)})
    frame = features.compute(seen(loaded.bars))
    labels = labelled(config, loaded.bars)
    usable = warm(frame.values)
    windows = split(config.splits, loaded.bars, labels, features.warmup, usable=usable, until=until)
    return Prepared(config, loaded, features, frame, labels, windows)
