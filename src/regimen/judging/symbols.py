"""Profit and loss by symbol: what each brought after the costs of its own fills, and what holding them all cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from regimen.execution import Ledger

Values = NDArray[np.float64]


@dataclass(frozen=True)
class SymbolProfit:
    """What one symbol brought, as shares of the equity at the start.

    Attributes:
        symbol: its name.
        pnl: profit and loss after the costs of its fills.
        costs: of its fills.
        traded: notional.
        fills: how many.
    """

    symbol: str
    pnl: float
    costs: float
    traded: float
    fills: int


@dataclass(frozen=True)
class SymbolProfits:
    """The profit of an account by symbol.

    Attributes:
        rows: one for each symbol, in their order.
        holding: what borrowing, financing and funding paid (negative: cost), which the account books for all symbols
            together. With the rows' it adds up to the return of the account.
    """

    rows: tuple[SymbolProfit, ...]
    holding: float


def symbol_profits(ledger: Ledger) -> SymbolProfits:
    """Takes the profit of a whole backtest apart: the money of each symbol's fills, and what it is worth at the end.

    Args:
        ledger: of an account that began with cash alone, so of no part of a backtest.
    """
    from regimen.execution import FILL_COSTS, HOLDING_COSTS

    fills, symbols = ledger.fills, len(ledger.symbols)
    names = {name: code for code, name in enumerate(ledger.symbols)}
    dictionary = fills.column("symbol").combine_chunks()
    places = np.array([names[str(name)] for name in dictionary.dictionary], dtype=np.int64)
    codes = places[dictionary.indices.to_numpy()] if fills.num_rows else np.empty(0, np.int64)

    def total(weights: Values) -> Values:
        return np.asarray(np.bincount(codes, weights, symbols), dtype=np.float64)

    paid = total(fills.column("units").to_numpy() * fills.column("price").to_numpy())
    costs = np.zeros(symbols)
    for kind in FILL_COSTS:
        if kind in fills.column_names:
            costs += total(fills.column(kind).to_numpy())
    units = ledger.units[-1]
    worth = np.where(units != 0.0, units * np.nan_to_num(ledger.prices[-1]), 0.0)
    pnl, start = worth - paid - costs, ledger.start_equity
    traded, number = total(fills.column("notional").to_numpy()), np.bincount(codes, minlength=symbols)
    holding = sum(float(ledger.costs[kind].sum()) for kind in HOLDING_COSTS if kind in ledger.costs)
    rows = tuple(
        SymbolProfit(name, float(pnl[at]) / start, float(costs[at]) / start, float(traded[at]) / start, int(number[at]))
        for at, name in enumerate(ledger.symbols)
    )
    return SymbolProfits(rows, -holding / start)
