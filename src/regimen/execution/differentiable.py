"""The account step once more, in torch: cash, units and equity that can be differentiated with respect to targets.

It stands beside `regimen.execution.advance` and is held to it by the same random cases. It is not among the names of
`regimen.execution`, which needs no torch.
"""

from __future__ import annotations

from typing import Any, NamedTuple, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regimen.bars import Bars
from regimen.errors import RunError
from regimen.execution.account import YEAR
from regimen.execution.config import MarketConfig

KINDS = frozenset({"commission", "spread", "impact", "stamp_duty", "borrow", "financing", "funding"})
"""The costs that this account knows; a market that charges another is refused."""


class Book(NamedTuple):
    """Accounts, each (account,), float64 or bool; money in the quote currency.

    Attributes:
        exposure: at the close; 0 where equity is not positive.
        cash, units, equity: at the close.
        wish: target in force; None before the first.
        due: whether it waits to be traded.
        called, ruined: as `regimen.execution.columns` has them.
    """

    exposure: Tensor
    cash: Tensor
    units: Tensor
    equity: Tensor
    wish: Tensor | None
    due: Tensor
    called: Tensor
    ruined: Tensor


@final
class DifferentiableAccount:
    """`regimen.execution.advance` for one symbol, in torch, for any number of accounts at any bars.

    Margin calls and ruin are followed but have no derivative; neither has whether an order is too small to trade.
    What is only a jump (lots, fixed commissions, bands, caps on volume) has no gradient and is refused.

    Args:
        config: the market.
        bars: of one symbol, none missing.

    Raises:
        RunError: a setting that has no gradient, a cost that is not known here, or bars that do not fit, by name.
    """

    def __init__(self, config: MarketConfig, bars: Bars) -> None:
        self._refuse(config, bars)
        market = config.build()
        tape, rules = market.tape(bars), market.rules()
        if not tape.complete:
            raise RunError("bars", "must have no missing bar, to be differentiated")
        self.rules = rules
        self._opens, self._closes = _column(tape.opens), _column(tape.closes)
        self._tradable = torch.from_numpy(np.asarray(tape.volumes[:, 0] != 0.0))
        self._ratios = _column(tape.ratios) if len(tape.ratios) else None
        years = np.diff(tape.stamps, prepend=tape.stamps[:1]) / YEAR
        self._years = torch.from_numpy(years)
        self._fundings = _column(np.nan_to_num(tape.fundings)) if len(tape.fundings) else None
        self._impacts = None
        if rules.impact > 0.0:
            with np.errstate(divide="ignore", invalid="ignore"):
                slopes = rules.impact * np.sqrt(tape.variances / tape.volumes)
            self._impacts = _column(np.where(np.isfinite(slopes), slopes, 0.0))

    @staticmethod
    def _refuse(config: MarketConfig, bars: Bars) -> None:
        if len(bars.symbols) != 1:
            raise RunError("symbols", "must be one, to be differentiated", len(bars.symbols))
        for name, smooth, value, rule in (
            ("lot_size", config.lot_size == 0.0, config.lot_size, "0"),
            ("participation_cap", config.participation_cap is None, config.participation_cap, "null"),
            ("rebalance_band", config.rebalance_band == 0.0, config.rebalance_band, "0"),
            ("intrabar_margin", not config.intrabar_margin, config.intrabar_margin, "false"),
            ("costs.commission_fixed", config.costs.commission_fixed == 0.0, config.costs.commission_fixed, "0"),
        ):
            if not smooth:
                raise RunError(f"market.{name}", f"must be {rule}, to be differentiated", value)
        for kind in config.costs.kinds:
            if kind not in KINDS:
                raise RunError("market.costs", f"must not charge {kind}, to be differentiated")

    def open(self, bars: Tensor, positions: Tensor, cash: float) -> Book:
        """Opens accounts (account,) at the close of ``bars`` with a share ``positions`` of the cash in the symbol.

        What is held was bought at no cost.
        """
        none = torch.zeros(len(bars), dtype=torch.bool)
        units = positions * cash / self._closes[bars]
        equity = torch.full_like(positions, cash)
        return Book(positions, cash * (1.0 - positions), units, equity, None, none, none, none)

    def step(self, book: Book, targets: Tensor | None, bars: Tensor) -> tuple[Book, Tensor]:
        """Steps accounts (account,) through ``bars``; their targets (account,) fall due at the open, None: none does.

        Returns:
            The accounts at the close, and what was traded as a share of the equity at the open, after the carry; 0
            where that is not positive.
        """
        rules, t = self.rules, bars
        opens = self._opens[t]
        units = book.units if self._ratios is None else book.units * self._ratios[t]
        worth = units * opens
        charged = torch.where(book.ruined, 0.0, (-book.cash).clamp_min(0.0)) * rules.financing * self._years[t]
        charged = charged + (-worth).clamp_min(0.0) * rules.borrow * self._years[t]
        if self._fundings is not None:
            charged = charged + worth * self._fundings[t]
        cash = book.cash - charged
        equity = cash + worth
        wish, due = book.wish, book.due
        if targets is not None:
            due = torch.ones_like(due) if wish is None else due | (targets != wish)
            wish = targets
        tradable = self._tradable[t]
        forced = book.ruined | (book.called & tradable & (units != 0.0))
        delta = torch.zeros_like(units)
        if wish is not None:
            sized = tradable & ~forced & (equity > 0.0)
            if rules.every_bar == 0.0:
                sized = sized & due
            gap = wish.clamp(-rules.leverage, rules.leverage) * equity / opens - units
            delta = torch.where(sized & (gap.detach().abs() * opens > rules.band * equity.detach()), gap, 0.0)
            due = due & ~sized & ~forced
        delta = torch.where(forced & tradable, -units, delta)
        units = units + delta
        traded = delta.abs()
        notional = traded * opens
        cash = cash - delta * opens - notional * (rules.commission + rules.spread)
        if rules.stamp_duty > 0.0:
            cash = cash - (-delta).clamp_min(0.0) * opens * rules.stamp_duty
        if self._impacts is not None:  # the root has no slope at 0, where nothing is traded
            root = torch.where(traded > 0.0, traded, 1.0).sqrt()
            cash = cash - notional * (self._impacts[t] * root).clamp(max=1.0)
        worth = units * self._closes[t]
        after = cash + worth
        gross = worth.detach().abs()
        called = after.detach() < rules.maintenance * gross
        solvent = after > 0.0
        exposure = torch.where(solvent, worth / torch.where(solvent, after, 1.0), 0.0)
        turnover = torch.where(equity > 0.0, notional / torch.where(equity > 0.0, equity, 1.0), 0.0)
        return Book(exposure, cash, units, after, wish, due, called, book.ruined | ~solvent), turnover


def _column(values: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.array(values[:, 0], dtype=np.float64))
