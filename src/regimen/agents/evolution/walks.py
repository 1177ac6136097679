"""The population walks: every member is one network of a batched product, on lanes of its own with common starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regimen.agents.evolution.config import ESConfig
from regimen.agents.evolution.shares import Shares
from regimen.envs import EnvSpec, VectorEnv, starts_of
from regimen.learning import Perceptrons, copy_observation, mean_reward
from regimen.nets import first_weights, torch_threads
from regimen.seeding import generator


@dataclass(frozen=True, eq=False)
class Parent:
    """What an actor needs to know for one iteration.

    Attributes:
        weights: (parameter,) θ.
        shift, factor: (width,) what observations are normalised by.
        iteration: its number.
    """

    weights: NDArray[np.float32]
    shift: NDArray[np.float32]
    factor: NDArray[np.float32]
    iteration: int


@dataclass(frozen=True, eq=False)
class Fitness:
    """What an actor's part of the population earned.

    Attributes:
        members: (member,) mean reward of a step; those with +ε, then those with −ε, in the order of the pairs.
        parent: (lane,) mean reward of a step of θ itself, on lanes of its own.
        seen: (row, width) what θ saw there.
    """

    members: NDArray[np.float64]
    parent: NDArray[np.float64]
    seen: NDArray[np.float32]


def noise_of(config: ESConfig, seed: int, iteration: int, k: int, parameters: int) -> Tensor:
    """Returns ε (pair, parameter) of actor k's part: whoever knows the seed needs not be sent it."""
    shape = config.population // (2 * config.actors), parameters
    return torch.from_numpy(generator(seed, "es", "noise", iteration, k).standard_normal(shape, np.float32))


def policy_network(config: ESConfig, spec: EnvSpec, members: int, seed: int) -> Perceptrons:
    """Returns networks whose outputs are scores of the choices, or numbers of a continuous action in half-ranges.

    Their first outputs are nearly alike, so that the noise of the first generations reaches every choice: one that
    begins far below another is never taken by anybody, and what it would earn is never learned.
    """
    with first_weights(seed, "es", "weights"):
        return Perceptrons(members, spec.width, spec.choices or spec.size, config.hidden, 0.01)


def to_env(spec: EnvSpec, outputs: Tensor) -> NDArray[Any]:
    """Returns actions (lane,) int64 or (lane, size) of outputs (member, output, lane), member after member."""
    if spec.choices is not None:
        return outputs.argmax(1).flatten().numpy()
    middle, half = 0.5 * (spec.low + spec.high), 0.5 * (spec.high - spec.low)
    scaled: NDArray[np.float32] = (middle + half * outputs).clamp_(spec.low, spec.high).mT.flatten(0, 1).numpy()
    return scaled


@final
class Walks:
    """An actor: its part of the population, the parent, and lanes for both.

    Args:
        config: of the agent.
        seed: of the agent.
        env: its lanes.
        k: its number.

    Raises:
        ConfigError: fewer lanes than members.
        RunError: lanes that do not take starts.
    """

    def __init__(self, config: ESConfig, seed: int, env: VectorEnv, k: int) -> None:
        self.config, self.seed, self.k, self._env = config, seed, k, env
        self._members = config.population // config.actors
        self.shares = Shares(starts_of(env), self._members)
        self._network = policy_network(config, env.spec, self._members, seed)
        self._parent = policy_network(config, env.spec, 1, seed)

    def __call__(self, parent: Parent | None) -> Fitness | int:
        """Lets the population of a parent walk; asked for nothing, says how many lanes there are."""
        if parent is None:
            return self._env.n_envs
        with torch_threads(self.config.threads), torch.no_grad():
            self._parent.flat.copy_(torch.from_numpy(parent.weights))
            noise = noise_of(self.config, self.seed, parent.iteration, self.k, len(parent.weights))
            self._network.load_members(self.config.sigma * torch.cat([noise, -noise]) + self._parent.flat)
            return self._walk(parent)

    def state(self) -> dict[str, Any]:
        """Returns nothing: every walk begins anew."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Has nothing to go on from."""

    def _walk(self, parent: Parent) -> Fitness:
        env, config, spec, theirs, own = self._env, self.config, self._env.spec, self.shares.theirs, self.shares.rest
        shift, factor = torch.from_numpy(parent.shift), torch.from_numpy(parent.factor)
        rows = np.empty((env.n_envs, spec.width), np.float32)
        of_parent = np.empty((config.rollout_steps, len(rows[own]), spec.width), np.float32)
        acted = np.empty(env.n_envs, np.int64) if spec.choices else np.empty((env.n_envs, spec.size), np.float32)
        total, going, steps = np.zeros(env.n_envs), np.ones(env.n_envs, np.bool_), 0
        common = generator(self.seed, "es", "starts", parent.iteration)
        other = generator(self.seed, "es", "own starts", parent.iteration, self.k)
        seen, _ = env.reset(starts=self.shares.starts(common, other))
        while steps < config.rollout_steps and going.any():
            copy_observation(spec, seen, rows)
            of_parent[steps] = rows[own]
            x = torch.from_numpy(rows).sub(shift).mul_(factor).clamp_(-config.observation_clip, config.observation_clip)
            theirs_seen = x[theirs].view(self._members, -1, spec.width).mT
            acted[theirs] = to_env(spec, self._network(theirs_seen))
            acted[own] = to_env(spec, self._parent(x[own].mT))
            seen, reward, terminated, truncated, _ = env.step(acted)
            total += np.where(going, reward, 0.0)
            going &= ~(terminated | truncated)
            steps += 1
        total /= config.rollout_steps
        mean_reward(total)
        members = total[theirs].reshape(self._members, -1).mean(1)
        return Fitness(members, total[own], of_parent[:steps].reshape(-1, spec.width))
