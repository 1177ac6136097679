"""Imitation, read top to bottom: visit states, ask the expert, remember a bounded sample, fit the policy to it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from regimen import ops
from regimen.agents.cloning.aggregate import Aggregate
from regimen.agents.cloning.config import ClonedConfig
from regimen.agents.cloning.experts import expert_of
from regimen.envs import EnvSpec, VectorEnv, bars_of
from regimen.learning import (
    FlatAdam,
    Memoryless,
    OnlineAgent,
    RunningMoments,
    copy_observation,
    first_seen,
    mean_reward,
    perceptron,
    require_finite,
)
from regimen.nets import first_weights
from regimen.replay import LaneRandom
from regimen.seeding import generator
from regimen.stateful import parts

_CLOSE = 0.05
"""Continuous actions agree within this share of their range."""


@final
class Cloned(Memoryless, OnlineAgent):
    """An agent that does what an expert would do, as far as an observation shows it.

    Built by `ClonedConfig.build`. The same config, spec, seed and environment give the same bytes on one machine.
    An expert that knows more than the observation shows is imitated on average: its choices as their probabilities,
    its exposures as their mean. Its own result is an upper bound that is not within reach.

    Args:
        config: its numbers.
        spec: columns and actions of its environment.
        seed: of weights, batches and draws.

    Attributes:
        network: from an observation to logits of the choices, or to the action in half-ranges around the middle.
        residual: (1,) root of the mean squared distance to the expert's continuous actions, in half-ranges: what drawn
            actions are spread by; 0 for choices.
        observations: what the columns are normalised by; changes in `learn` only.
        iterations: rounds so far.
    """

    config: ClonedConfig
    settings = ClonedConfig
    resumed = parts("aggregate", **{"optimizer": "_adam.optimizer", "learning/seen": "_seen"})

    def __init__(self, config: ClonedConfig, spec: EnvSpec, seed: int = 0) -> None:
        self.config, self.spec, self.seed, self.iterations = config, spec, seed, 0
        with first_weights(seed, "cloned", "weights"):
            self.network = perceptron(spec.width, spec.choices or spec.size, config.hidden, config.activation, 0.01)
        self._adam = FlatAdam(self.network, config.learning_rate)
        self.residual = torch.zeros(1)
        self.saved = parts("network", "observations", *(() if spec.choices else ("residual",)))
        self.observations = RunningMoments(spec.width)
        self.aggregate = Aggregate(config.capacity, spec.width, spec.size, spec.choices is not None)
        self._seen: NDArray[np.float32] = np.empty((0, spec.width), np.float32)
        self._random = generator(seed, "cloned", "predict")

    def prepare(self, env: VectorEnv) -> int:
        """Finds the expert of these lanes; returns the steps of a round over all lanes."""
        self._expert = expert_of(self.config.expert, env)
        return self.config.rollout_steps * env.n_envs

    def begin(self, env: VectorEnv) -> None:
        """Resets the lanes."""
        self._seen = first_seen(self, self.observations, env, "cloned")

    def iterate(self, env: VectorEnv, done: int, total: int) -> tuple[float, float, Mapping[str, float]]:
        """Visits the states of one round, and fits the policy to all that are remembered.

        The ``numbers`` are ``agreement`` (share of the states visited in which the policy, before this round's updates,
        did what the expert would do), ``loss``, ``learning_rate`` and ``remembered``. The reward is that of whoever
        acted.
        """
        config = self.config
        rate = config.learning_rate * (1.0 - done / total if config.anneal else 1.0)
        seen, labels, reward, agreement = self._visit(env)
        random = generator(self.seed, "cloned", "round", self.iterations)
        self.observations.merge(seen)
        self.aggregate.add(seen, labels, random)
        loss, entropy = self._fit(rate, random)
        numbers = {
            "agreement": agreement,
            "loss": loss,
            "learning_rate": rate,
            "remembered": float(len(self.aggregate)),
        }
        return reward, entropy, numbers

    @torch.no_grad()
    def _visit(self, env: VectorEnv) -> tuple[NDArray[np.float32], NDArray[Any], float, float]:
        """Steps every lane; returns the states (n, width), the expert's actions there, mean reward and agreement."""
        config, spec, lanes = self.config, self.spec, env.n_envs
        shape = config.rollout_steps, lanes
        chance = 1.0 if config.visits == "expert" else config.beta**self.iterations
        leads = generator(self.seed, "cloned", "leads", self.iterations).random(shape) < chance
        random = LaneRandom(self.seed, lanes)
        seen = np.empty((*shape, spec.width), np.float32)
        labels = np.empty((*shape, spec.size), np.int64 if spec.choices else np.float32)
        agreed, rewards = np.empty(shape, np.bool_), np.empty(shape, np.float32)
        info: Mapping[str, Any] = bars_of(env)
        for t in range(config.rollout_steps):
            seen[t] = self._seen
            labels[t] = np.asarray(self._expert(seen[t], info, random)).reshape(lanes, spec.size)
            inputs = self.observations.network_input(seen[t], self.config)
            own = self._to_env(self.network(inputs)).numpy().reshape(lanes, spec.size)
            agreed[t] = self._agree(own, labels[t])
            actions = np.where(leads[t][:, None], labels[t], own)
            shown, rewards[t], _, _, info = env.step(actions[:, 0] if spec.choices and spec.size == 1 else actions)
            copy_observation(spec, shown, self._seen)
        return (
            seen.reshape(-1, spec.width),
            labels.reshape(-1, spec.size),
            mean_reward(rewards),
            float(agreed.mean()),
        )

    def _agree(self, own: NDArray[Any], expert: NDArray[Any]) -> NDArray[np.bool_]:
        spec = self.spec
        if spec.choices:
            return np.asarray((own == expert).all(axis=1))
        return np.asarray((np.abs(own - expert) <= _CLOSE * (spec.high - spec.low)).all(axis=1))

    def _fit(self, rate: float, random: np.random.Generator) -> tuple[float, float]:
        """Makes the updates of a round; returns the mean loss and the entropy of the policy in the last batch."""
        config, losses = self.config, []
        rows = min(config.batch_size, len(self.aggregate))
        for _ in range(config.gradient_steps):
            seen, labels = self.aggregate.draw(rows, random)
            output = self.network(self.observations.network_input(seen, self.config))
            loss = self._loss(output, torch.from_numpy(labels))
            losses.append(float(loss.detach()))
            require_finite(self, losses[-1])
            self._adam.begin()
            loss.backward()  # type: ignore[no-untyped-call]
            self._adam.step(rate, config.gradient_clip)
        if self.spec.choices is None:
            self.residual = torch.tensor([math.sqrt(2.0 * float(np.mean(losses)))])
            return float(np.mean(losses)), math.log(max(float(self.residual), 1e-6)) + 0.5 * math.log(
                2 * math.pi * math.e
            )
        return float(np.mean(losses)), float(ops.categorical_entropy(output.detach()).mean())

    def _loss(self, output: Tensor, labels: Tensor) -> Tensor:
        """Returns the cross-entropy to the expert's choices, or half the squared distance in half-ranges."""
        if self.spec.choices is not None:
            return nn.functional.cross_entropy(output, labels[:, 0])
        middle, half = self._range()
        return 0.5 * ((labels - middle) / half - output).square().mean()

    def _range(self) -> tuple[float, float]:
        return 0.5 * (self.spec.low + self.spec.high), 0.5 * (self.spec.high - self.spec.low)

    def _to_env(self, output: Tensor) -> Tensor:
        if self.spec.choices is not None:
            return ops.categorical_mode(output)
        middle, half = self._range()
        return (middle + half * output).clamp(self.spec.low, self.spec.high)

    def answers(self, rows: NDArray[np.float32], deterministic: bool) -> NDArray[Any]:
        """Returns the expert's most probable choices or its means, or draws; see `Memoryless.answers`."""
        output = self.network(self.observations.network_input(rows, self.config))
        if deterministic:
            return self._to_env(output).numpy()
        if self.spec.choices is not None:
            noise = torch.from_numpy(self._random.random(len(rows), np.float32))
            return ops.categorical_sample(output, noise).numpy()
        noise = torch.from_numpy(self._random.standard_normal(tuple(output.shape), np.float32))
        return self._to_env(output + self.residual * noise).numpy()
