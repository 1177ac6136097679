"""A `VectorMarket` in torch: rewards that can be differentiated through the equity and the costs of its account."""

from __future__ import annotations

from typing import NamedTuple, final

import numpy as np
import torch
from torch import Tensor

from regimen.agents.analytic.differentiable import Band
from regimen.envs import FLOOR, READY, ContinuousConfig, LogWealthConfig, MeanVarianceConfig, VectorMarket
from regimen.errors import RunError
from regimen.execution.differentiable import Book, DifferentiableAccount


class Lane(NamedTuple):
    """Lanes of an `AccountMarket`.

    Attributes:
        book: their accounts at the close.
        peak: (lane,) the highest equity, quote currency.
        waiting: (lane,) targets that are not due yet, oldest first; None where there was none.
    """

    book: Book
    peak: Tensor
    waiting: tuple[Tensor | None, ...]


@final
class AccountMarket:
    """One symbol of a `VectorMarket` with continuous targets: its `DifferentiableAccount` and the reward, in torch.

    Args:
        env: the environment; it is not stepped.

    Raises:
        RunError: a setting that has no gradient, by its name.
    """

    def __init__(self, env: VectorMarket) -> None:
        config = env.config
        self._refuse(env)
        stop = len(env.bars) if config.stop is None else config.stop
        try:
            self._account = DifferentiableAccount(config.market, env.bars)
        except RunError as error:
            raise error.within("env: ") from None
        self._plan = config.plan(stop - 1)
        self._ready = torch.from_numpy(env.inputs.status[:, 0] == READY)
        self._values = torch.from_numpy(np.nan_to_num(env.inputs.values[:, 0].astype(np.float32)))
        self.starts = env.inputs.starts(config.start, stop, None)
        self.last = stop - 2
        closes = env.bars.close[config.start : stop, 0]
        self.unit = self._plan.scale * max(float(np.std(closes[1:] / closes[:-1] - 1.0)), 1e-12)
        self._log = isinstance(config.reward, LogWealthConfig)

    @staticmethod
    def _refuse(env: VectorMarket) -> None:
        config, actions = env.config, env.config.actions
        continuous = isinstance(actions, ContinuousConfig)
        for name, smooth, value, rule in (
            ("symbols", len(env.symbols) == 1, len(env.symbols), "one"),
            ("actions", continuous, actions.kind, "continuous"),
            ("actions.dead_band", getattr(actions, "dead_band", 0.0) == 0.0, getattr(actions, "dead_band", 0.0), "0"),
            ("actions.smoothing", getattr(actions, "smoothing", 0.0) == 0.0, getattr(actions, "smoothing", 0.0), "0"),
            ("show_account", config.show_account, config.show_account, "true"),
            (
                "reward",
                isinstance(config.reward, LogWealthConfig | MeanVarianceConfig),
                config.reward.kind,
                "log_wealth or mean_variance",
            ),
        ):
            if not smooth:
                raise RunError(f"env: {name}", f"must be {rule}, to be differentiated", value)

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
        book = self._account.open(bars[0], positions, self._plan.cash)
        lane = Lane(book, book.equity, (None,) * (self._plan.latency - 1))
        paid, turnover = [], 0.0
        for now, *edges in zip(bars, *band, strict=True):
            position = lane.book.exposure
            target = Band(*edges).move(position)
            turnover += float((target - position).detach().abs().mean())
            lane, rewards = self._step(lane, target, now)
            paid.append(rewards)
        return torch.stack(paid), turnover / len(bars)

    def _step(self, lane: Lane, positions: Tensor, bars: Tensor) -> tuple[Lane, Tensor]:
        """Returns lanes at the close of the next bar, and rewards; 0 after ruin."""
        decided = torch.where(self._ready[bars], positions, 0.0)
        wanted, *waiting = (*lane.waiting, decided)
        book, turnover = self._account.step(lane.book, wanted, bars + 1)
        # The peak comes before the reward: gradients of equity add up in the order in which it was used.
        after = Lane(book, torch.maximum(lane.peak, book.equity), tuple(waiting))
        return after, torch.where(lane.book.ruined, 0.0, self._pay(lane, book.equity, turnover))

    def _pay(self, before: Lane, after: Tensor, turnover: Tensor) -> Tensor:
        plan, equity = self._plan, before.book.equity
        if self._log:
            floor = FLOOR * plan.cash
            reward = torch.log(after.clamp_min(floor) / equity.clamp_min(floor))
        else:
            solvent = equity > 0.0
            change = torch.where(solvent, after.clamp_min(0.0) / torch.where(solvent, equity, 1.0) - 1.0, 0.0)
            reward = change - 0.5 * plan.parameter * change.square()
        if plan.drawdown_penalty > 0.0:
            deeper = equity / before.peak - after / torch.maximum(before.peak, after)
            reward = reward - plan.drawdown_penalty * deeper.clamp_min(0.0)
        if plan.turnover_penalty > 0.0:
            reward = reward - plan.turnover_penalty * turnover
        return plan.scale * reward
