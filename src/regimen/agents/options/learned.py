"""`LearnedOptions`: options whose policy and end are networks, improved as the option-critic does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, final

import torch
import torch.nn.functional as F
from torch import Tensor

from regimen import ops
from regimen.agents.options.config import OptionsConfig
from regimen.learning import Perceptrons, Trace, VectorAdam
from regimen.nets import first_weights
from regimen.stateful import parts, restore_into, state_of

_PARTS = parts("policy", "ending", "policy_adam", "ending_adam")


class OptionSteps(NamedTuple):
    """Single steps that learned options made, in the units of the critics.

    Attributes:
        x, successors: (width, n), what networks are given.
        options: (n,) which of the learned ones, from 0.
        actions: (n,) places among the leans.
        rewards: (n,).
        discounts: (n,) γ, or 0 where nothing follows.
        here: (n,) Q of the option at x.
        stay: (n,) Q of the option at the successor.
        leave: (n,) the value of choosing anew at the successor.
    """

    x: Tensor
    successors: Tensor
    options: Tensor
    actions: Tensor
    rewards: Tensor
    discounts: Tensor
    here: Tensor
    stay: Tensor
    leave: Tensor


@final
class LearnedOptions:
    """For each option a policy over leans, and a probability of ending.

    - ∇ of the policies: ``∇log π(a|x, o)·(r + γ·U(x', o) − Q(x, o))`` with ``U = (1 − β)·Q(x', o) + β·V(x')``, and the
      entropy;
    - ∇ of the ends: ``−∇β(x', o)·(Q(x', o) − V(x') + ξ)``, ξ the price of deliberation.

    Args:
        config: its numbers.
        width: numbers of an input.
        leans: between which is chosen.
        seed: of the weights.

    Source: Bacon, Harb and Precup 2017, arXiv 1609.05140, theorems 1 and 2; Harb et al. 2018, arXiv 1709.04571, for ξ.
    """

    def __init__(self, config: OptionsConfig, width: int, leans: int, seed: int) -> None:
        self.config, self.leans = config, leans
        with first_weights(seed, "options", "learned"):
            self.policy = Perceptrons(1, width, config.learned * leans, config.inner_hidden, 0.01)
            self.ending = Perceptrons(1, width, config.learned, config.inner_hidden, 0.01)
        self.policy_adam, self.ending_adam = VectorAdam(len(self.policy.flat)), VectorAdam(len(self.ending.flat))

    def act(self, x: Tensor, options: Tensor, noise: Tensor | None) -> Tensor:
        """Returns places among the leans (n,) that options (n,) choose; by uniform noise (n,), or the likeliest."""
        logits = self._of(self.policy(x)[0], options)
        return logits.argmax(0) if noise is None else ops.categorical_sample(logits.T, noise)

    def ends(self, x: Tensor, options: Tensor, noise: Tensor | None) -> Tensor:
        """Returns whether options (n,) end at x, drawn by uniform noise (n,), or likelier than not."""
        return self.ending_probability(x, options) > (0.5 if noise is None else noise)

    def ending_probability(self, x: Tensor, options: Tensor) -> Tensor:
        """Returns β (n,)."""
        return torch.sigmoid(self.ending(x)[0].gather(0, options[None])[0])

    def learn(self, steps: OptionSteps) -> None:
        """Makes one step of Adam on each network."""
        count, config = len(steps.options), self.config
        places, each = steps.options[None], steps.actions[None]
        trace: Trace = []
        logits = self.ending(steps.successors, trace)[0]
        ending = torch.sigmoid(logits.gather(0, places)[0])
        slope = ending * (1.0 - ending) * (steps.stay - steps.leave + config.deliberation)
        slope = slope.masked_fill(steps.discounts == 0.0, 0.0) / count
        self.ending.gradients(trace, torch.zeros_like(logits).scatter_(0, places, slope[None])[None])
        self.ending_adam.step(self.ending.flat, self.ending.slope, config.inner_rate)

        after = (1.0 - ending) * steps.stay + ending * steps.leave
        advantage = steps.rewards + steps.discounts * after - steps.here
        trace = []
        output = self.policy(steps.x, trace)[0]
        log_probs = F.log_softmax(self._of(output, steps.options), 0)
        probs = log_probs.exp()
        entropy = -(probs * log_probs).sum(0)
        pull = probs * advantage + config.inner_entropy * probs * (log_probs + entropy)
        pull.scatter_add_(0, each, -advantage[None])
        whole = torch.zeros(config.learned, self.leans, count)
        whole.scatter_(0, places.expand(self.leans, -1)[None], (pull / count)[None])
        self.policy.gradients(trace, whole.view(1, -1, count))
        self.policy_adam.step(self.policy.flat, self.policy.slope, config.inner_rate)

    def state(self) -> dict[str, Tensor]:
        """Returns all that changes."""
        return state_of(self, _PARTS)

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Goes on from a `state` of the same architecture."""
        restore_into(self, _PARTS, state, "agent")

    def _of(self, output: Tensor, options: Tensor) -> Tensor:
        """Returns the logits (lean, n) of each row's own option."""
        every = output.view(-1, self.leans, output.shape[-1])
        return every.gather(0, options.expand(self.leans, -1)[None])[0]
