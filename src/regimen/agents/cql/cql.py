"""Conservative Q-learning, read top to bottom: take in the data, draw a batch, update critics, targets, penalty."""

from __future__ import annotations

import math
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regimen import ops
from regimen.agents.cql.config import CQLConfig
from regimen.agents.cql.networks import ActionCritics
from regimen.agents.cql.transition_table import TransitionBatch, TransitionTable
from regimen.envs import EnvSpec
from regimen.errors import ConfigError
from regimen.learning import (
    Memoryless,
    OfflineAgent,
    Perceptrons,
    RunningMoments,
    Trace,
    VectorAdam,
    observed_rows,
    require_finite,
)
from regimen.nets import first_weights, pick_device, torch_threads
from regimen.replay import Trajectories
from regimen.seeding import generator
from regimen.stateful import parts

_TOGETHER = 25
"""Updates whose batches are gathered at once."""


@final
class CQL(Memoryless, OfflineAgent):
    """An agent: critics with their targets, the weight of the conservative penalty, and two normalisers.

    Built by `CQLConfig.build`. The same config, spec, seed, data and threads give the same bytes on one machine.

    Args:
        config: its numbers.
        spec: columns and choices of its environment.
        seed: of weights, dataset and batches.

    Raises:
        ConfigError: continuous actions, or cuda where there is none.

    Attributes:
        critics, targets: networks, all members of each in one module.
        log_alpha: (1,), of the penalty's weight, per unit of `reward_scale`; stays 0 where the config gives α.
        observations, rewards: moments of the first dataset; frozen afterwards.
        updates: so far.
        iterations: of learning so far.
    """

    config: CQLConfig
    settings = CQLConfig
    resumed = parts(critics_optimizer="_optimizer", alpha_optimizer="_alpha_optimizer")

    def __init__(self, config: CQLConfig, spec: EnvSpec, seed: int = 0) -> None:
        if not spec.choices:
            raise ConfigError("agents.kind", "must be one for continuous actions, or the actions levels", "cql")
        self.config, self.spec, self.seed, self.iterations = config, spec, seed, 0
        numbers = {"count/updates": "updates"} | ({"alpha/log": "log_alpha"} if config.alpha is None else {})
        self.saved = parts("critics", "targets", "observations", "rewards", **numbers)
        self._device = pick_device(config.device, "agents.device")
        with first_weights(seed, "cql", "weights", device=self._device):
            self.critics, self.targets = (self._network("cpu") for _ in range(2))
            if self._device.type != "cpu":
                moved = self._network(str(self._device)), self._network(str(self._device))
                moved[0].flat.copy_(self.critics.flat)
                self.critics, self.targets = moved
        self.targets.flat.copy_(self.critics.flat)
        self.log_alpha = torch.zeros(1, device=self._device)
        with torch.device(self._device):
            self._optimizer, self._alpha_optimizer = VectorAdam(len(self.critics.flat)), VectorAdam(1)
        self.observations, self.rewards = RunningMoments(spec.width), RunningMoments(1)
        self.updates = 0
        self._choices = torch.arange(spec.choices, device=self._device)[:, None]
        self._table: TransitionTable | None = None
        self._random = generator(seed, "cql", "predict")

    def _network(self, device: str) -> ActionCritics | Perceptrons:
        config, spec = self.config, self.spec
        assert spec.choices is not None
        with torch.device(device):
            if config.network == "one_hot":
                return ActionCritics(config.critics, spec.width, spec.choices, config.hidden)
            return Perceptrons(config.critics, spec.width, spec.choices, config.hidden, 1.0)

    @property
    def parameter_counts(self) -> tuple[int, int]:
        """Weights of the critics and log α, without targets; and those that learn: log α only where α is found."""
        critics = len(self.critics.flat)
        return critics + 1, critics + (self.config.alpha is None)

    def begin(self, trajectories: Trajectories) -> None:
        """Takes in the data; an agent that has no normalisers yet fits them."""
        if self.observations.count == 0:
            self.observations.merge(trajectories.observations)
            self.rewards.merge(trajectories.rewards[:, None])
        config = self.config
        self._table = TransitionTable(
            trajectories, self._input, self.reward_scale, config.gamma, config.n_step, self._device
        )

    def improve(self, first: int, count: int, total: int) -> tuple[float, dict[str, float]]:
        """Makes the updates [first, first + count) of ``total``; returns the entropy and what else is told.

        The ``numbers`` are ``td_loss`` and ``conservative`` (of the last batch, mean of the critics), ``value`` (of the
        best action there, in the rewards' unit), ``alpha`` and ``updates``.
        """
        assert self._table is not None
        config = self.config
        random = generator(self.seed, "cql", "iteration", self.iterations)
        chosen = random.integers(0, len(self._table), (count, config.batch_size))
        for start in range(0, count, _TOGETHER):
            drawn = self._table.take(chosen[start : start + _TOGETHER])
            for number, batch in enumerate(map(TransitionBatch._make, zip(*drawn, strict=True)), first + start):
                left = 1.0 - number / total if config.anneal else 1.0
                figures = self.update(batch, config.learning_rate * left)
        td_loss, conservative, value = (float(each) for each in figures[:3])
        require_finite(self, td_loss + conservative)
        numbers = {
            "td_loss": td_loss,
            "conservative": conservative,
            "value": value * self.reward_scale,
            "alpha": float(self._alpha()),
            "updates": float(self.updates),
        }
        return self._entropy(figures[3]), numbers

    @torch.no_grad()
    def update(self, batch: TransitionBatch, rate: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Makes one update; returns TD loss and penalty, means over the critics, the mean best value, and mean Q."""
        config, size = self.config, len(batch.actions)
        ahead = self.critics(batch.successors).mean(0).T
        target = self.targets(batch.successors).amin(0).T * batch.discounts[:, None]
        goal = ops.double_dqn_target(batch.rewards, batch.terminated, ahead, target, 1.0)
        trace: Trace = []
        q = self.critics(batch.observations, trace)
        taken = (batch.actions == self._choices).to(q.dtype)  # (action, batch)
        apart = (q * taken).sum(1) - goal
        pull = apart.clamp(-1.0, 1.0) if config.loss == "huber" else apart
        # d/dQ of ½·d² (or Huber's) + α·(log Σ exp Q − Q(a)), the means of a batch, summed over the critics
        alpha = self._alpha()
        slope = q.softmax(1).mul_(alpha).addcmul_(taken, pull[:, None] - alpha).div_(size)
        self.critics.gradients(trace, slope)
        self._optimizer.step(self.critics.flat, self.critics.slope, rate)
        self.updates += 1
        if self.updates % config.target_interval == 0:
            self.targets.flat.lerp_(self.critics.flat, config.tau)
        gap = (q.logsumexp(1) - (q * taken).sum(1)).mean()
        if config.alpha is None:  # the gradient of `ops.conservative_weight_loss`
            slope = (-alpha * (gap - self.threshold)).view(1)
            self._alpha_optimizer.step(self.log_alpha, slope, config.alpha_rate)
        loss = pull * (apart - 0.5 * pull)
        mean = q.mean(0)
        return loss.mean(), gap, mean.amax(0).mean(), mean

    @property
    def reward_scale(self) -> float:
        """The critics' unit in the environment's: the standard deviation of the dataset's rewards, or 1."""
        return float(self.rewards.scale[0]) if self.config.normalise_rewards else 1.0

    @property
    def threshold(self) -> float:
        """The penalty that is allowed where α is found: the config's, beyond that of values that are all equal."""
        return self.config.threshold + math.log(self.spec.choices or 1)

    def _alpha(self) -> Any:
        fixed = self.config.alpha
        return self.log_alpha.exp() if fixed is None else fixed

    def _entropy(self, q: Tensor) -> float:
        """Returns the mean entropy of the drawn mode at values (action, batch); the best action has none."""
        if self.config.temperature == 0.0:
            return 0.0
        return float(ops.categorical_entropy(q.T / self.config.temperature).mean())

    def _input(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns what the networks are given for raw observations (row, width)."""
        moments, limit = self.observations, self.config.observation_clip
        if not self.config.normalise_observations:
            return np.clip(rows, -limit, limit)
        scaled = (rows - moments.mean.astype(np.float32)) * (1.0 / moments.scale).astype(np.float32)
        return np.clip(scaled, -limit, limit, out=scaled)

    @torch.no_grad()
    def values(self, observation: NDArray[Any]) -> NDArray[np.float32]:
        """Returns Q (lane, action) in the rewards' unit, the mean of the critics, of observations (lane, width).

        Raises:
            RunError: another width, or a number that is not finite.
        """
        rows, _ = observed_rows(self.spec, observation)
        return self._values(rows)

    def _values(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch_threads(self.config.threads):
            seen = torch.from_numpy(self._input(rows)).to(self._device)
            q: NDArray[np.float32] = self.critics(seen.T).mean(0).T.cpu().numpy()
        return q * np.float32(self.reward_scale)

    def answers(self, rows: NDArray[np.float32], deterministic: bool) -> NDArray[Any]:
        """Returns the best choices, or draws from softmax(Q / temperature); see `Memoryless.answers`."""
        q, heat = self._values(rows), self.config.temperature * self.reward_scale
        if deterministic or heat == 0.0:
            best: NDArray[np.int64] = q.argmax(axis=1)
            return best
        noise = torch.from_numpy(self._random.random(len(rows), np.float32))
        return ops.categorical_sample(torch.from_numpy(q / np.float32(heat)), noise).numpy().astype(np.int64)
