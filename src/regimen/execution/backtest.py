"""The loop of a backtest: one account stepped through the tape, with everything that happens written down."""

from __future__ import annotations

import numpy as np

from regimen.execution.account import Fills, Floats, Rules, open_account
from regimen.execution.columns import ACCOUNT_COLUMNS, BOOK, POSITION_COLUMNS
from regimen.execution.replay import replay
from regimen.execution.tape import Tape

_ROOM = 4_000_000
"""Fills that the buffers hold at first, at most: memory is only used once it is written to."""


class Recorder:
    """One account and the books that a backtest fills in.

    Args:
        tape: the market.
        rules: its numbers.
        targets: (time, symbol) target exposures; rows may be written while the backtest runs.
        latency: bars from a row to the open at which it falls due.
        cash: what the account starts with.
        start, stop: the bars [start, stop) that the books cover; the account is opened before bar ``start``.
    """

    def __init__(
        self, tape: Tape, rules: Rules, targets: Floats, latency: int, cash: float, start: int, stop: int
    ) -> None:
        self.symbols = tape.opens.shape[1]
        self.start, self.stop = start, stop
        self.tape, self.rules, self.targets, self.latency, self.cash = tape, rules, targets, latency, cash
        self.account = np.empty((1, ACCOUNT_COLUMNS))
        self.positions = np.empty((1, self.symbols, POSITION_COLUMNS))
        open_account(0, cash, self.account, self.positions)
        self.book = np.empty((len(BOOK), stop - start))
        self.units = np.empty((stop - start, self.symbols))
        self.filled = 0
        self._make_room(min((stop - start) * self.symbols, max(_ROOM, self.symbols)))

    def _make_room(self, room: int) -> None:
        fills = Fills.room(room)
        if self.filled:
            fills.values[:, : self.filled] = self.fills.values[:, : self.filled]
            fills.times[: self.filled] = self.fills.times[: self.filled]
            fills.codes[:, : self.filled] = self.fills.codes[:, : self.filled]
        self.fills: Fills = fills

    def run(self, start: int, stop: int) -> None:
        """Steps the account through bars [start, stop); pauses only to make room for more fills."""
        while start < stop:
            room = len(self.fills.times)
            free = (room - self.filled) // self.symbols
            if free == 0:
                self._make_room(2 * room)
                continue
            pause = min(stop, start + free)
            self.filled = replay(
                start,
                pause,
                self.start,
                self.latency,
                self.tape,
                self.targets,
                self.rules,
                self.account,
                self.positions,
                self.fills,
                self.filled,
                self.book,
                self.units,
            )
            start = pause
