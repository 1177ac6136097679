"""Soft actor-critic: step the lanes, remember, draw batches, and let a `SoftLearner` learn from them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regimen.agents.sac.config import SACConfig
from regimen.agents.soft.learner import Batches, SoftLearner, network_input
from regimen.envs import EnvSpec, VectorEnv
from regimen.errors import RunError
from regimen.learning import (
    Bonus,
    Memory,
    Memoryless,
    OnlineAgent,
    ReplayBuffer,
    RunningMoments,
    Transitions,
    copy_observation,
    first_seen,
    require_finite,
    successors_of,
)
from regimen.seeding import generator
from regimen.stateful import parts


@final
class SAC(Memoryless, OnlineAgent):
    """An agent: an actor, twin critics with their targets, a temperature, a replay buffer and two normalisers.

    Built by `SACConfig.build`. The same config, spec, seed, environment and threads give the same bytes on one machine.

    Args:
        config: its numbers.
        spec: columns and actions of its environment.
        seed: of weights, exploration and batches.

    Raises:
        ConfigError: a target entropy that no policy has; hindsight without a goal.

    Attributes:
        soft: actor, twin critics with their targets, and temperature, per unit of `reward_scale`.
        observations: what the columns are normalised by; changes in `learn` only.
        rewards: the moments that `reward_scale` comes from.
        replay: raw transitions; they are normalised when they are drawn, by the moments of then.
        bonus: what pays for novelty, or None; it is in a checkpoint and in no file of the agent.
        iterations: of learning so far.
    """

    config: SACConfig
    settings = SACConfig
    saved = parts(
        "observations",
        "rewards",
        **{"actor": "soft.actor", "critics": "soft.critics", "targets": "soft.targets"},
        **{"temperature/log": "soft.log_temperature", "count/updates": "soft.updates"},
    )
    resumed = parts(
        "replay",
        **{
            "actor_optimizer": "soft.actor_adam",
            "critics_optimizer": "soft.critics_adam",
            "temperature_optimizer": "soft.temperature_adam",
            "learning/seen": "_seen",
        },
    )

    def __init__(self, config: SACConfig, spec: EnvSpec, seed: int = 0) -> None:
        self.config, self.spec, self.seed, self.iterations = config, spec, seed, 0
        self.soft = SoftLearner(config, spec, 1, seed)
        self.observations, self.rewards = RunningMoments(spec.width), RunningMoments(1)
        self.replay: Memory = (
            ReplayBuffer(config.capacity, spec.width, 1 if spec.choices else spec.size)
            if config.replay is None
            else config.replay.build(spec, config.capacity, seed)
        )
        self.bonus = None if config.bonus is None else config.bonus.build(spec, seed)
        if self.bonus is not None:
            self.resumed = {**self.resumed, **parts("bonus")}
        self._seen: NDArray[np.float32] = np.empty((0, spec.width), np.float32)
        self._random = generator(seed, "sac", "predict")

    def prepare(self, env: VectorEnv) -> int:
        """Returns the steps of an iteration over all lanes."""
        return self.config.rollout_steps * env.n_envs

    def begin(self, env: VectorEnv) -> None:
        """Resets the lanes."""
        self._seen = first_seen(self, self.observations, env, "sac")
        self.replay.begin(env.n_envs)

    @torch.no_grad()
    def iterate(self, env: VectorEnv, done: int, total: int) -> tuple[float, float, Mapping[str, float]]:
        """Steps every lane ``rollout_steps`` times, each step followed by its updates.

        The ``numbers`` are ``temperature`` (in the rewards' unit), ``critic_loss`` (of the last batch, in units of
        ``reward_scale``), ``value`` (the critics' mean there, in the rewards' unit), ``reward_scale`` and ``updates``,
        and what a bonus tells. The reward is the environment's own.
        """
        config, spec, lanes, steps = self.config, self.spec, env.n_envs, done
        random = generator(self.seed, "sac", "iteration", self.iterations)
        paid, losses = 0.0, dict.fromkeys(("entropy", "critic_loss", "value"), math.nan)
        novelty: Mapping[str, float] = {}
        for _ in range(config.rollout_steps):
            actions = self.explore(self._seen, random)
            seen, reward, terminated, truncated, info = env.step(self.soft.to_env(actions))
            after = np.empty_like(self._seen)
            copy_observation(spec, seen, after)
            paid += float(np.mean(reward, dtype=np.float64))
            if not math.isfinite(paid):
                raise RunError("env: reward", "must be finite", paid)
            successors = successors_of(after, terminated | truncated, info)
            self.remember(self._seen, successors, actions, reward, terminated, truncated)
            self.observations.merge(after)
            self._seen = after
            due = int((steps + lanes) * config.update_ratio) - int(steps * config.update_ratio)
            if due and self.replay.filled >= config.warmup_steps:
                losses, novelty = self.improve(random, due, 1.0 - steps / total)
            steps += lanes
        numbers = {
            "temperature": self.soft.alpha(self.reward_scale) * self.reward_scale,
            "critic_loss": losses["critic_loss"],
            "value": losses["value"] * self.reward_scale,
            "reward_scale": self.reward_scale,
            "updates": float(self.soft.updates),
            **novelty,
        }
        return paid / config.rollout_steps, losses["entropy"], numbers

    def remember(
        self,
        seen: NDArray[np.float32],
        successors: NDArray[np.float32],
        actions: NDArray[np.float32],
        rewards: NDArray[Any],
        terminated: NDArray[np.bool_],
        truncated: NDArray[np.bool_],
    ) -> None:
        """Takes in a transition of every lane, whoever acted; see `Memory.add` and, for the actions, `explore`."""
        self.replay.add(seen, successors, actions, rewards, terminated, truncated)
        self.rewards.merge(np.reshape(rewards, (-1, 1)))

    def explore(self, rows: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
        """Returns actions (lane, size) in [−1, 1], or choices (lane, 1); uniform before the first update."""
        return self.soft.explore(self.inputs(torch.from_numpy(rows).T), random)

    def improve(
        self, random: np.random.Generator, count: int, left: float, moves: bool = True
    ) -> tuple[dict[str, float], Mapping[str, float]]:
        """Makes so many updates, each with a batch of its own, from what is remembered.

        Args:
            random: of batches and noise.
            count: updates.
            left: share of the call of `learn` that is still to come.
            moves: False leaves actor and temperature as they are: the critics get to know the policy that there is.

        Returns:
            The numbers of the updates, and those of the bonus.
        """
        config, drawn = self.config, self.replay.sample(random, count, self.config.batch_size)
        successors, x = self.inputs(drawn.successors), self.inputs(drawn.observations)  # (update, width, batch)
        novelty = {} if self.bonus is None else self._reward_novelty(self.bonus, drawn, x, successors)
        rewards, discounts = drawn.rewards[:, None] / self.reward_scale, config.gamma * (drawn.terminated < 0.5).float()
        batches = Batches(x, successors, drawn.actions, rewards, discounts)
        losses = self.soft.update(batches, random, left, self.reward_scale, config.actor_every if moves else 0)
        require_finite(self, sum(losses.values()))
        return losses, novelty

    def _reward_novelty(self, bonus: Bonus, batches: Transitions, x: Tensor, successors: Tensor) -> Mapping[str, float]:
        """Adds what a bonus pays now to the rewards that were drawn, and lets it learn; ruin is paid nothing.

        A transition is scored each time that it is drawn: what was new when it was stored may be known since.
        """
        goes_on = batches.terminated < 0.5
        rows, actions, reached = (part.mT[goes_on] for part in (x, batches.actions, successors))
        batches.rewards[goes_on] += bonus.score(rows, actions, reached)
        return bonus.improve(rows, actions, reached)

    @property
    def parameter_counts(self) -> tuple[int, int]:
        """Weights of actor and critics, all of which learn."""
        return self.soft.weights, self.soft.weights

    @property
    def reward_scale(self) -> float:
        """The critics' unit in the environment's: the standard deviation of all rewards so far, or 1."""
        return float(self.rewards.scale[0]) if self.config.normalise_rewards else 1.0

    def inputs(self, rows: Tensor) -> Tensor:
        """Returns what the networks are given for raw observations (..., width, batch)."""
        return network_input(self.observations, rows, self.config)

    def answers(self, rows: NDArray[np.float32], deterministic: bool) -> NDArray[Any]:
        """Returns the most probable choices or tanh of the means, or draws; see `Memoryless.answers`."""
        x = self.inputs(torch.from_numpy(rows).T)
        return self.soft.to_env(self.soft.act(x, None if deterministic else self._random))
