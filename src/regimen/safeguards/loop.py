"""The compiled loop of a guarded backtest: the account's step and the guard's rule, bar by bar.

As that of a backtest it is kept on disk under a digest of what both are made of.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from regimen.execution import Rules, Tape, advance
from regimen.execution.columns import DUE, EQUITY, GOAL, MARK, UNITS
from regimen.jit import jit_step
from regimen.safeguards.layout import DAY, MODE, NOBODY, REDUCING, RESUME, RESUMES
from regimen.safeguards.rule import rule
from regimen.scan import code_digest

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]

DAY_LENGTH = 86_400_000_000_000


def _trading(version: int) -> Callable[..., None]:
    @jit_step
    def trade(
        start: int,
        stop: int,
        bar_length: int,
        latency: int,
        tape: Tape,
        rules: Rules,
        account: Floats,
        positions: Floats,
        limits: Floats,
        state: Floats,
        days: Integers,
        missing: Floats,
        wanted: Floats,
        confidence: Floats,
        present: Flags,
        room: Floats,
        flags: Flags,
        allowed: Floats,
        acted: Integers,
        counts: Integers,
        modes: Integers,
        equity: Floats,
    ) -> None:
        """Trades bars [start, stop) of one account behind its guard.

        Args:
            start, stop: rows of the market's arrays; the rows of the others begin at ``start``.
            latency: the row of ``allowed`` that falls due at bar t is ``t - latency``.
            days: (time,) trading days.
            missing: (time,) bars that are missing before each.
            wanted, confidence: (time, symbol).
            present: (time, symbol) whether there is a bar.
            room: (10, symbol) to work in; flags: (2, symbol) as well.
            allowed: (time, symbol) is filled with what the guard lets through.
            acted, modes, equity: (time,) are filled; counts: (time, act) as well.
        """
        if version == 0:  # it never is; a constant that the code names is one that numba's cache compares
            return
        symbols = positions.shape[1]
        exposures, previous, close, confident, wishes = room[0], room[1], room[2], room[3], room[4]
        scratch = room[5:10]
        there, waiting = flags[0], flags[1]
        for t in range(start, stop):
            row = t - start
            for s in range(symbols):
                # The mark before this bar, as if split like it; what never had one has none.
                mark = positions[0, s, MARK]
                ratio = tape.ratios[t, s] if tape.ratios.shape[0] > 0 else 1.0
                previous[s] = mark / ratio if mark > 0.0 else np.nan
            due = row - latency if row >= latency else -1
            advance(0, t, due, tape, allowed, rules, account, positions, None, 0)
            equity[row] = account[0, EQUITY]
            for s in range(symbols):
                worth = positions[0, s, UNITS] * positions[0, s, MARK]
                exposures[s] = worth / equity[row] if equity[row] > 0.0 else 0.0
                waiting[s] = positions[0, s, DUE] != 0.0 or positions[0, s, GOAL] == positions[0, s, GOAL]
                there[s] = present[row, s]
                close[s] = tape.closes[t, s]
                wishes[s] = wanted[row, s]
                confident[s] = confidence[row, s]
            operator = NOBODY
            if limits[RESUMES] != 0.0 and state[MODE] == REDUCING and state[DAY] != days[row]:
                operator = RESUME
            stamp = tape.stamps[t] + bar_length
            acted[row] = rule(
                state,
                limits,
                equity[row],
                days[row],
                stamp // DAY_LENGTH,
                stamp % DAY_LENGTH,
                missing[row],
                0.0,
                0,
                operator,
                exposures,
                wishes,
                confident,
                close,
                previous,
                there,
                waiting,
                scratch,
                allowed[row],
                counts[row],
            )
            modes[row] = int(state[MODE])

    return trade


trade = _trading(int(code_digest(advance, loaded=True)[:6] + code_digest(rule, loaded=True)[:6], 16))
"""Trades bars behind a guard; see the function inside."""
