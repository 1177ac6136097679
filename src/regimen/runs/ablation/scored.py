"""A finished run that is measured: its policies, what they say and what they earned, by seed and window."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from regimen import metrics
from regimen.execution import Ledger, Market, Tape
from regimen.policies import History, Policy, Preprocessed, Probable, unwrapped
from regimen.records import RunConfig, RunDirectory
from regimen.records.layout import EXPOSURES
from regimen.runs.families.calibrated_rule import Forecasts, forecasts_of
from regimen.runs.guarding import trade
from regimen.runs.prepare import Prepared
from regimen.runs.window import load_policy, read_exposures
from regimen.splits import Slice, Window


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
    _sights: dict[Hashable, History] = field(default_factory=dict, repr=False)
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

    def seen(self, seed: int, window: Window) -> tuple[Policy, History]:
        """The policy of one window and seed inside all that is around it, and the history as it sees it.

        The history that was asked for last stays in memory, and serves all seeds whose preprocessing is the same.
        """
        bare = unwrapped(self.policy(seed, window))
        if not isinstance(bare, Preprocessed):
            return bare, self.prepared.history
        key = tuple((name, array.tobytes()) for name, array in bare.chain.state().items())
        if key not in self._sights:
            self._sights.clear()
            self._sights[key] = bare.sight(self.prepared.history)
        return bare.policy, self._sights[key]

    @cached_property
    def says_probabilities(self) -> bool:
        """Whether the run's model gives the classes probabilities."""
        return isinstance(self.seen(self.config.seed, self.prepared.windows[0])[0], Probable)

    def forecasts(self, seed: int, window: Window, part: Slice) -> Forecasts:
        """What the model of a window says of a slice's labelled rows, calibrated as it trades."""
        key = (seed, window.number, f"{part.role} {part.start} {part.rows}")
        if key not in self._forecasts:
            self._forecasts[key] = forecasts_of(*self.seen(seed, window), self.prepared.labels, part)
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
            self._ledgers[seed] = trade(self.config, bars, exposures, begin, end, tape=self._tape)
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
