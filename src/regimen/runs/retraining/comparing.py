"""What runs said on the bars of an arena, asked once each; their cards, their rings, and duels between two of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from regimen.errors import ConfigError
from regimen.execution import Ledger
from regimen.monitoring import Ring, Streams, TrainingCard, WagerConfig, Wealth, growth_units, loss_units, wager
from regimen.records import RunDirectory, require_finished
from regimen.runs.retraining.arena import Sayings, WalkedBars, newest_window
from regimen.runs.retraining.machine import Duel
from regimen.runs.retraining.settings import RetrainSettings

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Comparing:
    """The runs of one champion on the bars that came after it.

    Attributes:
        arena: of the champion.
        settings: what is asked for.
        sayings: by run, of its newest model, from the first bar that it had not seen.
        cards: by run.
        compared: by champion, other and bar.
    """

    arena: WalkedBars
    settings: RetrainSettings
    sayings: dict[str, Sayings] = field(default_factory=dict)
    cards: dict[str, TrainingCard] = field(default_factory=dict)
    compared: dict[tuple[str, str, int], tuple[Wealth, Wealth]] = field(default_factory=dict)

    def on(self, arena: WalkedBars) -> Comparing:
        """Returns the same on more bars: what runs promised stays, what they say is asked for anew."""
        return Comparing(arena, self.settings, cards=self.cards)

    def directory(self, run: str) -> RunDirectory:
        """Returns the folder of a run beside the champion's."""
        return RunDirectory(self.arena.directory.home / run)

    def take(self, run: str, first: int) -> Sayings:
        """Asks the newest model of a run at all bars from ``first`` on."""
        if run not in self.sayings:
            directory = self.directory(run)
            number = newest_window(require_finished(directory))["number"]
            self.sayings[run] = self.arena.says(directory, number, first, self.arena.stop)
        return self.sayings[run]

    @property
    def by(self) -> Literal["loss", "growth"]:
        """What is compared.

        Raises:
            ConfigError: the loss was asked for, and the model says no probabilities.
        """
        there = next(iter(self.sayings.values())).classes is not None
        if self.settings.by == "loss" and not there:
            kind = self.arena.prepared.config.model.kind
            raise ConfigError("--by", "must be growth for a model that says no probabilities", kind)
        if self.settings.by == "auto":
            return "loss" if there else "growth"
        return self.settings.by

    @property
    def wagered(self) -> WagerConfig:
        """How two runs are compared: over a day of bars, or four times as far as a label looks ahead."""
        day = max(round(self.arena.bars.periods_per_year / 365.25), 1)
        if self.by == "growth":
            return WagerConfig(level=self.settings.level, block=day)
        reach = self.arena.reach
        return WagerConfig(level=self.settings.level, block=max(day, 4 * reach), gap=reach)

    def account(self, run: str, since: int) -> Ledger:
        """Trades a run's exposures from the bar behind ``since`` on, in an account of its own that begins with cash."""
        sayings = self.sayings[run]
        return self.arena.account(sayings.exposures[since + 1 - sayings.first :], since + 1)

    def wealth(self, first: str, second: str, since: int) -> tuple[Wealth, Wealth]:
        """Returns what who bet on the second run has, and who bet on the first, on the bars behind ``since``."""
        key = (first, second, since)
        if key not in self.compared:
            units = self._units(first, second, since)
            self.compared[key] = wager(units, self.wagered), wager(-units, self.wagered)
        return self.compared[key]

    def duel(self, champion: str, other: str, since: int) -> Duel:
        """Compares two runs; see `Hands`."""
        better, worse = (each.reaches(self.settings.level) for each in self.wealth(champion, other, since))
        return Duel(*(None if bar < 0 else int(bar) + since + 1 for bar in (better, worse)))

    def _units(self, first: str, second: str, since: int) -> Floats:
        if self.by == "growth":
            mine, theirs = (np.log1p(self.account(run, since).returns) for run in (first, second))
            return growth_units(mine, theirs, self.wagered.block)
        mine, theirs = (self._classes(run, since) for run in (first, second))
        units = loss_units(mine, theirs, self.arena.prepared.labels.y[since + 1 :].T)
        known = np.isfinite(units)
        number = known.sum(axis=0)
        return np.where(number, np.where(known, units, 0.0).sum(axis=0) / np.maximum(number, 1), np.nan)

    def _classes(self, run: str, since: int) -> Floats:
        """Returns (symbol, time, 3) the probabilities of a run on the bars behind ``since``."""
        sayings = self.sayings[run]
        assert sayings.classes is not None
        return sayings.classes[since + 1 - sayings.first :].transpose(1, 0, 2)

    def card(self, run: str) -> TrainingCard:
        """Returns what a run promised: from its own test spans and its newest training slice."""
        if run not in self.cards:
            arena, directory = self.arena, self.directory(run)
            manifest = require_finished(directory)
            newest = newest_window(manifest)
            parts = []
            for window in manifest["windows"]:
                start, stop = (int(edge) for edge in window["test"])
                parts.append(arena.spoken_of(arena.says(directory, window["number"], start, stop), stop))
            known = slice(int(newest["train"][0]), int(newest["test"][1]))
            means = {name: np.concatenate([part.means[name] for part in parts]) for name in parts[0].means}
            means |= {"volatility": arena.ranges[known], "coverage": arena.beyond[known]}
            exposures = np.concatenate([part.exposures for part in parts if part.exposures is not None])
            rows = arena.rows[int(newest["train"][0]) : int(newest["train"][1])]
            self.cards[run] = TrainingCard.of(
                Streams(means, rows, exposures=exposures),
                self.settings.changes,
                arena.bars.periods_per_year,
                names=arena.columns,
                claim=arena.claim(directory),
                block=arena.reach,
            )
        return self.cards[run]

    def streams(self, run: str, since: int) -> Streams:
        """Returns what is watched of a run on the bars behind ``since``, its account among it."""
        sayings = self.sayings[run]
        after = Sayings(
            since + 1,
            sayings.exposures[since + 1 - sayings.first :],
            None if sayings.classes is None else sayings.classes[since + 1 - sayings.first :],
        )
        streams = self.arena.spoken_of(after)
        days, ends = self.arena.days(self.account(run, since))
        return replace(streams, days=days, ends=ends)

    def rings(self, run: str, since: int, start: int) -> list[Ring]:
        """Returns the first ring of each detector of a run's card on the bars behind ``since``, from ``start`` on."""
        rings = self.card(run).rings(self.streams(run, since), start - since - 1)
        return [ring._replace(bar=ring.bar + since + 1) for ring in rings]
