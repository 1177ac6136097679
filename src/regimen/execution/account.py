"""The layout of accounts: what the columns of their arrays are, how an account is opened and a fill is written, and
the numbers of a market that the step reads.

Account ``n`` of many is row ``n`` of two arrays that the caller owns: ``account`` (account, 19) and
``positions`` (account, symbol, 5). A backtest has one account, a vectorised environment thousands.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from regimen.jit import jit_step, jit_step_uncached

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Codes = NDArray[np.int32]

# Columns of ``account`` (account, 19). From TRADED to FUNDING: what flowed in the bar just stepped, quote
# currency. FORCED: whether a margin call or ruin closed positions at its open and dropped the orders.
CASH, EQUITY, RUINED, CALLED, SCALE, TRADED, TURNOVER = 0, 1, 2, 3, 4, 5, 6
COMMISSION, SPREAD, IMPACT, BORROW, FINANCING, FUNDING = 7, 8, 9, 10, 11, 12
CLIPS, LIQUIDATIONS, UNPRICED, FILLS, GROSS, FORCED = 13, 14, 15, 16, 17, 18
ACCOUNT_COLUMNS = 19

# Columns of ``positions`` (account, symbol, 5).
UNITS, MARK, WISH, GOAL, DUE = 0, 1, 2, 3, 4
POSITION_COLUMNS = 5

FILL_COLUMNS = ("units", "price", "notional", "commission", "spread", "impact", "participation")
"""Rows of the buffers that fills are written to."""

REASONS = ("order", "remainder", "rebalance", "liquidation", "ruin", "delisting")
ORDER, REMAINDER, REBALANCE, LIQUIDATION, RUIN, DELISTING = 0, 1, 2, 3, 4, 5

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
    commission: float,
    spread: float,
    impact: float,
    participation: float,
    fills: Fills,
) -> None:
    """Writes one fill into the buffers; see `regimen.execution.advance`."""
    values = fills.values
    fills.times[at] = stamp
    fills.codes[0, at] = symbol
    fills.codes[1, at] = reason
    values[0, at] = units
    values[1, at] = price
    values[2, at] = abs(units) * price
    values[3, at] = commission
    values[4, at] = spread
    values[5, at] = impact
    values[6, at] = participation


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
