"""Proximal policy optimisation, read top to bottom: collect, value, advantages, epochs of clipped updates."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray

from regimen import ops
from regimen.agents.ppo.config import PPOConfig
from regimen.envs import EnvSpec, VectorEnv
from regimen.learning import (
    ActorCritic,
    Bonus,
    ClippedUpdate,
    FlatAdam,
    Memoryless,
    Normaliser,
    OnlineAgent,
    Rollout,
    RunningMoments,
    SideBySide,
    advantages,
    collect,
    draw_noise,
    first_seen,
    reward_novelty,
    side_by_side,
)
from regimen.nets import first_weights
from regimen.seeding import generator
from regimen.stateful import parts


@final
class PPO(Memoryless, OnlineAgent):
    """An agent: a policy, a critic, and the normaliser that belongs to them.

    Built by `PPOConfig.build`. The same config, spec, seed and environment give the same bytes on one machine, with one
    thread or with two.

    Args:
        config: its numbers.
        spec: columns and actions of its environment.
        seed: of weights, exploration and the order of minibatches.

    Attributes:
        network: actor and critic.
        observations: what the columns are normalised by; changes in `learn` only.
        bonus: what pays for novelty, or None; it is in a checkpoint and in no file of the agent.
        iterations: rollouts learned from so far.
    """

    config: PPOConfig
    settings = PPOConfig
    saved = parts("network", "observations")
    resumed = parts(**{"optimizer": "_adam.optimizer", "learning/seen": "_seen"})

    def __init__(self, config: PPOConfig, spec: EnvSpec, seed: int = 0) -> None:
        self.config, self.spec, self.seed, self.iterations = config, spec, seed, 0
        with first_weights(seed, "ppo", "weights"):
            self.network = ActorCritic(spec, config.hidden, config.activation, config.log_std)
        self._adam = FlatAdam(self.network, config.learning_rate)
        self._clipped = ClippedUpdate(config, self.network, self._adam)
        self.observations = RunningMoments(spec.width)
        self.bonus = None if config.bonus is None else config.bonus.build(spec, seed)
        if self.bonus is not None:
            self.resumed = {**self.resumed, **parts("bonus")}
        self._seen: NDArray[np.float32] = np.empty((0, spec.width), np.float32)
        self._random = generator(seed, "ppo", "predict")

    def prepare(self, env: VectorEnv) -> int:
        """Makes a rollout's arrays; returns its steps over all lanes."""
        self._rollout = Rollout(self.spec, self.config.rollout_steps, env.n_envs)
        return self.config.rollout_steps * env.n_envs

    def begin(self, env: VectorEnv) -> None:
        """Resets the lanes."""
        self._seen = first_seen(self, self.observations, env, "ppo")

    def iterate(self, env: VectorEnv, done: int, total: int) -> tuple[float, float, Mapping[str, float]]:
        """Collects one rollout and learns from it.

        The ``numbers`` are ``approximate_kl`` (between the policy that acted and the one of the last minibatch),
        ``clip_fraction`` (of the last epoch), ``explained_variance`` (of the critic before the updates), ``loss``,
        ``learning_rate`` and ``gradient_norm`` (before clipping), and what a bonus tells. The reward is the
        environment's own.
        """
        config, rollout = self.config, self._rollout
        rate = config.learning_rate * (1.0 - done / total if config.anneal else 1.0)
        with side_by_side(config.threads) as both:
            rollout.observations[0] = self._seen
            reward = self._collect(env, rollout)
            novelty = {} if self.bonus is None else self._reward_novelty(self.bonus, rollout)
            entropy, numbers = self._update(rollout, rate, both)
        self.observations.merge(rollout.flat(rollout.observations).numpy())
        self._seen = rollout.observations[-1].copy()
        return reward, entropy, {**numbers, **novelty}

    def _collect(self, env: VectorEnv, rollout: Rollout) -> float:
        """Steps every lane ``rollout_steps`` times from ``observations[0]``; returns the mean reward."""
        noise = draw_noise(self.spec, rollout.shape, generator(self.seed, "ppo", "noise", self.iterations))
        return collect(self.network, env, rollout, noise, self._normaliser())

    def _reward_novelty(self, bonus: Bonus, rollout: Rollout) -> Mapping[str, float]:
        rows, lanes, finals = rollout.finals()
        return reward_novelty(bonus, rollout, (rows, lanes, self.observations.network_input(finals, self.config)))

    def _update(self, rollout: Rollout, rate: float, both: SideBySide) -> tuple[float, dict[str, float]]:
        """Makes the epochs' gradient steps; returns the entropy and the other numbers of the iteration."""
        config, network = self.config, self.network
        (old_log_prob, entropy), values = both(
            self._clipped.chances, (rollout.outputs, rollout.raw), self._clipped.values, (rollout.inputs,)
        )
        final_values = np.zeros_like(rollout.rewards)
        rows, lanes, finals = rollout.finals()
        if len(rows):
            final_values[rows, lanes] = self._clipped.values(self.observations.network_input(finals, self.config))
        estimates = advantages(rollout, values[:-1], values[-1], final_values, config.gamma, config.gae_lambda)
        targets = rollout.flat(estimates + values[:-1])
        explained = ops.explained_variance(rollout.flat(values[:-1]), targets)
        batch = (
            rollout.flat(rollout.inputs),
            rollout.flat(rollout.raw),
            old_log_prob.flatten(),
            rollout.flat(estimates),
            network.follow_targets(targets, config.value_share if self.iterations else 1.0),
        )
        numbers = self._clipped.epochs(
            self, batch, explained, rate, both, partial(generator, self.seed, "ppo", "order", self.iterations)
        )
        return float(entropy.mean()), numbers

    def _normaliser(self) -> Normaliser:
        """Returns mean and reciprocal deviation of the columns; 0 and 1 where it is switched off."""
        if not self.config.normalise_observations:
            return Normaliser(torch.zeros(self.spec.width), torch.ones(self.spec.width), self.config.observation_clip)
        return Normaliser(*self.observations.shift_and_factor(), self.config.observation_clip)

    def answers(self, rows: NDArray[np.float32], deterministic: bool) -> NDArray[Any]:
        """Returns the most probable choices or the means, or draws; see `Memoryless.answers`."""
        output = self.network.actor(self.observations.network_input(rows, self.config))
        raw = self.network.mode(output) if deterministic else self.network.draw(output, self._random)
        return self.network.to_env(raw).numpy()
