"""What an actor's output means to critics of several objectives, weighed by a preference; gradients written out.

Critics give Q (member, objective, batch), or a Q for each choice. Of the two members the one counts whose *weighted*
sum is smaller: minima of each objective by itself would belong to no policy. One objective needs no weights: None.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol, final

import torch
import torch.nn.functional as F
from torch import Tensor

from regimen import ops
from regimen.learning import Perceptrons, Trace

LOG_STD_LOW, LOG_STD_HIGH = -10.0, 2.0


class HeadDraw(NamedTuple):
    """What a head makes of the actor's output, for as many rows as that has.

    Attributes:
        actions: (size, batch) in [−1, 1]; of choices, their probabilities (choices, batch).
        log_prob: (batch,), of the actions; of choices, its expectation, minus the entropy.
    """

    actions: Tensor
    log_prob: Tensor


class Head(Protocol):
    """What the actor's output means, and how the critics look at its actions."""

    @property
    def outputs(self) -> int:
        """Numbers that a critic gives."""

    def draw(self, output: Tensor, noise: Tensor) -> HeadDraw:
        """Returns what is drawn from outputs (outputs, batch) with noise (size, batch)."""

    def values(self, critics: Perceptrons, x: Tensor, draw: HeadDraw, weights: Tensor | None = None) -> Tensor:
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
        weights: Tensor | None = None,
    ) -> Tensor:
        """Returns d mean(α·log π − min Σ w·Q) / d outputs (outputs, batch)."""


def weighted(q: Tensor, weights: Tensor | None) -> Tensor:
    """Returns Σ w·Q (2, ..., batch) of q (2, objective, ..., batch) and weights (objective, batch)."""
    return q[:, 0] if weights is None else (q * weights.view(len(weights), *(1,) * (q.dim() - 3), -1)).sum(1)


def _smaller(q: Tensor, weights: Tensor | None) -> Tensor:
    """Returns Q (objective, ..., batch) of the member whose weighted sum is smaller."""
    if weights is None:
        return q.amin(0)
    member = weighted(q, weights).argmin(0)
    return q.gather(0, member[None, None].expand(1, *q.shape[1:]))[0]


@final
class ChoiceHead:
    """Discrete actions: outputs are logits, critics value every choice in every objective, expectations are exact.

    Args:
        choices: of an action.
        objectives: that are valued.

    Source: Christodoulou 2019, arXiv 1910.07207.
    """

    def __init__(self, choices: int, objectives: int = 1) -> None:
        self.choices, self.objectives = choices, objectives

    @property
    def outputs(self) -> int:
        """See `Head.outputs`."""
        return self.choices * self.objectives

    def draw(self, output: Tensor, noise: Tensor) -> HeadDraw:
        """Returns the probabilities and minus their entropy; the noise is not needed."""
        del noise
        log_probs = F.log_softmax(output, 0)
        probs = log_probs.exp()
        return HeadDraw(probs, (probs * log_probs).sum(0))

    def values(self, critics: Perceptrons, x: Tensor, draw: HeadDraw, weights: Tensor | None = None) -> Tensor:
        """Returns Σ π·Q; the member is chosen for each choice."""
        return (_smaller(self._q(critics(x)), weights) * draw.actions).sum(1)

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
        weights: Tensor | None = None,
    ) -> Tensor:
        """With c = α·log π − min Σ w·Q: d/d logits = π·(c − Σ π·c)."""
        del noise
        cost = alpha * F.log_softmax(output, 0) - weighted(self._q(critics(x)), weights).amin(0)
        return draw.actions * (cost - (draw.actions * cost).sum(0)) / x.shape[1]

    def _q(self, given: Tensor) -> Tensor:
        return given.view(2, self.objectives, self.choices, -1)


@final
class SquashedHead:
    """Continuous actions: the tanh of a Gaussian whose mean and log σ are the outputs; critics see the action.

    log σ is held in [−10, 2]; the gradient that would carry an output further out is zero.

    Args:
        size: numbers in an action.
        objectives: that are valued.
    """

    def __init__(self, size: int, objectives: int = 1) -> None:
        self.size, self.objectives = size, objectives

    @property
    def outputs(self) -> int:
        """See `Head.outputs`."""
        return self.objectives

    def draw(self, output: Tensor, noise: Tensor) -> HeadDraw:
        """Returns tanh(mean + σ·noise) and its log-density."""
        log_std = output[self.size :].clamp(LOG_STD_LOW, LOG_STD_HIGH)
        action, log_prob, _ = ops.squashed_sample(output[: self.size].T, log_std.T, noise.T)
        return HeadDraw(action.T, log_prob)

    def values(self, critics: Perceptrons, x: Tensor, draw: HeadDraw, weights: Tensor | None = None) -> Tensor:
        """Returns Q of the one action that was drawn."""
        return _smaller(critics(torch.cat([x, draw.actions])), weights)

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
        weights: Tensor | None = None,
    ) -> Tensor:
        """With u = mean + σ·noise, a = tanh u and Q = Σ w·Q of the smaller member.

        d/du = 2αa − (1 − a²)·∂Q/∂a, and d/d log σ = σ·noise·d/du − α.
        """
        trace: Trace = []
        action, batch = draw.actions, x.shape[1]
        q = weighted(critics(torch.cat([x, action]), trace), weights)
        first = q[:1] <= q[1:]
        smaller = torch.cat([first, ~first]).to(q.dtype)[:, None]
        pull = critics.input_gradient(trace, smaller if weights is None else smaller * weights).sum(0)[-self.size :]
        raw = (2.0 * alpha * action - (1.0 - action.square()) * pull).div_(batch)
        log_std = output[self.size :]
        spread = log_std.clamp(LOG_STD_LOW, LOG_STD_HIGH).exp() * noise * raw - alpha / batch
        outwards = torch.where(spread > 0.0, log_std < LOG_STD_LOW, log_std > LOG_STD_HIGH)
        return torch.cat([raw, spread.masked_fill_(outwards, 0.0)])
