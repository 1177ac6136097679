"""The clipped update of a policy and a critic that share nothing, of all agents that learn from rollouts with one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regimen import ops
from regimen.learning.actor_critic import ActorCritic
from regimen.learning.agent import Agent, require_finite
from regimen.learning.flat import FlatAdam, SideBySide
from regimen.learning.on_policy import iteration_numbers, minibatches
from regimen.learning.settings import ClippedSettings


@final
class ClippedUpdate:
    """Gradient steps of an actor, whose ratios to the policy before stay in a band, and of a critic.

    Args:
        config: its numbers.
        network: actor and critic.
        adam: moves them.

    Source: Schulman et al. 2017, arXiv 1707.06347.
    """

    def __init__(self, config: ClippedSettings, network: ActorCritic, adam: FlatAdam) -> None:
        self.config, self.network, self.adam = config, network, adam

    def epochs(
        self,
        agent: Agent,
        batch: Sequence[Tensor],
        explained: float,
        rate: float,
        both: SideBySide,
        order: Callable[[int], np.random.Generator],
    ) -> dict[str, float]:
        """Makes all passes over a batch; returns the numbers of the iteration.

        Args:
            agent: is named where a loss is not finite.
            batch: (row, ...) each: inputs, raw actions, their log-probabilities in nats before the update, advantages,
                and targets in the critic's own unit.
            explained: variance of the targets that the critic explained before.
            rate: of Adam.
            both: calls two functions side by side.
            order: draws an epoch's minibatches.

        Raises:
            RunError: a loss that is not finite.
        """
        losses: list[float] = []
        norms: list[float] = []
        size = self.config.minibatch(len(batch[0]))
        for epoch in range(self.config.epochs):
            clipped: list[float] = []
            for x, raw, old, advantage, target in minibatches(order(epoch), batch, size):
                self.adam.begin()
                (policy_loss, surrogate), value_loss = both(
                    self.actor_gradient, (x, raw, old, advantage), self.critic_gradient, (x, target)
                )
                losses.append(policy_loss + value_loss)
                require_finite(agent, losses[-1], epoch)
                norms.append(self.adam.step(rate, self.config.gradient_clip))
                clipped.append(float(surrogate.clip_fraction))
        return iteration_numbers(float(surrogate.approximate_kl), clipped, explained, losses, rate, norms)

    def actor_gradient(self, x: Tensor, raw: Tensor, old: Tensor, advantage: Tensor) -> tuple[float, ops.Surrogate]:
        """Adds the gradient of one minibatch's policy loss to the actor's; returns the loss."""
        config, network = self.config, self.network
        output = network.actor(x)
        surrogate = ops.clipped_surrogate(
            network.log_prob(output, raw), old, ops.normalise_advantages(advantage), config.clip
        )
        loss = surrogate.loss
        if config.entropy_coefficient > 0.0:
            loss = loss + config.entropy_coefficient * ops.entropy_loss(network.entropy(output))
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach()), surrogate

    def critic_gradient(self, x: Tensor, target: Tensor) -> float:
        """Adds the gradient of one minibatch's value loss to the critic's; returns the loss."""
        loss = self.config.value_coefficient * ops.value_loss(self.network.standard_value(x), target)
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    @torch.no_grad()
    def chances(self, output: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        """Returns log-probabilities of raw actions and entropies, (...), in nats."""
        return self.network.log_prob_and_entropy(output, raw)

    @torch.no_grad()
    def values(self, x: Tensor) -> NDArray[np.float32]:
        """Returns V (...) of inputs (..., width), in the unit of the rewards."""
        return self.network.value(x).numpy()
