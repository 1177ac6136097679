"""`SoftLearner`: an actor, twin critics of several objectives and a temperature, which learn from batches."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regimen import ops
from regimen.agents.soft.heads import ChoiceHead, Head, HeadDraw, SquashedHead, weighted
from regimen.agents.soft.settings import SoftSettings
from regimen.envs import EnvSpec
from regimen.learning import Perceptrons, RunningMoments, Trace, VectorAdam
from regimen.nets import first_weights
from regimen.stateful import parts, restore_into, state_of

_SHUT = -1e9
"""The logit of a choice that may not be made; its probability is 0."""
_NETWORKS = parts("actor", "critics", "targets", "log_temperature", "updates")
_OPTIMIZERS = parts("actor_adam", "critics_adam", "temperature_adam")


class Batches(NamedTuple):
    """Transitions of some updates, as they are learned from.

    Attributes:
        observations, successors: (update, width, batch), what the networks are given.
        actions: (update, size, batch) in [−1, 1], or (update, 1, batch) choices.
        rewards: (update, objective, batch), in the critics' units.
        discounts: (update, batch), of what follows: γ, γ to the number of steps, or 0 where nothing follows.
        weights: (update, objective, batch), the preference; None: there is one objective.
        shut: (update, choices, 2 · batch), choices that may not be made at the successors and at the observations;
            None: all may.
    """

    observations: Tensor
    successors: Tensor
    actions: Tensor
    rewards: Tensor
    discounts: Tensor
    weights: Tensor | None = None
    shut: Tensor | None = None


@final
class SoftLearner:
    """Soft actor-critic whose critics value every objective by itself; the actor follows their weighted sum.

    The goal of objective i is ``yᵢ = rᵢ + γ·(Qᵢ(x', a') − α·log π(a'|x'))``: the entropy is paid in every objective
    alike, so that the weighted sum, whose weights sum to 1, is paid it once.

    Args:
        config: its numbers.
        spec: columns and actions.
        objectives: numbers of a reward.
        seed: of the weights.

    Attributes:
        actor: one network; its output is what the head says.
        critics, targets: two networks each.
        log_temperature: (1,), log α.
        updates: of the critics so far.

    Raises:
        ConfigError: a target entropy that no policy has.

    Source: Haarnoja et al. 2018, arXiv 1812.05905; Christodoulou 2019, arXiv 1910.07207; Yang, Sun and Narasimhan 2019,
        arXiv 1908.08342, of which this is the scalarised backup.
    """

    def __init__(self, config: SoftSettings, spec: EnvSpec, objectives: int, seed: int) -> None:
        self.config, self.spec = config, spec
        choices, size = spec.choices, spec.size
        config.check_entropy(spec)
        self.head: Head = ChoiceHead(choices, objectives) if choices else SquashedHead(size, objectives)
        with first_weights(seed, "sac", "weights"):
            self.actor = Perceptrons(1, spec.width, choices or 2 * size, config.hidden, 0.01)
            seen = spec.width + (0 if choices else size)
            self.critics, self.targets = (Perceptrons(2, seen, self.head.outputs, config.hidden, 1.0) for _ in range(2))
        self.targets.flat.copy_(self.critics.flat)
        self.log_temperature, self.updates = torch.zeros(1), 0
        self.actor_adam, self.critics_adam = VectorAdam(len(self.actor.flat)), VectorAdam(len(self.critics.flat))
        self.temperature_adam = VectorAdam(1)

    def explore(self, x: Tensor, random: np.random.Generator, shut: Tensor | None = None) -> NDArray[np.float32]:
        """Returns actions (lane, size) in [−1, 1], or choices (lane, 1); uniform before the first update.

        Args:
            x: (width, lane).
            random: what is drawn comes from it.
            shut: (choices, lane) that may not be made.
        """
        lanes, choices = x.shape[-1], self.spec.choices
        if self.updates or shut is not None:
            return self.act(x, random, shut)
        if choices:
            return random.integers(0, choices, (lanes, 1)).astype(np.float32)
        return random.uniform(-1.0, 1.0, (lanes, self.spec.size)).astype(np.float32)

    def act(self, x: Tensor, random: np.random.Generator | None, shut: Tensor | None = None) -> NDArray[np.float32]:
        """Returns what the policy draws, or its mode without a generator, in the form of `explore`."""
        size, lanes = self.spec.size, x.shape[-1]
        output = self.actor(x)[0]
        if shut is not None:
            output = output.masked_fill(shut, _SHUT)
        if random is None:
            actions = output.argmax(0)[None].float() if self.spec.choices else ops.squashed_mode(output[:size])
        elif self.spec.choices:
            noise = torch.from_numpy(random.random(lanes, np.float32))
            actions = ops.categorical_sample(output.T, noise)[None].float()
        else:
            noise = torch.from_numpy(random.standard_normal((size, lanes), np.float32))
            actions = self.head.draw(output, noise).actions
        drawn: NDArray[np.float32] = actions.T.numpy()
        return drawn

    def to_env(self, actions: NDArray[np.float32]) -> NDArray[Any]:
        """Returns (lane,) int64 choices, or (lane, size) actions between the environment's bounds."""
        spec = self.spec
        if spec.choices:
            return actions[:, 0].astype(np.int64)
        middle, half = 0.5 * (spec.low + spec.high), 0.5 * (spec.high - spec.low)
        scaled: NDArray[np.float32] = np.clip(middle + half * actions, spec.low, spec.high)
        return scaled

    def update(
        self, batches: Batches, random: np.random.Generator, left: float, unit: float, actor_every: int = 1
    ) -> dict[str, float]:
        """Makes an update with each batch.

        Args:
            batches: to learn from.
            random: of the actions that are drawn anew.
            left: share of the call of learn still to come.
            unit: of the critics, in the environment's; a fixed temperature is in the environment's.
            actor_every: updates of the critics for one of actor and temperature; 0: these stay as they are.

        Returns:
            ``entropy``; ``critic_loss`` and ``value`` of the last batch, in the critics' units.
        """
        config, head, (count, _, size) = self.config, self.head, batches.observations.shape
        both = torch.cat([batches.successors, batches.observations], 2)
        noise = torch.from_numpy(random.standard_normal((count, self._numbers, 2 * size), np.float32))
        wanted, rate = self.config.entropy_at(left, self.spec), config.learning_rate * (left if config.anneal else 1.0)
        entropy, loss, value = 0.0, math.nan, math.nan
        for i in range(count):
            alpha, weights = self.alpha(unit), None if batches.weights is None else batches.weights[i]
            trace: Trace = []
            output = self.actor(both[i], trace)[0]  # of the successors, then of the states
            if batches.shut is not None:
                output = output.masked_fill(batches.shut[i], _SHUT)
            draw = head.draw(output, noise[i])
            there, here = HeadDraw(*(part[..., :size] for part in draw)), HeadDraw(*(part[..., size:] for part in draw))

            after = head.values(self.targets, batches.successors[i], there, weights)
            goals = batches.rewards[i] + batches.discounts[i] * (after - alpha * there.log_prob)
            q = head.critic_slope(self.critics, batches.observations[i], batches.actions[i], goals)
            self.critics_adam.step(self.critics.flat, self.critics.slope, rate)
            self.targets.flat.lerp_(self.critics.flat, config.tau)
            self.updates += 1

            log_prob = float(here.log_prob.mean())
            entropy -= log_prob / count
            if actor_every and self.updates % actor_every == 0:
                x = batches.observations[i]
                slope = head.actor_slope(self.critics, x, output[:, size:], noise[i, :, size:], here, alpha, weights)
                self.actor.gradients([part[..., size:] for part in trace], slope[None])
                self.actor_adam.step(self.actor.flat, self.actor.slope, rate)
                if config.temperature is None:
                    slope = torch.tensor([-log_prob - wanted])  # of `ops.sac_temperature_loss`, over α
                    self.temperature_adam.step(self.log_temperature, slope, config.temperature_rate)
            if i == count - 1:
                loss = float(0.5 * (q - goals).square().mean(2).sum())
                value = float(weighted(q, weights).mean())
        return {"entropy": entropy, "critic_loss": loss, "value": value}

    def replace_actor(self, weights: Tensor) -> None:
        """Gives the actor other weights (parameter,), and the optimisers of actor and critics nothing to remember."""
        self.actor.flat.copy_(weights)
        self.actor_adam, self.critics_adam = VectorAdam(len(self.actor.flat)), VectorAdam(len(self.critics.flat))

    def alpha(self, unit: float) -> float:
        """Returns the temperature in the critics' units, of which one is so many of the environment's."""
        fixed = self.config.temperature
        return math.exp(float(self.log_temperature)) if fixed is None else fixed / unit

    def state(self) -> dict[str, Tensor]:
        """Returns networks, temperature and count, without the optimisers."""
        return state_of(self, _NETWORKS)

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Goes on from a `state` of the same architecture."""
        restore_into(self, _NETWORKS, state, "agent")

    @property
    def weights(self) -> int:
        """Weights of actor and critics, without the targets."""
        return len(self.actor.flat) + len(self.critics.flat)

    @property
    def _numbers(self) -> int:
        """Numbers of noise that one action takes in an update: none for a choice, whose expectation is exact."""
        return 0 if self.spec.choices else self.spec.size


def network_input(observations: RunningMoments, rows: Tensor, config: SoftSettings) -> Tensor:
    """Returns what the networks are given for raw observations (..., width, batch)."""
    return observations.normalised(rows.mT, config.observation_clip, config.normalise_observations).mT
