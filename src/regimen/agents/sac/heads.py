"""What the actor's output of soft actor-critic means, with the gradients written out."""

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

    def draw(self, output: Tensor, noise: Tensor) -> HeadDraw:
        """Returns what is drawn from outputs (outputs, batch) with noise (size, batch)."""

    def values(self, critics: Perceptrons, x: Tensor, draw: HeadDraw) -> Tensor:
        """Returns both critics' values (2, batch) of what was drawn at x (width, batch)."""

    def critic_slope(self, critics: Perceptrons, x: Tensor, actions: Tensor, targets: Tensor) -> Tensor:
        """Fills the critics' gradient of `ops.sac_critic_loss` at actions that were taken; returns Q (2, batch)."""

    def actor_slope(
        self, critics: Perceptrons, x: Tensor, output: Tensor, noise: Tensor, draw: HeadDraw, alpha: float
    ) -> Tensor:
        """Returns d `ops.sac_actor_loss` / d outputs (outputs, batch)."""


@final
class SquashedHead:
    """Continuous actions: the tanh of a Gaussian whose mean and log σ are the outputs; the critics see the action.

    log σ is held in [−10, 2]; the gradient that would carry an output further out is zero.

    Args:
        size: numbers in an action.
    """

    def __init__(self, size: int) -> None:
        self.size = size

    def draw(self, output: Tensor, noise: Tensor) -> HeadDraw:
        """Returns tanh(mean + σ·noise) and its log-density."""
        log_std = output[self.size :].clamp(LOG_STD_LOW, LOG_STD_HIGH)
        action, log_prob, _ = ops.squashed_sample(output[: self.size].T, log_std.T, noise.T)
        return HeadDraw(action.T, log_prob)

    def values(self, critics: Perceptrons, x: Tensor, draw: HeadDraw) -> Tensor:
        """Returns Q of the one action that was drawn."""
        q: Tensor = critics(torch.cat([x, draw.actions]))
        return q[:, 0]

    def critic_slope(self, critics: Perceptrons, x: Tensor, actions: Tensor, targets: Tensor) -> Tensor:
        """d/dQ = (Q − y)/batch."""
        trace: Trace = []
        q: Tensor = critics(torch.cat([x, actions]), trace)
        critics.gradients(trace, (q - targets).div_(len(targets)))
        return q[:, 0]

    def actor_slope(
        self, critics: Perceptrons, x: Tensor, output: Tensor, noise: Tensor, draw: HeadDraw, alpha: float
    ) -> Tensor:
        """With u = mean + σ·noise and a = tanh u: d/du = 2αa − (1 − a²)·∂Q/∂a, d/d log σ = σ·noise·d/du − α."""
        trace: Trace = []
        action, batch = draw.actions, x.shape[1]
        q = critics(torch.cat([x, action]), trace)
        first = q[:1] <= q[1:]
        smaller = torch.cat([first, ~first]).to(q.dtype)
        pull = critics.input_gradient(trace, smaller).sum(0)[-self.size :]
        raw = (2.0 * alpha * action - (1.0 - action.square()) * pull).div_(batch)
        log_std = output[self.size :]
        spread = log_std.clamp(LOG_STD_LOW, LOG_STD_HIGH).exp() * noise * raw - alpha / batch
        outwards = torch.where(spread > 0.0, log_std < LOG_STD_LOW, log_std > LOG_STD_HIGH)
        return torch.cat([raw, spread.masked_fill_(outwards, 0.0)])


@final
class ChoiceHead:
    """Discrete actions: the outputs are logits, the critics value every choice, and expectations are taken exactly.

    Source: Christodoulou 2019, arXiv 1910.07207.
    """

    def draw(self, output: Tensor, noise: Tensor) -> HeadDraw:
        """Returns the probabilities and minus their entropy; the noise is not needed."""
        del noise
        log_probs = F.log_softmax(output, 0)
        probs = log_probs.exp()
        return HeadDraw(probs, (probs * log_probs).sum(0))

    def values(self, critics: Perceptrons, x: Tensor, draw: HeadDraw) -> Tensor:
        """Returns Σ π·min(Q₁, Q₂), twice: the minimum is taken of each choice."""
        q: Tensor = critics(x)
        return (q.amin(0) * draw.actions).sum(0).expand(2, -1)

    def critic_slope(self, critics: Perceptrons, x: Tensor, actions: Tensor, targets: Tensor) -> Tensor:
        """d/dQ = (Q − y)/batch at the choice that was taken, 0 at the others."""
        trace: Trace = []
        q: Tensor = critics(x, trace)
        chosen = actions.long().expand(2, 1, -1)
        taken = q.gather(1, chosen)
        critics.gradients(trace, torch.zeros_like(q).scatter_(1, chosen, (taken - targets).div_(len(targets))))
        return taken[:, 0]

    def actor_slope(
        self, critics: Perceptrons, x: Tensor, output: Tensor, noise: Tensor, draw: HeadDraw, alpha: float
    ) -> Tensor:
        """With c = α·log π − min Q: d/d logits = π·(c − Σ π·c)."""
        del noise
        q: Tensor = critics(x)
        cost = alpha * F.log_softmax(output, 0) - q.amin(0)
        return draw.actions * (cost - (draw.actions * cost).sum(0)) / x.shape[1]
