"""`LiveAccount`: one account that is stepped one bar at a time, without a finished tape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from regimen.errors import ConfigError, DataError
from regimen.execution.account import open_account
from regimen.execution.columns import (
    ACCOUNT_COLUMNS,
    CASH,
    DUE,
    EQUITY,
    FIRST_COST,
    GOAL,
    MARK,
    POSITION_COLUMNS,
    TURNOVER,
    UNITS,
    WISH,
)
from regimen.execution.config import MarketConfig
from regimen.execution.replay import step_account
from regimen.execution.streaming.withdrawal import reductions
from regimen.execution.tape import Tape
from regimen.jit import jit

Floats = NDArray[np.float64]
_FLOWS = np.array([TURNOVER, *range(FIRST_COST, ACCOUNT_COLUMNS)])


@final
class LiveAccount:
    """The money of ``market.backtest(bars, targets)``, bar by bar and bit for bit.

    *Timing:* `step` fills at a bar's open what was decided ``latency_bars`` bars before, then marks at its close;
    `decide` comes after it and says what is wanted from then on.

    Args:
        config: the market, with the costs of the bars (`MarketConfig.at`).
        symbols: number of symbols.
    """

    def __init__(self, config: MarketConfig, symbols: int) -> None:
        self.config, self._rules = config, config.build().rules()
        self.account = np.empty((1, ACCOUNT_COLUMNS))
        self.positions = np.empty((1, symbols, POSITION_COLUMNS))
        open_account(0, config.initial_cash, self.account, self.positions)
        self._due = np.full((config.latency_bars, symbols), np.nan)
        self._decided = np.zeros((), np.int64)
        self._counted = self._decided.reshape(1)

    def adopt(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Remembers in these arrays from now on, as they are: they have the names and the shapes of `state`."""
        self.account, self.positions = arrays["account"], arrays["positions"]
        self._due, self._decided = arrays["due"], arrays["decided"]
        self._counted = self._decided.reshape(1)

    def step(self, tape: Tape) -> None:
        """Steps to the last bar of a tape: that of `Feed.push`, or ``tape.at(t)``.

        Raises:
            ConfigError: a tape of other costs.
            DataError: a tape of another number of symbols.
        """
        symbols, (last, shown) = self.positions.shape[1], tape.opens.shape
        if shown != symbols:
            raise DataError("tape", f"must have {symbols} symbols", shown)
        if (self._rules.impact > 0.0) != (len(tape.variances) > 0):
            raise ConfigError("tape", "must be made for the same impact_coefficient", self._rules.impact)
        latency, decided = len(self._due), self._counted.item()
        row = decided % latency if decided >= latency else -1
        step_account(last - 1, row, *tape, self._due, *self._rules, self.account, self.positions)

    def decide(self, targets: Floats) -> None:
        """Takes the targets (symbol,) that are decided at the close of the bar just stepped; NaN keeps."""
        _decide(np.asarray(targets, np.float64), self._due, self._counted)

    def withdraw(self) -> None:
        """Takes back what has not fallen due, but for what of it makes a position smaller (`reductions`)."""
        order = self._order()
        self._due[order] = reductions(self._due[order], self.exposures)

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Returns copies of all that it remembers, by name."""
        own = {"account": self.account.copy(), "positions": self.positions.copy(), "due": self._due.copy()}
        return {**own, "decided": self._decided.copy()}

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Goes on from a `state`, bit for bit.

        Raises:
            DataError: it is of another number of symbols, or of another latency.
        """
        for name, own in (("account", self.account), ("positions", self.positions), ("due", self._due)):
            if name not in state or state[name].shape != own.shape:
                rule = f"must be that of {self.positions.shape[1]} symbols and a latency of {self.config.latency_bars}"
                raise DataError(f"account state: {name}", rule)
            own[...] = state[name]
        self._decided[...] = state["decided"]

    @property
    def equity(self) -> float:
        """Cash and positions at the close mark, quote currency."""
        return float(self.account[0, EQUITY])

    @property
    def cash(self) -> float:
        """Cash in the quote currency; short sales add to it, negative cash is borrowed."""
        return float(self.account[0, CASH])

    @property
    def flows(self) -> Floats:
        """(1 + cost,) traded notional and costs of the bar just stepped, quote currency, costs by `COST_KINDS`."""
        flows: Floats = self.account[0, _FLOWS]
        return flows

    @property
    def units(self) -> Floats:
        """(symbol,) signed units held; a copy."""
        return self.positions[0, :, UNITS].copy()

    @property
    def exposures(self) -> Floats:
        """(symbol,) positions at the close mark, signed fractions of the equity; 0 without a positive equity."""
        return self.standing()[0]

    def standing(self) -> tuple[Floats, NDArray[np.bool_]]:
        """Returns `exposures` and `waiting`, in one go."""
        symbols = self.positions.shape[1]
        exposures, waiting = np.empty(symbols), np.empty(symbols, np.bool_)
        _stand(self.account, self.positions, exposures, waiting)
        return exposures, waiting

    @property
    def aims(self) -> Floats:
        """(symbol,) the last target that fell due, which it holds or trades towards; NaN before the first; a copy."""
        return self.positions[0, :, WISH].copy()

    @property
    def awaited(self) -> Floats:
        """(order, symbol) what it will aim at as each target falls due, the next one first; NaN before the first."""
        rows, aims = self._due[self._order()], self.aims
        for row in rows:
            aims = row[:] = np.where(np.isnan(row), aims, row)
        return rows

    def _order(self) -> NDArray[np.int64]:
        """Returns the rows of what has not fallen due, the next one first."""
        latency = self.config.latency_bars
        return (int(self._decided) + np.arange(latency)) % latency

    @property
    def waiting(self) -> NDArray[np.bool_]:
        """(symbol,) whether an order has fallen due that is not filled, or not whole."""
        return self.standing()[1]


@jit
def _decide(targets: Floats, due: Floats, decided: NDArray[np.int64]) -> None:
    row = decided[0] % due.shape[0]
    for s in range(due.shape[1]):
        due[row, s] = targets[s]
    decided[0] += 1


@jit
def _stand(account: Floats, positions: Floats, exposures: Floats, waiting: NDArray[np.bool_]) -> None:
    equity = account[0, EQUITY]
    for s in range(positions.shape[1]):
        worth = positions[0, s, UNITS] * positions[0, s, MARK]
        exposures[s] = worth / equity if equity > 0.0 else 0.0
        goal = positions[0, s, GOAL]
        waiting[s] = positions[0, s, DUE] != 0.0 or goal == goal
