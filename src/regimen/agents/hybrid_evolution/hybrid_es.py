"""Evolution beside soft actor-critic, read top to bottom: all walk, both learn, the better one helps the other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regimen import ops
from regimen.agents.evolution.shares import Shares
from regimen.agents.hybrid_evolution.config import HybridESConfig
from regimen.agents.hybrid_evolution.generation import Generation, modes, walk
from regimen.agents.sac.sac import SAC
from regimen.envs import EnvSpec, VectorEnv, starts_of
from regimen.learning import (
    Memoryless,
    OnlineAgent,
    Perceptrons,
    VectorAdam,
)
from regimen.nets import first_weights
from regimen.seeding import generator
from regimen.stateful import Parts, parts, restore_into, state_of

_UPDATES = 32
"""Updates whose batches are drawn at once."""


@final
class HybridES(Memoryless, OnlineAgent):
    """An agent: a soft actor-critic that learns from all that a population did, and the population's parent.

    Built by `HybridESConfig.build`. The same config, spec, seed, environment and threads give the same bytes on one
    machine. `predict` acts as the one of the two that earned more, over the last generations, on common starts.

    Args:
        config: its numbers.
        spec: columns and actions of its environment.
        seed: of weights, exploration, noise, starts and batches.

    Attributes:
        learner: soft actor-critic, which remembers every step of everyone.
        parent: one network of the learner's actor's shape, around which the population is drawn.
        lead: what the parent earned more than the learner in a step, a mean that forgets.
        iterations: generations so far.
    """

    config: HybridESConfig
    settings = HybridESConfig
    saved = parts("parent", "lead", learner="_kept")
    resumed = parts(learner_memory="_passing", optimizer="_adam", held_still="_held_still")

    def __init__(self, config: HybridESConfig, spec: EnvSpec, seed: int = 0) -> None:
        self.config, self.spec, self.seed, self.iterations = config, spec, seed, 0
        self.learner = SAC(config, spec, seed)
        with first_weights(seed, "hybrid es", "weights"):
            outputs = spec.choices or 2 * spec.size
            self.parent = Perceptrons(1, spec.width, outputs, config.hidden, 1.0)
            self._contestants = Perceptrons(config.population + 2, spec.width, outputs, config.hidden, 1.0)
        self.lead, self._held_still = 0.0, 0
        self._adam = VectorAdam(len(self.parent.flat))
        self._kept, self._passing = _Part(self.learner, SAC.saved), _Part(self.learner, self.learner.resumed)

    def prepare(self, env: VectorEnv) -> int:
        """Shares the lanes out; returns the steps of a generation over all of them."""
        self._shares = Shares(starts_of(env), self.config.population + 2)
        return self.config.rollout_steps * env.n_envs

    def begin(self, env: VectorEnv) -> None:
        """Does nothing: a generation resets the lanes."""

    @torch.no_grad()
    def iterate(self, env: VectorEnv, done: int, total: int) -> tuple[float, float, Mapping[str, float]]:
        """Lets one generation walk, lets the better of the two help the other, and lets both learn.

        The reward is that of whom `predict` acts as, on common starts; the ``numbers`` are ``learner``, ``parent`` and
        ``population`` (mean rewards of a step there), ``lead``, ``updates``, and SAC's ``critic_loss`` and
        ``temperature``.
        """
        config, learner = self.config, self.learner
        learner.iterations = self.iterations
        noise = self._spread()
        generation = self._walk(env)
        population, (parent, own) = generation.contestants[:-2], generation.contestants[-2:]
        self.lead += (1.0 - config.patience) * (float((parent - own).mean()) - self.lead)
        earned = {"parent": float(parent.mean()), "learner": float(own.mean()), "population": float(population.mean())}
        swapped = self._swap(parent, own)
        if swapped != "parent":
            rate = config.evolution_rate * (1.0 - done / total if config.anneal else 1.0)
            self._evolve(torch.from_numpy(population.mean(1)), noise, rate)
        left = 1.0 - done / total
        due = int((done + config.rollout_steps * env.n_envs) * config.update_ratio) - int(done * config.update_ratio)
        losses = self._improve(due, left)
        numbers = {**earned, "lead": self.lead, "updates": float(learner.soft.updates), **losses}
        entropy = numbers.pop("entropy")
        return earned["parent" if self.lead > 0.0 else "learner"], entropy, numbers

    @property
    def actor(self) -> Perceptrons:
        """The network that `predict` asks: of the parent or the learner, whichever is ahead."""
        return self.parent if self.lead > 0.0 else self.learner.soft.actor

    def _spread(self) -> Tensor:
        """Gives every contestant its weights: θ + σε, θ − σε, θ, and the learner's; returns ε (pair, parameter)."""
        config, theta = self.config, self.parent.flat
        random = generator(self.seed, "hybrid es", "noise", self.iterations)
        noise = torch.from_numpy(random.standard_normal((config.population // 2, len(theta)), np.float32))
        step = config.sigma * noise
        weights = torch.cat([theta + step, theta - step, theta[None], self.learner.soft.actor.flat[None]])
        self._contestants.load_members(weights)
        return noise

    def _walk(self, env: VectorEnv) -> Generation:
        common, other, random = (
            generator(self.seed, "hybrid es", name, self.iterations) for name in ("starts", "own starts", "explore")
        )
        starts = self._shares.starts(common, other)
        return walk(self.learner, self._contestants, env, self._shares, starts, random)

    def _swap(self, parent: NDArray[np.float64], own: NDArray[np.float64]) -> str | None:
        """Lets whoever earned more by the margin replace the other; returns who was replaced.

        What moved the one that is replaced knows nothing of the new weights: its Adam begins anew. A new actor of the
        learner stays as it is for a generation in which the critics get to know it.

        Args:
            parent, own: (lane,) rewards of parent and learner, lane by lane from the same starts.
        """
        apart = parent - own
        error = float(apart.std(ddof=1)) / math.sqrt(len(apart)) if len(apart) > 1 else math.inf
        self._held_still = max(0, self._held_still - 1)
        if -apart.mean() > self.config.margin * error:
            self.parent.flat.copy_(self.learner.soft.actor.flat)
            self._adam = VectorAdam(len(self.parent.flat))
            return "parent"
        if apart.mean() > self.config.margin * error and self.learner.soft.updates:
            self.learner.soft.replace_actor(self.parent.flat)
            self._held_still = 1
            return "learner"
        return None

    def _evolve(self, fitness: Tensor, noise: Tensor, rate: float) -> None:
        """Moves θ to where the fitter members were."""
        config, theta = self.config, self.parent.flat
        plus, minus = ops.centred_ranks(fitness).float().tensor_split(2)
        gradient = ops.evolution_gradient(plus, minus, noise, config.sigma)
        self._adam.step(theta, config.weight_decay * theta - gradient, rate)

    def _improve(self, due: int, left: float) -> dict[str, float]:
        """Makes the learner's updates that are due; returns its numbers."""
        learner, losses = self.learner, {"entropy": math.nan, "critic_loss": math.nan}
        random = generator(self.seed, "hybrid es", "updates", self.iterations)
        if learner.replay.filled >= self.config.warmup_steps:
            for first in range(0, due, _UPDATES):
                count = min(_UPDATES, due - first)
                latest, _ = learner.improve(random, count, left, moves=self._held_still == 0)
                losses = {name: latest[name] for name in losses}
        return losses

    def answers(self, rows: NDArray[np.float32], deterministic: bool) -> NDArray[Any]:
        """Returns the likeliest choices or tanh of the means; the learner, while it is ahead, draws where asked to."""
        if self.lead <= 0.0:
            return self.learner.answers(rows, deterministic)
        outputs = self.parent(self.learner.inputs(torch.from_numpy(rows).T))
        return self.learner.soft.to_env(modes(self.spec, outputs))


@final
class _Part:
    """Parts of the learner, as one part of the agent."""

    def __init__(self, learner: SAC, names: Parts) -> None:
        self._learner, self._names = learner, names

    def state(self) -> dict[str, Tensor]:
        """Returns all of them."""
        return state_of(self._learner, self._names)

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Takes them back."""
        restore_into(self._learner, self._names, state, "learner")
