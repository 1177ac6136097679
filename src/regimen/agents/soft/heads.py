"""What an actor's output means to critics of several objectives, weighed by a preference; gradients written out.

Critics give Q (member, objective, batch), or a Q for each choice. Of the two members the one counts whose *weighted*
sum is smaller: minima of each objective by itself would belong to no policy.
"""

from __future__ import annotations

from typing import Protocol, final

import torch
import torch.nn.functional as F
from torch import Tensor

from regimen.agents.sac.heads import LOG_STD_HIGH, LOG_STD_LOW, ChoiceHead, HeadDraw, SquashedHead
from regimen.learning import Perceptrons, Trace


class VectorHead(Protocol):
    """What the actor's output means, and how critics of several objectives look at its actions."""

    @property
    def outputs(self) -> int:
        """Numbers that a critic gives."""

    def draw(self, output: Tensor, noise: Tensor) -> HeadDraw:
        """Returns what is drawn from outputs (outputs, batch) with noise (size, batch)."""

    def values(self, critics: Perceptrons, x: Tensor, draw: HeadDraw, weights: Tensor) -> Tensor:
        """Returns the value (objective, batch) of what was drawn at x, by the member with the smaller weighted sum."""

    def critic_slope(self, critics: Perceptrons, x: Tensor, actions: Tensor, goals: Tensor) -> Tensor:
        """Fills the critics' gradient of ½·Σ mean (Q − y)² at actions that were taken.

        Args:
            critics: two of them.
            x: (width, batch).
            actions: (size, batch).
            goals: (objective, batch), y.

        Returns:
            Q (2, objective, batch) before it moves.
        """

    def actor_slope(
        self,
        critics: Perceptrons,
        x: Tensor,
        output: Tensor,
        noise: Tensor,
        draw: HeadDraw,
        alpha: float,
        weights: Tensor,
    ) -> Tensor:
        """Returns d mean(α·log π − min Σ w·Q) / d outputs (outputs, batch)."""


def _smaller(q: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Returns Σ w·Q (2, ..., batch) of q (2, objective, ..., batch), and which member's is smaller."""
    weighted = (q * weights.view(len(weights), *(1,) * (q.dim() - 3), -1)).sum(1)
    return weighted, weighted.argmin(0)


@final
class VectorChoiceHead:
    """Discrete actions: critics value every choice in every objective, and expectations are taken exactly.

    Args:
        choices: of an action.
        objectives: that are valued.
    """

    def __init__(self, choices: int, objectives: int) -> None:
        self.choices, self.objectives, self._scalar = choices, objectives, ChoiceHead()

    @property
    def outputs(self) -> int:
        """See `VectorHead.outputs`."""
        return self.choices * self.objectives

    def draw(self, output: Tensor, noise: Tensor) -> HeadDraw:
        """Returns the probabilities and minus their entropy."""
        return self._scalar.draw(output, noise)

    def values(self, critics: Perceptrons, x: Tensor, draw: HeadDraw, weights: Tensor) -> Tensor:
        """Returns Σ π·Q; the member is chosen for each choice."""
        q = self._q(critics(x))
        _, member = _smaller(q, weights)
        chosen = q.gather(0, member[None, None].expand(1, self.objectives, -1, -1))[0]
        return (chosen * draw.actions).sum(1)

    def critic_slope(self, critics: Perceptrons, x: Tensor, actions: Tensor, goals: Tensor) -> Tensor:
        """d/dQ = (Q − y)/batch at the choice that was taken, 0 at the others."""
        trace: Trace = []
        q = self._q(critics(x, trace))
        chosen = actions.long().expand(2, self.objectives, 1, -1)
        taken = q.gather(2, chosen)
        apart = (taken - goals[:, None]).div_(goals.shape[-1])
        slope = torch.zeros_like(q).scatter_(2, chosen, apart)
        critics.gradients(trace, slope.view(2, self.outputs, -1))
        return taken[:, :, 0]

    def actor_slope(
        self,
        critics: Perceptrons,
        x: Tensor,
        output: Tensor,
        noise: Tensor,
        draw: HeadDraw,
        alpha: float,
        weights: Tensor,
    ) -> Tensor:
        """With c = α·log π − min Σ w·Q: d/d logits = π·(c − Σ π·c)."""
        del noise
        weighted, _ = _smaller(self._q(critics(x)), weights)
        cost = alpha * F.log_softmax(output, 0) - weighted.amin(0)
        return draw.actions * (cost - (draw.actions * cost).sum(0)) / x.shape[1]

    def _q(self, given: Tensor) -> Tensor:
        return given.view(2, self.objectives, self.choices, -1)


@final
class VectorSquashedHead:
    """Continuous actions: the tanh of a Gaussian, as `SquashedHead` has it; critics see the action.

    Args:
        size: numbers in an action.
        objectives: that are valued.
    """

    def __init__(self, size: int, objectives: int) -> None:
        self.size, self.objectives, self._scalar = size, objectives, SquashedHead(size)

    @property
    def outputs(self) -> int:
        """See `VectorHead.outputs`."""
        return self.objectives

    def draw(self, output: Tensor, noise: Tensor) -> HeadDraw:
        """Returns tanh(mean + σ·noise) and its log-density."""
        return self._scalar.draw(output, noise)

    def values(self, critics: Perceptrons, x: Tensor, draw: HeadDraw, weights: Tensor) -> Tensor:
        """Returns Q of the one action that was drawn."""
        q: Tensor = critics(torch.cat([x, draw.actions]))
        _, member = _smaller(q, weights)
        return q.gather(0, member[None, None].expand(1, self.objectives, -1))[0]

    def critic_slope(self, critics: Perceptrons, x: Tensor, actions: Tensor, goals: Tensor) -> Tensor:
        """d/dQ = (Q − y)/batch."""
        trace: Trace = []
        q: Tensor = critics(torch.cat([x, actions]), trace)
        critics.gradients(trace, (q - goals).div_(goals.shape[-1]))
        return q

    def actor_slope(
        self,
        critics: Perceptrons,
        x: Tensor,
        output: Tensor,
        noise: Tensor,
        draw: HeadDraw,
        alpha: float,
        weights: Tensor,
    ) -> Tensor:
        """As `SquashedHead.actor_slope`, with the gradient of the smaller Σ w·Q."""
        trace: Trace = []
        action, batch = draw.actions, x.shape[1]
        q: Tensor = critics(torch.cat([x, action]), trace)
        weighted, _ = _smaller(q, weights)
        first = weighted[:1] <= weighted[1:]
        smaller = torch.cat([first, ~first]).to(q.dtype)
        pull = critics.input_gradient(trace, smaller[:, None] * weights).sum(0)[-self.size :]
        raw = (2.0 * alpha * action - (1.0 - action.square()) * pull).div_(batch)
        log_std = output[self.size :]
        spread = log_std.clamp(LOG_STD_LOW, LOG_STD_HIGH).exp() * noise * raw - alpha / batch
        outwards = torch.where(spread > 0.0, log_std < LOG_STD_LOW, log_std > LOG_STD_HIGH)
        return torch.cat([raw, spread.masked_fill_(outwards, 0.0)])
