"""Tasks of a meta-learner: rows of one symbol that belong together, and the episodes that can be cut out of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from regimen.seams import Rows, RowTable

REGIMES = ("calm", "normal", "turbulent")
"""The terciles of a symbol's volatility."""


@dataclass(frozen=True, eq=False)
class MarketTask:
    """Rows that a learner is to adapt to.

    Attributes:
        name: what it is called where there is too little of it.
        rows: (n,) positions of its rows, in time.
    """

    name: str
    rows: Rows


def stretches(table: RowTable, bars: int) -> list[MarketTask]:
    """Returns the rows of each symbol in each stretch of so many bars, counted from the first bar of the series.

    A row whose label looks beyond its stretch is left out, so that no two tasks know a bar of each other's.
    """
    stretch = table.time // bars
    inside = np.flatnonzero(table.end // bars == stretch)
    return [
        MarketTask(f"symbol {symbol}, bars from {number * bars}", rows)
        for (symbol, number), rows in _grouped(table, inside, stretch)
    ]


def regimes(table: RowTable, limits: dict[int, NDArray[np.float64]]) -> list[MarketTask]:
    """Returns the rows of each symbol in each of its three regimes: its volatility's terciles.

    Args:
        table: the rows; a symbol without limits is left out.
        limits: see `terciles`.
    """
    known = np.flatnonzero(np.isin(table.symbol, list(limits)))
    regime = np.zeros(len(table.time), dtype=np.int64)
    for symbol, (low, high) in limits.items():
        own = table.symbol == symbol
        regime[own] = (table.volatility[own] > low).astype(np.int64) + (table.volatility[own] > high)
    return [
        MarketTask(f"symbol {symbol}, {REGIMES[number]}", rows)
        for (symbol, number), rows in _grouped(table, known, regime)
    ]


def terciles(table: RowTable) -> dict[int, NDArray[np.float64]]:
    """Returns for each symbol the two volatilities that cut its rows into thirds."""
    symbols = np.unique(table.symbol)
    return {int(s): np.quantile(table.volatility[table.symbol == s], [1.0 / 3.0, 2.0 / 3.0]) for s in symbols}


def _grouped(table: RowTable, rows: Rows, number: NDArray[np.int64]) -> list[tuple[tuple[int, int], Rows]]:
    """Returns the rows of each (symbol, number) that has any, in time."""
    if len(rows) == 0:
        return []
    rows = rows[np.lexsort((table.time[rows], number[rows], table.symbol[rows]))]
    keys = np.stack([table.symbol[rows], number[rows]])
    cuts = np.flatnonzero((np.diff(keys, axis=1) != 0).any(axis=0)) + 1
    return [
        ((int(keys[0, at]), int(keys[1, at])), part) for at, part in zip([0, *cuts], np.split(rows, cuts), strict=True)
    ]


@dataclass(frozen=True, eq=False)
class Episodes:
    """All places at which an episode can be cut: ``shots`` rows of a task, then ``queries`` later ones.

    Attributes:
        order: (rows,) positions of training rows, task after task.
        support, query: (places,) where in ``order`` the support and the query of an episode begin.
        places: (tasks,) number of places in each task that has any.
        shots, queries: rows of each.
    """

    order: Rows
    support: Rows
    query: Rows
    places: Rows
    shots: int
    queries: int

    @classmethod
    def of(cls, tasks: Sequence[MarketTask], table: RowTable, shots: int, queries: int) -> Episodes:
        """Finds the places; a query begins behind the last bar that any label of its support looked at."""
        support, query, places, offset = [], [], [], 0
        for task in tasks:
            starts, later = _places(task.rows, table, shots, queries)
            if len(starts):
                support.append(offset + starts)
                query.append(offset + later)
                places.append(len(starts))
            offset += len(task.rows)
        none = np.empty(0, dtype=np.int64)
        return cls(
            np.concatenate([none, *(task.rows for task in tasks)]),
            np.concatenate([none, *support]),
            np.concatenate([none, *query]),
            np.array(places, dtype=np.int64),
            shots,
            queries,
        )

    def draw(self, batches: int, tasks: int, generator: np.random.Generator) -> Sequence[Rows]:
        """Returns batches of episodes, one after another: a task is drawn evenly, then a place in it."""
        which = generator.integers(0, len(self.places), (batches, tasks))
        first = np.cumsum(self.places) - self.places
        at = first[which] + generator.integers(0, self.places[which])
        support = self.support[at][..., None] + np.arange(self.shots)
        query = self.query[at][..., None] + np.arange(self.queries)
        return list(self.order[np.concatenate([support, query], axis=-1)].reshape(batches, -1))


def _places(rows: Rows, table: RowTable, shots: int, queries: int) -> tuple[Rows, Rows]:
    """Returns where in a task's rows the support and the query of each possible episode begin."""
    if len(rows) < shots + queries:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    due = sliding_window_view(table.end[rows], shots).max(axis=1)
    query = np.searchsorted(table.time[rows], due, side="right").astype(np.int64)
    starts = np.flatnonzero(query + queries <= len(rows))
    return starts, query[starts]


def watched(tasks: Sequence[MarketTask], table: RowTable, shots: int, most: int) -> list[Rows]:
    """Returns one batch for each task that has enough rows: its first ``shots`` as support, and all later ones.

    Args:
        tasks: of the validation rows.
        table: of the same.
        shots: rows of the support; the query begins behind the last bar that any of their labels looked at.
        most: rows of the query in one batch; a longer one makes several batches, with the support before each.
    """
    batches = []
    for task in tasks:
        support = task.rows[:shots]
        query = task.rows[table.time[task.rows] > table.end[support].max()]
        batches += [np.concatenate([support, query[at : at + most]]) for at in range(0, len(query), most)]
    return batches
