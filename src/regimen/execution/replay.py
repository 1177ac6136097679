"""The compiled loop of a backtest and its single step, kept on disk under a digest of what they are made of.

numba's disk cache notices a change in the file of a function, not one in the functions that it calls. An old account
must never be traded, so the digest of the step is a constant of the loop, which numba's cache does compare.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from regimen.execution.account import Fills, Floats, Rules
from regimen.execution.columns import (
    ACCOUNT_COLUMNS,
    BOOK,
    CASH,
    COST_KINDS,
    EQUITY,
    FIRST_COST,
    STAMP_DUTY,
    TURNOVER,
    UNITS,
)
from regimen.execution.step import advance
from regimen.execution.tape import Tape
from regimen.jit import jit_step
from regimen.scan import code_digest

_FIRST_ROW = BOOK.index(COST_KINDS[0]) - FIRST_COST


def _replaying(version: int) -> Callable[..., int]:
    @jit_step
    def replay(
        start: int,
        stop: int,
        first: int,
        latency: int,
        tape: Tape,
        targets: Floats,
        rules: Rules,
        account: Floats,
        positions: Floats,
        fills: Fills,
        filled: int,
        book: Floats,
        units: Floats,
    ) -> int:
        """Steps one account through bars [start, stop) and writes its books; returns the number of fills so far.

        Args:
            first: the bar that the account was opened at: row 0 of the books; targets before it are not its own.
            latency: the row of ``targets`` that falls due at bar t is ``t - latency``.
            book: (row, time) as `BOOK` has them.
            units: (time, symbol) held at the close.
        """
        if version == 0:  # it never is; a constant that the code names is one that numba's cache compares
            return filled
        for t in range(start, stop):
            row = t - latency if t - latency >= first else -1
            filled = advance(0, t, row, tape, targets, rules, account, positions, fills, filled)
            book[0, t - first] = account[0, EQUITY]
            book[1, t - first] = account[0, CASH]
            book[2, t - first] = account[0, TURNOVER]
            for k in range(FIRST_COST, ACCOUNT_COLUMNS):
                if k == STAMP_DUTY and rules.stamp_duty == 0.0:
                    continue  # no ledger reads its row, and what is not written takes no memory
                book[_FIRST_ROW + k, t - first] = account[0, k]
            for s in range(units.shape[1]):
                units[t - first, s] = positions[0, s, UNITS]
        return filled

    return replay


def _stepping(version: int) -> Callable[..., int]:
    @jit_step
    def step_account(
        t: int,
        row: int,
        stamps: NDArray[np.int64],
        opens: Floats,
        highs: Floats,
        lows: Floats,
        closes: Floats,
        volumes: Floats,
        variances: Floats,
        ratios: Floats,
        fundings: Floats,
        ends: NDArray[np.int64],
        payouts: Floats,
        complete: bool,
        targets: Floats,
        commission: float,
        fixed: float,
        spread: float,
        impact: float,
        borrow: float,
        financing: float,
        cap: float,
        lot: float,
        leverage: float,
        maintenance: float,
        intrabar: float,
        every_bar: float,
        band: float,
        stamp_duty: float,
        account: Floats,
        positions: Floats,
    ) -> int:
        """Steps one account through bar ``t`` with the row of ``targets`` that falls due; returns its fills.

        The parts of a `Tape` and of `Rules` come one by one: whoever calls once a bar would wait longer for numba to
        look into the tuples than for the step.
        """
        if version == 0:
            return 0
        tape = Tape(
            stamps, opens, highs, lows, closes, volumes, variances, ratios, fundings, ends, payouts, complete
        )  # fmt: skip
        rules = Rules(
            commission, fixed, spread, impact, borrow, financing, cap, lot, leverage, maintenance, intrabar, every_bar,
            band, stamp_duty,
        )  # fmt: skip
        return advance(0, t, row, tape, targets, rules, account, positions, None, 0)

    return step_account


_VERSION = int(code_digest(advance, loaded=True)[:12], 16)
replay = _replaying(_VERSION)
"""Steps one account through bars; see the function inside."""
step_account = _stepping(_VERSION)
"""Steps one account through one bar; see the function inside."""
