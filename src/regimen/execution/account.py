"""Accounts: how one is opened and a fill is written, and the numbers of a market that the step reads.

Account ``n`` of many is row ``n`` of two arrays that the caller owns: ``account`` (account, ACCOUNT_COLUMNS) and
``positions`` (account, symbol, POSITION_COLUMNS). A backtest has one account, a vectorised environment thousands.
 `regimen.execution.columns`
says what the columns are.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from regimen.execution.columns import (
    ACCOUNT_COLUMNS,
    CASH,
    COST_KINDS,
    DUE,
    EQUITY,
    FILL_COLUMNS,
    FILL_COSTS,
    FIRST_COST,
    GOAL,
    MARK,
    SCALE,
    UNITS,
    WISH,
)
from regimen.jit import jit_step, jit_step_uncached

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Codes = NDArray[np.int32]

_FIRST_CARRY = FIRST_COST + len(FILL_COSTS)
_FILL_COST, _PARTICIPATION = FILL_COLUMNS.index(FILL_COSTS[0]), len(FILL_COLUMNS) - 1
_DUTY = FILL_COSTS.index("stamp_duty")

YEAR = 365.0 * 86_400e9
"""Nanoseconds of the year that borrow and financing are quoted for (the convention actual/365)."""


class Rules(NamedTuple):
    """The numbers of a market that the step reads; rates are fractions per trade or per year.

    Attributes:
        commission: fraction of the notional.
        fixed: quote currency per fill.
        spread: half spread, fraction of the notional.
        impact: coefficient of the square-root law.
        borrow: fraction of a short's notional per year.
        financing: fraction of negative cash per year.
        cap: largest share of a bar's volume; infinity when off.
        lot: smallest unit; 0 when units are divisible.
        leverage: largest gross target exposure.
        maintenance: a margin call below this share of the gross notional.
        intrabar: 1 when the margin is also checked at each bar's worst price.
        every_bar: 1 when the targets are rebalanced at every bar, 0 when only a change trades.
        band: an order whose goal is no farther than this from the position is dropped, fraction of equity.
        stamp_duty: fraction of the notional of a sale.
    """

    commission: float
    fixed: float
    spread: float
    impact: float
    borrow: float
    financing: float
    cap: float
    lot: float
    leverage: float
    maintenance: float
    intrabar: float
    every_bar: float
    band: float
    stamp_duty: float


class Fills(NamedTuple):
    """The buffers that fills are written to.

    Attributes:
        values: (column, capacity) as `FILL_COLUMNS` has them.
        times: (capacity,) int64 nanoseconds, the start of the bar whose open is the fill.
        codes: (2, capacity) int32 symbol, and reason as `REASONS` has them.
    """

    values: Floats
    times: Integers
    codes: Codes

    @classmethod
    def room(cls, capacity: int) -> Fills:
        """Returns buffers for so many fills; nothing is written to them."""
        return cls(
            np.empty((len(FILL_COLUMNS), capacity)), np.empty(capacity, np.int64), np.empty((2, capacity), np.int32)
        )


@jit_step_uncached
def write_fill(
    at: int,
    stamp: int,
    symbol: int,
    reason: int,
    units: float,
    price: float,
    costs: tuple[float, ...],
    participation: float,
    rules: Rules,
    fills: Fills,
) -> None:
    """Writes one fill into the buffers; ``costs`` are in the order of `FILL_COSTS`."""
    values = fills.values
    fills.times[at] = stamp
    fills.codes[0, at] = symbol
    fills.codes[1, at] = reason
    values[0, at] = units
    values[1, at] = price
    values[2, at] = abs(units) * price
    for k in range(len(costs)):
        if k == _DUTY and rules.stamp_duty == 0.0:
            continue  # no table reads its row, and what is not written takes no memory
        values[_FILL_COST + k, at] = costs[k]
    values[_PARTICIPATION, at] = participation


@jit_step_uncached
def paid(n: int, account: Floats) -> float:
    """Returns what account ``n`` paid in the bar just stepped, all kinds of cost together, quote currency."""
    by_fills = 0.0
    for k in range(FIRST_COST, _FIRST_CARRY):
        by_fills += account[n, k]
    for_time = 0.0
    for k in range(_FIRST_CARRY, ACCOUNT_COLUMNS):
        for_time += account[n, k]
    return by_fills + for_time


def relaid(account: Floats) -> Floats:
    """Returns accounts (account, column) that were saved before there was a stamp duty in the columns of today.

    They had the six costs of then in columns 7 to 12. What flowed in the last bar is not needed to go on, and is 0.
    """
    if account.ndim != 2 or account.shape[1] != 19:
        return account
    return np.hstack([account[:, :7], account[:, 13:], np.zeros((len(account), len(COST_KINDS)))])


@jit_step
def open_account(n: int, cash: float, account: Floats, positions: Floats) -> None:
    """Resets account ``n`` to cash and nothing else."""
    for k in range(account.shape[1]):
        account[n, k] = 0.0
    account[n, CASH] = cash
    account[n, EQUITY] = cash
    account[n, SCALE] = 1.0
    for s in range(positions.shape[1]):
        positions[n, s, UNITS] = 0.0
        positions[n, s, MARK] = 0.0
        positions[n, s, WISH] = np.nan
        positions[n, s, GOAL] = np.nan
        positions[n, s, DUE] = 0.0
