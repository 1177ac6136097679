"""An evolution strategy, read top to bottom: a population around θ walks, θ goes where the fitter ones were."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regimen import ops
from regimen.agents.actors import lane_actors
from regimen.agents.evolution.config import ESConfig
from regimen.agents.evolution.walks import Fitness, Parent, Walks, noise_of, policy_network, to_env
from regimen.envs import EnvSpec, VectorEnv
from regimen.learning import (
    Memoryless,
    OnlineAgent,
    RunningMoments,
    VectorAdam,
    first_seen,
)
from regimen.stateful import parts


@final
class ES(Memoryless, OnlineAgent):
    """An agent: one small network θ, and the normaliser that belongs to it.

    Built by `ESConfig.build`. The same config, spec, seed and environment give the same bytes on one machine, wherever
    the actors live and whichever of them is lost.

    Args:
        config: its numbers.
        spec: columns and actions of its environment.
        seed: of weights, noise and starts.

    Attributes:
        network: θ, one member of `Perceptrons`.
        observations: what the columns are normalised by; changes in `learn` only.
        iterations: generations so far.
    """

    config: ESConfig
    settings = ESConfig
    saved = parts("network", "observations")
    resumed = parts(optimizer="_adam")

    def __init__(self, config: ESConfig, spec: EnvSpec, seed: int = 0) -> None:
        self.config, self.spec, self.seed, self.iterations = config, spec, seed, 0
        self.network = policy_network(config, spec, 1, seed)
        self._adam = VectorAdam(len(self.network.flat))
        self.observations = RunningMoments(spec.width)

    def prepare(self, env: VectorEnv) -> int:
        """Begins the actors; returns the steps of a generation over all lanes. The actors end with the call of `learn`.

        Raises:
            ConfigError: more members or actors than lanes.
            RunError: lanes that do not take starts, or that an actor cannot build.
        """
        config = self.config
        walks = partial(Walks, config, self.seed)
        self._actors = self.until_learned.enter_context(
            lane_actors(walks, env, config.actors, config.compute, self.seed)
        )
        return config.rollout_steps * sum(int(lanes) for lanes in self._asked(None))

    def begin(self, env: VectorEnv) -> None:
        """Takes the moments of what the lanes show first."""
        first_seen(self, self.observations, env, "es")

    @torch.no_grad()
    def iterate(self, env: VectorEnv, done: int, total: int) -> tuple[float, float, Mapping[str, float]]:
        """Lets one generation walk, and moves θ.

        The reward is that of θ itself before the update, on lanes of its own; the ``numbers`` are ``spread`` (the
        standard deviation of the members' rewards), ``gradient`` and ``weights`` (norms) and ``learning_rate``; the
        entropy is NaN, because nothing is drawn.
        """
        del env
        config = self.config
        rate = config.learning_rate * (1.0 - done / total if config.anneal else 1.0)
        shift, factor = (each.numpy() for each in self._normaliser())
        walked: list[Fitness] = self._asked(Parent(self.network.flat.numpy(), shift, factor, self.iterations))
        members = torch.from_numpy(np.stack([each.members for each in walked]))  # (actor, member)
        gradient = self._gradient(members)
        self._adam.step(self.network.flat, config.weight_decay * self.network.flat - gradient, rate)
        for each in walked:
            self.observations.merge(each.seen)
        numbers = {
            "spread": float(members.std(correction=0)),
            "gradient": float(gradient.norm()),
            "weights": float(self.network.flat.norm()),
            "learning_rate": rate,
        }
        return float(np.concatenate([each.parent for each in walked]).mean()), math.nan, numbers

    def _asked(self, message: Parent | None) -> list[Any]:
        """Returns what all actors answer, in their order."""
        for k in range(self._actors.n):
            self._actors.send(k, message)
        return [self._actors.recv(k) for k in range(self._actors.n)]

    def _gradient(self, members: Tensor) -> Tensor:
        """Returns the direction of more fitness, given that of every actor's members (actor, member)."""
        config, parameters = self.config, len(self.network.flat)
        fitness = ops.centred_ranks(members.flatten()).view(members.shape) if config.ranks else members
        plus, minus = (half.flatten().float() for half in fitness.tensor_split(2, 1))
        noise = [noise_of(config, self.seed, self.iterations, k, parameters) for k in range(config.actors)]
        return ops.evolution_gradient(plus, minus, torch.cat(noise), config.sigma)

    def _normaliser(self) -> tuple[Tensor, Tensor]:
        """Returns mean and reciprocal deviation of the columns, float32; 0 and 1 where it is switched off."""
        if not self.config.normalise_observations:
            return torch.zeros(self.spec.width), torch.ones(self.spec.width)
        return self.observations.shift_and_factor()

    def answers(self, rows: NDArray[np.float32], deterministic: bool) -> NDArray[Any]:
        """Returns the choices of the highest score, or the actions themselves; see `Memoryless.answers`."""
        del deterministic
        limit, scaled = self.config.observation_clip, self.config.normalise_observations
        x = self.observations.normalised(torch.from_numpy(rows), limit, scaled)
        return to_env(self.spec, self.network(x.mT))
