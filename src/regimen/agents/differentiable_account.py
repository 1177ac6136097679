"""The account of a `VectorMarket` once more, in torch: rewards that can be differentiated through equity and costs."""

from __future__ import annotations

from typing import Any, NamedTuple, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regimen.agents.differentiable import Band
from regimen.envs import ContinuousConfig, LogWealthConfig, MeanVarianceConfig, VectorMarket
from regimen.envs.inputs import READY
from regimen.envs.rewards import FLOOR
from regimen.errors import RunError
from regimen.execution.account import YEAR


class Book(NamedTuple):
    """Lanes of an `AccountMarket`, each (lane,), float64 or bool; money in the quote currency.

    Attributes:
        position: exposure at the close, as the observation shows it.
        cash, units, equity, peak: of the account at the close; the highest equity.
        wish: target in force; None before the first.
        due: whether it waits to be traded.
        called, ruined: as `regimen.execution.account` has them.
        waiting: targets that are not due yet, oldest first; None where there was none.
    """

    position: Tensor
    cash: Tensor
    units: Tensor
    equity: Tensor
    peak: Tensor
    wish: Tensor | None
    due: Tensor
    called: Tensor
    ruined: Tensor
    waiting: tuple[Tensor | None, ...]


@final
class AccountMarket:
    """One symbol of a `VectorMarket`: `regimen.execution.advance` and the reward, in torch, for continuous targets.

    Margin calls and ruin are followed but have no derivative; neither has whether an order is too small to trade.
    What is only a jump (lots, fixed commissions, dead bands, caps on volume) would be invisible to a gradient and is
    refused.

    Args:
        env: the environment; it is not stepped.

    Raises:
        RunError: a setting that has no gradient, by its name.
    """

    def __init__(self, env: VectorMarket) -> None:
        config, market = env.config, env.config.market
        self._refuse(env)
        stop = len(env.bars) if config.stop is None else config.stop
        built = market.build()
        tape, rules = built.tape(env.bars), built.rules()
        if not tape.complete:
            raise RunError("env: bars", "must have no missing bar, to be differentiated")
        self._plan, self._rules = config.plan(stop - 1), rules
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
        self._ready = torch.from_numpy(env.inputs.status[:, 0] == READY)
        self._values = torch.from_numpy(np.nan_to_num(env.inputs.values[:, 0].astype(np.float32)))
        self.starts = env.inputs.starts(config.start, stop, None)
        self.last = stop - 2
        closes = tape.closes[config.start : stop, 0]
        self.unit = self._plan.scale * max(float(np.std(closes[1:] / closes[:-1] - 1.0)), 1e-12)
        self._log = isinstance(config.reward, LogWealthConfig)

    @staticmethod
    def _refuse(env: VectorMarket) -> None:
        config, market = env.config, env.config.market
        actions = config.actions
        continuous = isinstance(actions, ContinuousConfig)
        if len(env.symbols) != 1:
            raise RunError("env: symbols", "must be one, to be differentiated", len(env.symbols))
        for name, smooth, value in (
            ("actions", continuous, actions.kind),
            ("actions.dead_band", getattr(actions, "dead_band", 0.0) == 0.0, getattr(actions, "dead_band", 0.0)),
            ("actions.smoothing", getattr(actions, "smoothing", 0.0) == 0.0, getattr(actions, "smoothing", 0.0)),
            ("show_account", config.show_account, config.show_account),
            ("reward", isinstance(config.reward, LogWealthConfig | MeanVarianceConfig), config.reward.kind),
            ("market.lot_size", market.lot_size == 0.0, market.lot_size),
            ("market.participation_cap", market.participation_cap is None, market.participation_cap),
            ("market.rebalance_band", market.rebalance_band == 0.0, market.rebalance_band),
            ("market.intrabar_margin", not market.intrabar_margin, market.intrabar_margin),
            ("market.costs.commission_fixed", market.costs.commission_fixed == 0.0, market.costs.commission_fixed),
        ):
            if not smooth:
                raise RunError(f"env: {name}", f"must be {_SMOOTH.get(name, '0')}, to be differentiated", value)

    def shown(self, bars: Tensor) -> Tensor:
        """Returns (..., window · feature), oldest first; zeros where the observation is not whole."""
        window = self._plan.window
        rows = bars if window == 1 else bars[..., None] + torch.arange(1 - window, 1)
        seen = self._values[rows].flatten(bars.dim())
        return torch.where(self._ready[bars][..., None], seen, 0.0)

    def unroll(self, bars: Tensor, positions: Tensor, band: Band) -> tuple[Tensor, float]:
        """Returns rewards (time, lane) and the mean |Δx|; see `DifferentiableMarket`.

        The position before a decision is the exposure at the close, which drifts with the price.
        """
        book = self._open(bars[0], positions)
        paid, turnover = [], 0.0
        for now, *edges in zip(bars, *band, strict=True):
            target = Band(*edges).move(book.position)
            turnover += float((target - book.position).detach().abs().mean())
            book, rewards = self._step(book, target, now)
            paid.append(rewards)
        return torch.stack(paid), turnover / len(bars)

    def _open(self, bars: Tensor, positions: Tensor) -> Book:
        """Opens accounts with the environment's cash, the share ``positions`` of it in the symbol, at no cost."""
        cash, none = self._plan.cash, torch.zeros(len(bars), dtype=torch.bool)
        units = positions * cash / self._closes[bars]
        equity = torch.full_like(positions, cash)
        waiting = (None,) * (self._plan.latency - 1)
        return Book(positions, cash * (1.0 - positions), units, equity, equity, None, none, none, none, waiting)

    def _step(self, account: Book, positions: Tensor, bars: Tensor) -> tuple[Book, Tensor]:
        """Returns accounts at the close of the next bar, and rewards; 0 after ruin."""
        rules, t = self._rules, bars + 1
        decided = torch.where(self._ready[bars], positions, 0.0)
        wanted, *waiting = (*account.waiting, decided)
        opens = self._opens[t]
        units = account.units if self._ratios is None else account.units * self._ratios[t]
        held = units * opens
        charged = torch.where(account.ruined, 0.0, (-account.cash).clamp_min(0.0)) * rules.financing * self._years[t]
        charged = charged + (-held).clamp_min(0.0) * rules.borrow * self._years[t]
        if self._fundings is not None:
            charged = charged + held * self._fundings[t]
        cash = account.cash - charged
        equity = cash + held
        wish, due = account.wish, account.due
        if wanted is not None:
            due = torch.ones_like(due) if wish is None else due | (wanted != wish)
            wish = wanted
        tradable = self._tradable[t]
        forced = account.ruined | (account.called & tradable & (units != 0.0))
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
        if self._impacts is not None:  # the root has no slope at 0, where nothing is traded
            root = torch.where(traded > 0.0, traded, 1.0).sqrt()
            cash = cash - notional * (self._impacts[t] * root).clamp(max=1.0)
        held = units * self._closes[t]
        after = cash + held
        gross = held.detach().abs()
        called = after.detach() < rules.maintenance * gross
        solvent = after > 0.0
        book = Book(
            torch.where(solvent, held / torch.where(solvent, after, 1.0), 0.0),
            cash,
            units,
            after,
            torch.maximum(account.peak, after),
            wish,
            due,
            called,
            account.ruined | ~solvent,
            tuple(waiting),
        )
        turnover = torch.where(equity > 0.0, notional / torch.where(equity > 0.0, equity, 1.0), 0.0)
        return book, torch.where(account.ruined, 0.0, self._pay(account, after, turnover))

    def _pay(self, before: Book, after: Tensor, turnover: Tensor) -> Tensor:
        plan = self._plan
        if self._log:
            floor = FLOOR * plan.cash
            reward = torch.log(after.clamp_min(floor) / before.equity.clamp_min(floor))
        else:
            solvent = before.equity > 0.0
            change = torch.where(solvent, after.clamp_min(0.0) / torch.where(solvent, before.equity, 1.0) - 1.0, 0.0)
            reward = change - 0.5 * plan.parameter * change.square()
        if plan.drawdown_penalty > 0.0:
            deeper = before.equity / before.peak - after / torch.maximum(before.peak, after)
            reward = reward - plan.drawdown_penalty * deeper.clamp_min(0.0)
        if plan.turnover_penalty > 0.0:
            reward = reward - plan.turnover_penalty * turnover
        return plan.scale * reward


_SMOOTH = {
    "actions": "continuous",
    "show_account": "true",
    "reward": "log_wealth or mean_variance",
    "market.participation_cap": "null",
    "market.intrabar_margin": "false",
}


def _column(values: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.array(values[:, 0], dtype=np.float64))
