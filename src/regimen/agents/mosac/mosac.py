"""Soft actor-critic of several objectives: step, remember, draw a batch with new preferences, update."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regimen.agents.mosac.config import MOSACConfig
from regimen.agents.soft.learner import Batches, SoftLearner, network_input
from regimen.envs import PREFERENCE, EnvSpec, VectorEnv
from regimen.errors import RunError
from regimen.learning import (
    Memoryless,
    OnlineAgent,
    ReplayBuffer,
    RunningMoments,
    copy_observation,
    first_seen,
    require_finite,
    successors_of,
)
from regimen.seeding import generator
from regimen.stateful import parts


@final
class MOSAC(Memoryless, OnlineAgent):
    """An agent that learns what is best for every preference among several objectives.

    Built by `MOSACConfig.build`. The objectives are those whose preference the last columns of the observation show;
    their rewards are ``info["rewards"]`` (lane, objective). Each is counted in units of its own deviation so far, so
    that a preference weighs like with like. Without such columns there is one objective, the reward itself, and every
    byte is that of `SAC`.

    Args:
        config: its numbers.
        spec: columns and actions of its environment.
        seed: of weights, exploration and batches.

    Raises:
        ConfigError: a target entropy that no policy has.

    Attributes:
        objectives: their names; empty without a preference in the observation.
        soft: actor, critics and temperature.
        observations: what the columns are normalised by; changes in `learn` only.
        rewards: the moments of each objective.
        replay: raw transitions; what a step paid in each objective stands behind its action.
        iterations: of learning so far.

    Source: Yang, Sun and Narasimhan 2019, arXiv 1908.08342: preferences as an input, drawn anew for what is replayed;
        the backup is the scalarised one.
    """

    config: MOSACConfig
    settings = MOSACConfig
    saved = parts("soft", "observations", "rewards")
    resumed = parts(
        "replay",
        **{
            "optimizer/actor": "soft.actor_adam",
            "optimizer/critics": "soft.critics_adam",
            "optimizer/temperature": "soft.temperature_adam",
            "learning/seen": "_seen",
        },
    )

    def __init__(self, config: MOSACConfig, spec: EnvSpec, seed: int = 0) -> None:
        self.config, self.spec, self.seed, self.iterations = config, spec, seed, 0
        names = [name for name in spec.columns if name.startswith(PREFERENCE)]
        self.objectives = tuple(name.removeprefix(PREFERENCE) for name in names)
        if spec.columns[spec.width - len(names) :] != tuple(names):
            raise RunError("env: observation", "must show the preference in its last columns", names)
        self._size, self._paid = 1 if spec.choices else spec.size, max(1, len(names))
        self.soft = SoftLearner(config, spec, self._paid, seed)
        self.observations, self.rewards = RunningMoments(spec.width), RunningMoments(self._paid)
        self.replay = ReplayBuffer(config.capacity, spec.width, self._size + self._paid)
        self._seen: NDArray[np.float32] = np.empty((0, spec.width), np.float32)
        self._random = generator(seed, "sac", "predict")

    def prepare(self, env: VectorEnv) -> int:
        """Returns the steps of an iteration over all lanes."""
        return self.config.rollout_steps * env.n_envs

    def begin(self, env: VectorEnv) -> None:
        """Resets the lanes."""
        self._seen = first_seen(self, self.observations, env, "sac")

    @torch.no_grad()
    def iterate(self, env: VectorEnv, done: int, total: int) -> tuple[float, float, Mapping[str, float]]:
        """Steps every lane ``rollout_steps`` times, each step followed by its updates.

        The ``numbers`` are ``temperature``, ``critic_loss`` (of the last batch), ``value`` (weighed, there),
        ``updates``, and what each objective paid a step, by its name. The reward is the environment's own.

        Raises:
            RunError: lanes that show a preference and give no vector of rewards.
        """
        config, lanes, steps = self.config, env.n_envs, done
        random = generator(self.seed, "sac", "iteration", self.iterations)
        mean, each = 0.0, np.zeros(self._paid)
        losses = dict.fromkeys(("entropy", "critic_loss", "value"), math.nan)
        for _ in range(config.rollout_steps):
            actions = self.soft.explore(self._input(torch.from_numpy(self._seen).T), random)
            seen, reward, terminated, truncated, info = env.step(self.soft.to_env(actions))
            after = np.empty_like(self._seen)
            copy_observation(self.spec, seen, after)
            rewards = self._rewards(reward, info)
            mean += float(np.mean(reward, dtype=np.float64))
            each += rewards.mean(axis=0, dtype=np.float64)
            if not math.isfinite(mean + each.sum()):
                raise RunError("env: reward", "must be finite", mean)
            successors = successors_of(after, terminated | truncated, info)
            row = np.concatenate([actions, rewards.astype(np.float32)], axis=1)
            self.replay.add(self._seen, successors, row, reward, terminated, truncated)
            self.observations.merge(after)
            self.rewards.merge(rewards)
            self._seen = after
            due = int((steps + lanes) * config.update_ratio) - int(steps * config.update_ratio)
            if due and self.replay.filled >= config.warmup_steps:
                losses = self.soft.update(self._batches(random, due), random, 1.0 - steps / total, self._unit)
                require_finite(self, sum(losses.values()))
            steps += lanes
        numbers = {
            "temperature": self.soft.alpha(self._unit) * self._unit,
            "critic_loss": losses["critic_loss"],
            "value": losses["value"] * self._unit,
            "updates": float(self.soft.updates),
        } | {name: float(paid) / config.rollout_steps for name, paid in zip(self.objectives, each, strict=False)}
        return mean / config.rollout_steps, losses["entropy"], numbers

    def answers(self, rows: NDArray[np.float32], deterministic: bool) -> NDArray[Any]:
        """Returns the most probable choices or tanh of the means, or draws, by the preference in the last columns."""
        x = self._input(torch.from_numpy(rows).T)
        return self.soft.to_env(self.soft.act(x, None if deterministic else self._random))

    @property
    def parameter_counts(self) -> tuple[int, int]:
        """Weights of actor and critics, all of which learn."""
        return self.soft.weights, self.soft.weights

    def _batches(self, random: np.random.Generator, count: int) -> Batches:
        """Draws transitions, each with a preference of its own, uniform among all."""
        config, objectives = self.config, len(self.objectives)
        drawn = self.replay.sample(random, count, config.batch_size)
        weights: Tensor | None = None
        if objectives:
            shares = random.standard_exponential((count, objectives, config.batch_size), np.float32)
            weights = torch.from_numpy(shares / shares.sum(axis=1, keepdims=True))
            for rows in (drawn.observations, drawn.successors):
                rows[:, -objectives:] = weights
        scale = self.rewards.scale if config.normalise_rewards else np.ones(self._paid)
        return Batches(
            self._input(drawn.observations),
            self._input(drawn.successors),
            drawn.actions[:, : self._size],
            drawn.actions[:, self._size :] / torch.from_numpy(scale).float()[:, None],
            config.gamma * (drawn.terminated < 0.5).float(),
            weights,
        )

    def _rewards(self, reward: NDArray[Any], info: Mapping[str, Any]) -> NDArray[Any]:
        if not self.objectives:
            return np.reshape(reward, (-1, 1))
        rewards = info.get("rewards")
        shape = (len(reward), self._paid)
        if rewards is None or np.shape(rewards) != shape:
            rule = f"must be a vector for each lane, {shape}, where the preference is seen"
            raise RunError("env: info.rewards", rule, None if rewards is None else np.shape(rewards))
        return np.asarray(rewards)

    @property
    def _unit(self) -> float:
        """The critics' unit in the environment's; 1 where each objective has one of its own."""
        scaled = self.config.normalise_rewards and not self.objectives
        return float(self.rewards.scale[0]) if scaled else 1.0

    def _input(self, rows: Tensor) -> Tensor:
        return network_input(self.observations, rows, self.config)
