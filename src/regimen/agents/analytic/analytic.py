"""An agent that climbs the exact gradient of its reward: unroll the account, sum the rewards, go back through all."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from regimen.agents.analytic.band import BandPolicy
from regimen.agents.analytic.config import AnalyticConfig
from regimen.agents.analytic.differentiable import DifferentiableMarket, differentiable
from regimen.envs import EnvSpec, VectorEnv
from regimen.errors import RunError
from regimen.learning import Memoryless, OnlineAgent, RunningMoments
from regimen.nets import first_weights
from regimen.seeding import generator
from regimen.stateful import parts


@final
class Analytic(Memoryless, OnlineAgent):
    """An agent: a band around the position, a function of what the market shows, and its normaliser.

    Built by `AnalyticConfig.build`. The same config, spec, seed, environment and threads give the same bytes on one
    machine. There is no critic, no sampling and no exploration: the reward's derivative with respect to every position
    is known.

    Args:
        config: its numbers.
        spec: columns and actions of its environment; the market's columns stand before ``position``.
        seed: of weights and starts.

    Attributes:
        network: gives the band.
        observations: what the market's columns are normalised by: the moments of the first path learned from.
        iterations: gradient steps so far.

    Raises:
        RunError: actions that are not one continuous number; no ``position`` among the columns, or nothing before it.
    """

    config: AnalyticConfig
    settings = AnalyticConfig
    saved = parts("network", "observations")
    resumed = parts("optimizer")

    def __init__(self, config: AnalyticConfig, spec: EnvSpec, seed: int = 0) -> None:
        if spec.choices is not None:
            raise RunError("env: actions", "must be continuous, to be differentiated", f"{spec.choices} choices")
        if spec.size != 1:
            raise RunError("env: symbols", "must be one, to be differentiated", spec.size)
        if "position" not in spec.columns[1:]:
            raise RunError("env: columns", "must be the market's, then 'position'", spec.columns)
        self.config, self.spec, self.seed, self.iterations = config, spec, seed, 0
        self._inputs = spec.width - 1 - spec.columns[::-1].index("position")
        with first_weights(seed, "analytic", "weights"):
            self.network = BandPolicy(spec, self._inputs, config.hidden, config.activation, config.rate)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        self.observations = RunningMoments(self._inputs)

    def prepare(self, env: VectorEnv) -> int:
        """Takes the environment's path; returns the steps of an iteration over all lanes.

        Raises:
            RunError: an environment that cannot be differentiated, or a path shorter than the horizon.
        """
        horizon = self.config.horizon
        self._market = market = differentiable(env)
        self._starts = market.starts[market.starts <= market.last + 1 - horizon]
        if len(self._starts) == 0:
            raise RunError("agents.analytic.horizon", f"must leave room on the path of {market.last + 1} bars", horizon)
        return horizon * env.n_envs

    def begin(self, env: VectorEnv) -> None:
        """Takes the moments of the first path that is learned from; no lane is stepped."""
        del env
        if self.observations.count == 0.0:
            self._survey(self._market)

    def iterate(self, env: VectorEnv, done: int, total: int) -> tuple[float, float, Mapping[str, float]]:
        """Makes one gradient step, on ``horizon`` unrolled steps of as many lanes as the environment has.

        They begin at random bars and positions. The ``numbers`` are ``gradient_norm`` (before the clip, per deviation
        of a gain), ``turnover`` (mean |Δx|), ``width`` (mean of the band) and ``learning_rate``; the entropy is NaN,
        because nothing is drawn.
        """
        config = self.config
        rate = config.learning_rate * (1.0 - done / total if config.anneal else 1.0)
        reward, numbers = self._climb(self._market, self._starts, env.n_envs, rate)
        return reward, math.nan, numbers

    def _survey(self, market: DifferentiableMarket) -> None:
        """Takes the moments of every bar that a lane may begin at."""
        for first in range(0, len(market.starts), 65_536):
            bars = torch.from_numpy(market.starts[first : first + 65_536])
            self.observations.merge(market.shown(bars).numpy())

    def _climb(
        self, market: DifferentiableMarket, starts: NDArray[np.int64], lanes: int, rate: float
    ) -> tuple[float, dict[str, float]]:
        """Makes one gradient step; returns the mean reward before it, and the other numbers of the iteration."""
        spec, horizon = self.spec, self.config.horizon
        random = generator(self.seed, "analytic", "starts", self.iterations)
        bars = torch.from_numpy(random.choice(starts, lanes)) + torch.arange(horizon)[:, None]  # (time, lane)
        positions = torch.from_numpy(random.uniform(spec.low, spec.high, lanes))
        band = self.network(self._normalised(market.shown(bars)))
        rewards, turnover = market.unroll(bars, positions, band)
        reward = rewards.mean()
        self.optimizer.zero_grad()
        (-reward / market.unit).backward()  # type: ignore[no-untyped-call]
        norm = float(nn.utils.clip_grad_norm_(self.network.parameters(), self.config.gradient_clip))
        mean = float(reward.detach())
        if not (math.isfinite(mean) and math.isfinite(norm)):
            place = f"iteration {self.iterations + 1}; try a lower learning_rate"
            raise RunError("agents.analytic: reward and gradient", f"must be finite ({place})", (mean, norm))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        numbers = {
            "gradient_norm": norm,
            "turnover": turnover,
            "width": float((band.upper - band.lower).detach().mean()),
            "learning_rate": rate,
        }
        return mean, numbers

    def _normalised(self, shown: Tensor) -> Tensor:
        if not self.config.normalise_observations:
            return shown
        return self.observations.normalised(shown, self.config.observation_clip)

    def answers(self, rows: NDArray[np.float32], deterministic: bool) -> NDArray[Any]:
        """Returns positions moved to the edge of the band; nothing is drawn. See `Memoryless.answers`."""
        del deterministic
        seen = torch.from_numpy(rows)
        band = self.network(self._normalised(seen[:, : self._inputs]))
        moved = band.move(seen[:, self._inputs].double())
        actions: NDArray[np.float32] = moved.clamp(self.spec.low, self.spec.high).float()[:, None].numpy()
        return actions
