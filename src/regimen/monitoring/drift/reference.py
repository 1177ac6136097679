"""What the training slice looked like, the threshold that its own windows give, and the rows since."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from regimen.errors import DataError, RunError
from regimen.jit import jit
from regimen.monitoring.bounds import upper_bound
from regimen.monitoring.drift.bins import binned, counted, latest_psi, padded, psi, quantile_edges
from regimen.monitoring.drift.config import DriftConfig
from regimen.reprs import many, short
from regimen.settings import validated

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]

FEWEST = 6
"""Windows that a training slice must have: with fewer their spread is a guess."""


class DriftMemory(NamedTuple):
    """What is remembered of the rows so far; a step gives another one and changes none."""

    current: Counts
    """(column, bin) how often each bin occurred since the last check."""
    earlier: Counts
    """(check, column, bin) the same between the checks before, the oldest first."""
    bars: NDArray[np.int64]
    """() rows observed."""


class ColumnDrift(NamedTuple):
    """One column of a reading."""

    name: str
    psi: float
    """Population stability index of the window against the training slice."""
    usual: float
    """What a window of the training slice has as a rule (geometric mean)."""

    def __str__(self) -> str:
        return f"{self.name} (PSI {self.psi:.2f}, usually {self.usual:.2f})"


class DriftReading(NamedTuple):
    """What the latest complete window shows."""

    statistic: float
    """How many times its usual the column has that is furthest from it."""
    threshold: float
    """Beyond which it rings."""
    rings: bool
    worst: tuple[ColumnDrift, ...]
    """Columns, those furthest from their usual first."""


@dataclass(frozen=True, eq=False)
class DriftReference:
    """A training slice in bins, and how far its own windows lie from the rest of it.

    For each column j and window w of W bars, ``d_j(w) = PSI_j + bins / W``, the index of the window's shares against
    those of the slice; ``bins / W`` is what independent rows would have, so that a column that hardly moves is not
    weighed by its noise. The statistic is ``max_j d_j(w) / usual_j``, usual_j the geometric mean of d_j over the slice.

    Features are autocorrelated, so no textbook threshold holds for it: it is taken from the slice. Each of its windows
    is compared as a new one is: with the shares and with the usual values of what does not overlap with it. Of a group
    of checks that fill one window the largest counts, and `upper_bound` of these is the threshold. On a market that
    does not change a share ``level`` of windows rings at most, at any of its checks; that is an average over slices,
    and not a promise for each.

    Timing: a reading after bar t uses rows <= t. It exists once W rows have come, and changes W / checks rows later.

    Attributes:
        config: the settings.
        names: of the columns.
        window: W.
        edges: (column, bins − 1) inner edges of the bins, infinite where there are fewer.
        counts: (column, bins + 1) rows of the slice in each bin, the last one for missing values.
        usual: (column,) geometric mean of d over the slice's windows.
        threshold: of the statistic.
        groups: windows that the threshold comes from.
    """

    config: DriftConfig
    names: tuple[str, ...]
    window: int
    edges: Floats
    counts: Counts
    usual: Floats
    threshold: float
    groups: int

    @classmethod
    def of(
        cls, rows: Floats, names: Sequence[str], config: DriftConfig | None = None, periods_per_year: float = 8766.0
    ) -> DriftReference:
        """Fits the reference on a training slice.

        Args:
            rows: (time, column) in the order of time; a row without any number (before the features are warm, or on a
                bar that was missed) is left out, as it is later. Of several symbols, their columns beside each other.
            names: of the columns.
            config: the settings; the usual ones unless given.
            periods_per_year: bars a year, which say how long a month is.

        Raises:
            DataError: other names than columns, or fewer than six windows.
        """
        config = config or DriftConfig()
        if rows.ndim != 2 or rows.shape[1] != len(names):
            raise DataError("drift", f"must have rows of {many(len(names), 'column')}, as it has names", rows.shape)
        rows = rows[np.isfinite(rows).any(axis=1)]
        window = config.bars(periods_per_year)
        if len(rows) < FEWEST * window:
            rule = f"needs a training slice of {FEWEST} windows of {window} bars (monitoring.drift.window sets it)"
            raise DataError("drift", rule, f"{many(len(rows), 'row')}")
        edges = padded(quantile_edges(rows, config.bins), config.bins)
        stretch = window // config.checks
        counts = _stretches(binned(rows[len(rows) % stretch :], edges), stretch, config.bins + 1)
        usual, bound, groups = _calibrated(counts, config, window)
        total = counts.sum(axis=0)
        return cls(config, tuple(names), window, edges, total, usual, math.exp(bound), groups)

    def __repr__(self) -> str:
        size = f"{many(len(self.names), 'column')}, windows of {many(self.window, 'bar')}"
        return short(self, f"{size}, rings above {self.threshold:.2f} times the usual")

    def initial(self) -> DriftMemory:
        """Returns the state before the first row."""
        empty = np.zeros_like(self.counts)
        return DriftMemory(empty, np.zeros((self.config.checks, *empty.shape), np.int64), np.zeros((), np.int64))

    def observe(self, state: DriftMemory, row: Floats) -> DriftMemory:
        """Returns the state after one more row, of shape (column,) or any that has as many numbers.

        A row without any number changes nothing.

        Raises:
            DataError: another number of columns.
        """
        following = DriftMemory(*(part.copy() for part in state))
        return following if self._take(following, row) else state

    def advance(self, state: DriftMemory, row: Floats) -> bool:
        """Takes one more row into a memory, in place; returns whether it completed a check: a reading is new.

        See `observe`.
        """
        return self._take(state, row) > 1

    def _take(self, state: DriftMemory, row: Floats) -> int:
        values = np.ascontiguousarray(row, np.float64).reshape(-1)
        if len(values) != len(self.names):
            raise DataError("drift", f"must have {many(len(self.names), 'column')}", len(values))
        return _take(
            values, self.edges, self.window, self._stretch, state.current, state.earlier, state.bars.reshape(1)
        )

    @cached_property
    def _stretch(self) -> int:
        return self.window // self.config.checks

    def is_due(self, state: DriftMemory) -> bool:
        """Whether the last row completed a check: a reading is new."""
        bars = int(state.bars)
        return bars >= self.window and bars % self._stretch == 0

    def reading(self, state: DriftMemory) -> DriftReading | None:
        """Returns what the latest check showed; None before the first window is complete."""
        if int(state.bars) < self.window:
            return None
        index = np.empty(len(self.names))
        latest_psi(state.earlier, self.counts, index)
        return self._reading(index)

    def latest(self, rows: Floats, listed: Flags | None = None) -> DriftReading | None:
        """Returns what the latest check over rows (time, column) shows, with the bits of a stream of them.

        Args:
            rows: (time, column).
            listed: see `statistics`.

        Returns:
            None before the first window is complete.
        """
        known = np.isfinite(rows).any(axis=1)
        rows, listed = rows[known], None if listed is None else listed[known]
        stop = len(rows) // self._stretch * self._stretch
        if stop < self.window:
            return None
        span = slice(stop - self.window, stop)
        counts = counted(binned(rows[span], self.edges), self.config.bins + 1)
        whole = None if listed is None else np.asarray(listed[span].all(axis=0))
        return self._reading(psi(counts, self.counts), whole)

    def _reading(self, index: Floats, whole: Flags | None = None) -> DriftReading:
        excess = self._excess(index, whole)
        order = np.argsort(-excess, kind="stable")
        order = (order if whole is None else order[whole[order]])[: self.config.worst]
        noise = _noise(self.config, self.window)
        usual = np.maximum(self.usual - noise, 0.0)
        worst = tuple([ColumnDrift(self.names[j], float(index[j]), float(usual[j])) for j in order.tolist()])
        statistic = float(excess.max())
        return DriftReading(statistic, self.threshold, statistic > self.threshold, worst)

    def statistics(self, rows: Floats, listed: Flags | None = None) -> Floats:
        """Returns the statistic of each check over rows (time, column), with the bits of a stream of them.

        Args:
            rows: (time, column).
            listed: (time, column) whether the symbol of a column is listed; a window in which it is not always so
                leaves the column out: nothing can come of a symbol that has ended. None: always.
        """
        known = np.isfinite(rows).any(axis=1)
        places = binned(rows[known], self.edges)
        counts = _stretches(places, self._stretch, self.config.bins + 1)
        checks = self.config.checks
        if len(counts) < checks:
            return np.empty(0)
        whole = None
        if listed is not None:
            missing = _stretches((~listed[known]).astype(np.int64), self._stretch, 2)[..., 1]
            whole = _windows(missing, checks) == 0
        return np.asarray(self._excess(psi(_windows(counts, checks), self.counts), whole).max(axis=1))

    def _excess(self, index: Floats, whole: Flags | None = None) -> Floats:
        """Returns how many times its usual d each column has; 0 where it is left out."""
        excess = np.asarray((index + _noise(self.config, self.window)) / self.usual)
        return excess if whole is None else np.where(whole, excess, 0.0)

    def to_dict(self) -> dict[str, object]:
        """Returns the reference as what JSON can hold; `of_dict` gives the same bits back."""
        return {
            "config": self.config.model_dump(mode="json"),
            "names": list(self.names),
            "window": self.window,
            "edges": [row[np.isfinite(row)].tolist() for row in self.edges],
            "counts": self.counts.tolist(),
            "usual": self.usual.tolist(),
            "threshold": self.threshold,
            "groups": self.groups,
        }

    @classmethod
    def of_dict(cls, values: Mapping[str, Any]) -> DriftReference:
        """Returns the reference that `to_dict` gave.

        Raises:
            RunError: something is missing, or of another shape.
            ConfigError: its settings are not those of this version.
        """
        try:
            config = validated(DriftConfig, dict(values["config"]), "drift.")
            edges = padded([np.array(row, np.float64) for row in values["edges"]], config.bins)
            reference = cls(
                config,
                tuple(str(name) for name in values["names"]),
                int(values["window"]),
                edges,
                np.array(values["counts"], np.int64),
                np.array(values["usual"], np.float64),
                float(values["threshold"]),
                int(values["groups"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise RunError("drift reference", f"is damaged: {error}") from None
        columns = len(reference.names)
        shapes = (reference.edges.shape[0], reference.counts.shape, reference.usual.shape)
        if shapes != (columns, (columns, config.bins + 1), (columns,)) or reference.window % config.checks:
            raise RunError("drift reference", "is damaged: its arrays do not fit each other", shapes)
        return reference


@jit
def _take(row: Floats, edges: Floats, window: int, stretch: int, current: Counts, earlier: Counts, bars: Counts) -> int:
    """Counts the bin of each column's value; at the end of a stretch its counts become the newest of the earlier.

    Returns:
        0 for a row without any number, 2 where it completes a check, else 1.
    """
    columns, inner = edges.shape
    finite = False
    for value in row:
        finite = finite or np.isfinite(value)
    if not finite:
        return 0
    for column in range(columns):
        value = row[column]
        place = inner + 1
        if np.isfinite(value):
            place = 0
            for edge in edges[column]:
                place += value >= edge
        current[column, place] += 1
    bars[0] += 1
    if bars[0] % stretch:
        return 1
    earlier[:-1] = earlier[1:].copy()
    earlier[-1] = current
    current[:] = 0
    return 2 if bars[0] >= window else 1


def _noise(config: DriftConfig, window: int) -> float:
    """Returns the index that a window of independent rows has: bins / W."""
    return config.bins / window


def _stretches(places: Counts, stretch: int, bins: int) -> Counts:
    """Returns (stretch, column, bin) counts of as many whole stretches of rows as places (time, column) have."""
    whole = len(places) // stretch
    counts = [counted(places[k * stretch : (k + 1) * stretch], bins) for k in range(whole)]
    return np.stack(counts) if counts else np.empty((0, places.shape[1], bins), np.int64)


def _windows(counts: Counts, checks: int) -> Counts:
    """Returns (window, ...) the sums of each ``checks`` stretches (stretch, ...) that follow each other."""
    sums = np.concatenate([np.zeros((1, *counts.shape[1:]), np.int64), counts.cumsum(axis=0)])
    return np.asarray(sums[checks:] - sums[:-checks])


def _calibrated(counts: Counts, config: DriftConfig, window: int) -> tuple[Floats, float, int]:
    """Returns the usual d of each column, the bound of log max d / usual, and of how many groups it is.

    Args:
        counts: (stretch, column, bin) of a slice; ``checks`` stretches are a window.
    """
    checks = config.checks
    windows = _windows(counts, checks)
    # against the slice without the window itself: a new window is no part of the slice either
    logs = np.log(psi(windows, counts.sum(axis=0) - windows) + _noise(config, window))
    total, scores = len(logs), []
    for first in range(0, total - checks + 1, checks):
        far = np.ones(total, np.bool_)
        far[max(0, first - checks + 1) : first + 2 * checks - 1] = False
        scores.append(float((logs[first : first + checks] - logs[far].mean(axis=0)).max()))
    return np.exp(logs.mean(axis=0)), upper_bound(np.array(scores), config.level), len(scores)
