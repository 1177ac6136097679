"""`Moves`: the steps of a price between bars and over them, and how large they usually are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regimen.bars.calendar import DAY
from regimen.bars.checks.ordered import Ordered
from regimen.bars.config import DataConfig

BESIDE = 10
"""How many rows on each side say what move is usual at a row."""
SEVERAL = 4
"""How many of them must move to say it."""
BEFORE = 20
"""How many rows before say how much trading is usual."""
CALM = 0.08
"""Usual move over two bars above which only moves inside of bars show that the market was wild."""
CALM_CLOSES = 0.5
"""The same where there are only closes."""
BUSY = 3.0
"""Volume and money, over the most of the rows before, that explain a move."""
TRADABLE = 2.0
"""Log step between two bars that no trading explains (x7.4)."""


@dataclass(frozen=True, eq=False)
class Moves:
    """Log moves of the usable rows, continuous over what the column ``adjustment`` explains.

    Attributes:
        rows: the rows with four positive prices, each time once.
        closes_only: whether the opens are the closes before, so that nothing is known between two bars.
        opened, closed: (row,) log prices; of closes alone both are the close.
        between: (row,) from the close before to the open; 0 in a symbol's first row.
        whole: (row,) from the close before to the close; 0 in a symbol's first row.
    """

    rows: Ordered
    closes_only: bool
    opened: NDArray[np.float64]
    closed: NDArray[np.float64]
    between: NDArray[np.float64]
    whole: NDArray[np.float64]

    @classmethod
    def of(cls, rows: Ordered, config: DataConfig) -> Moves:
        """Reads the moves off the rows that have prices."""
        good = rows.good_only()
        closed = _logs(good, "close")
        opened = closed if config.close_only else _logs(good, "open")
        return cls._over(good, config.close_only, opened, closed)

    @classmethod
    def _over(cls, rows: Ordered, closes_only: bool, opened: NDArray[np.float64], closed: NDArray[np.float64]) -> Moves:
        whole = _steps(closed, closed, rows)
        between = whole if opened is closed else _steps(opened, closed, rows)
        return cls(rows, closes_only, opened, closed, between, whole)

    def without(self, bad: NDArray[np.bool_]) -> Moves:
        """Returns the moves that are left when rows are taken out."""
        if not bad.any():
            return self
        keep = ~bad
        closed = self.closed[keep]
        opened = closed if self.opened is self.closed else self.opened[keep]
        return self._over(self.rows.take(keep), self.closes_only, opened, closed)

    def usual(self, at: NDArray[np.intp]) -> NDArray[np.float64]:
        """Robust standard deviation (1.4826 × median of absolute moves that are not 0) of each row's symbol."""
        return self._of_symbol(self.whole, at)

    def usual_beside(self, at: NDArray[np.intp]) -> NDArray[np.float64]:
        """The largest of `usual`, and of the same over the 10 rows before and over the 10 after each row.

        Moves inside of bars count fully, since no wrong scale of a row touches them; moves over two bars only
        up to `CALM`, or a price that flips between two scales would make its own flips usual.
        """
        sides = (np.arange(-BESIDE, 0), np.arange(1, BESIDE + 1))
        inside = self.closed - self.opened
        most = CALM_CLOSES if self.closes_only else CALM
        over = np.maximum.reduce([self._of_symbol(self.whole, at), *(self._of(self.whole, at, side) for side in sides)])
        within = np.maximum.reduce([self._of_symbol(inside, at), *(self._of(inside, at, side) for side in sides)])
        return np.asarray(np.maximum(within, np.minimum(over, most)))

    def _of_symbol(self, values: NDArray[np.float64], at: NDArray[np.intp]) -> NDArray[np.float64]:
        symbol = self.rows.symbol
        result = np.zeros(len(at))
        for code in np.unique(symbol[at]):
            first, last = np.searchsorted(symbol, [code, code + 1])
            sizes = np.abs(values[first:last])
            sizes = sizes[sizes > 0]
            result[symbol[at] == code] = 1.4826 * np.median(sizes) if len(sizes) else 0.0
        return result

    def _of(self, values: NDArray[np.float64], at: NDArray[np.intp], offsets: NDArray[np.int_]) -> NDArray[np.float64]:
        place, mine = self._window(at, offsets)
        sizes = np.abs(values[place])
        sizes = np.where(mine & (sizes > 0), sizes, np.nan)
        result = np.zeros(len(at))
        known = (~np.isnan(sizes)).sum(axis=1) >= SEVERAL
        if known.any():
            result[known] = 1.4826 * np.nanmedian(sizes[known], axis=1)
        return result

    def over_hole(self, at: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Whether a row follows a hole: over 3 days in 24/7 data, over 10 otherwise, and over two bars."""
        least = (3 if self.rows.calendar.name == "24/7" else 10) * DAY
        step = self.rows.time[at] - self.rows.time[at - 1]
        return np.asarray(step > max(least, 2 * self.rows.bar_length))

    def money(self, at: NDArray[np.intp]) -> NDArray[np.float64]:
        """Price × volume over the most of the 20 rows before; NaN where a volume is missing or never was."""
        return self._over_most(self.rows.columns["close"] * self.rows.columns["volume"], at)

    def explained(self, at: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Whether far more units *and* far more money than usual changed hands: news, or a squeeze.

        A wrong price raises the money alone, a split the units alone. Between two bars the market itself does
        not move by more than `TRADABLE`; over a whole bar (closes only) it may.
        """
        units = self._over_most(self.rows.columns["volume"], at)
        busy = (self.money(at) > BUSY) & (units > BUSY)
        return np.asarray(busy & (self.closes_only | (np.abs(self.between[at]) <= TRADABLE)))

    def _over_most(self, traded: NDArray[np.float64], at: NDArray[np.intp]) -> NDArray[np.float64]:
        place, mine = self._window(at, -np.arange(1, BEFORE + 1))
        most = np.fmax.reduce(np.where(mine, traded[place], np.nan), axis=1)
        return np.asarray(np.where(most > 0, traded[at] / most, np.nan))

    def _window(self, at: NDArray[np.intp], offsets: NDArray[np.int_]) -> tuple[NDArray[np.int_], NDArray[np.bool_]]:
        """Returns the rows beside each row, and which of them exist and belong to its symbol."""
        place = at[:, None] + offsets[None, :]
        inside = (place >= 0) & (place < len(self.whole))
        place = np.where(inside, place, 0)
        return place, inside & (self.rows.symbol[place] == self.rows.symbol[at][:, None])


def _logs(rows: Ordered, name: str) -> NDArray[np.float64]:
    price = rows.columns[name]
    return np.log(price * rows.columns["adjustment"] if "adjustment" in rows.columns else price)


def _steps(to: NDArray[np.float64], since: NDArray[np.float64], rows: Ordered) -> NDArray[np.float64]:
    step = np.zeros(len(to))
    if len(to) > 1:
        step[1:] = np.where(rows.same, to[1:] - since[:-1], 0.0)
    return np.where(np.isfinite(step), step, 0.0)
