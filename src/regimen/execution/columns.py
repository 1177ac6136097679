"""What the columns of accounts, positions and fills are, and which costs there are.

A new cost is one column and one name here, a rate in `regimen.execution.Rules`, a field of `regimen.execution.Costs`,
the line of `regimen.execution.Market.rules` between them, and its charge in `regimen.execution.step`; books, tables,
files, reports and environments follow the names.
"""

from __future__ import annotations

# Columns of ``account``. TRADED, TURNOVER and the costs: what flowed in the bar just stepped, quote currency.
# FORCED: whether a margin call or ruin closed positions at its open and dropped the orders.
CASH, EQUITY, RUINED, CALLED, SCALE, TRADED, TURNOVER = 0, 1, 2, 3, 4, 5, 6
CLIPS, LIQUIDATIONS, UNPRICED, FILLS, GROSS, FORCED = 7, 8, 9, 10, 11, 12
FIRST_COST = 13

FILL_COSTS = ("commission", "spread", "impact", "stamp_duty")
"""Kinds of cost that a fill pays."""
HOLDING_COSTS = ("borrow", "financing", "funding")
"""Kinds of cost that are paid for the time that something is held."""
COST_KINDS = (*FILL_COSTS, *HOLDING_COSTS)
"""Every kind of cost, in the order of columns, books and tables."""
ACCOUNT_COLUMNS = FIRST_COST + len(COST_KINDS)
COMMISSION, SPREAD, IMPACT, STAMP_DUTY = range(FIRST_COST, FIRST_COST + len(FILL_COSTS))
BORROW, FINANCING, FUNDING = range(FIRST_COST + len(FILL_COSTS), ACCOUNT_COLUMNS)

# Columns of ``positions``.
UNITS, MARK, WISH, GOAL, DUE = 0, 1, 2, 3, 4
POSITION_COLUMNS = 5

FILL_COLUMNS = ("units", "price", "notional", *FILL_COSTS, "participation")
"""Rows of the buffers that fills are written to."""
FREE = (0.0,) * len(FILL_COSTS)
"""The costs of a fill that costs nothing."""

BOOK = ("equity", "cash", "turnover", *COST_KINDS)
"""Rows of the books of a backtest."""

REASONS = ("order", "remainder", "rebalance", "liquidation", "ruin", "delisting")
ORDER, REMAINDER, REBALANCE, LIQUIDATION, RUIN, DELISTING = 0, 1, 2, 3, 4, 5
