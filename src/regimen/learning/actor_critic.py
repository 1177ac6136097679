"""The networks of a policy-gradient agent, and the distribution that the actor's output means."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import final

import numpy as np
import torch
from torch import Tensor, nn

from regimen import ops
from regimen.envs import EnvSpec
from regimen.learning.dense import ACTIVATIONS, Activation, Perceptron

__all__ = ["Activation", "ActorCritic", "perceptron"]


def perceptron(inputs: int, outputs: int, hidden: Sequence[int], activation: Activation, gain: float) -> Perceptron:
    """Returns Linear, activation, …, Linear; orthogonal weights, gain √2 inside and ``gain`` in the last layer.

    No layer norm: the inputs are normalised, and in networks this small it would cost a third of the time.
    Source: Andrychowicz et al. 2021, arXiv 2006.05990, C57 (a last layer of the actor that begins near zero).
    """
    layers: list[nn.Module] = []
    widths = [inputs, *hidden]
    for before, after in itertools.pairwise(widths):
        layers += [_linear(before, after, math.sqrt(2.0)), ACTIVATIONS[activation]()]
    layers.append(_linear(widths[-1], outputs, gain))
    return Perceptron(layers, activation)


def _linear(inputs: int, outputs: int, gain: float) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    nn.init.orthogonal_(layer.weight, gain=gain)
    nn.init.zeros_(layer.bias)
    return layer


@final
class ActorCritic(nn.Module):
    """An actor and a critic that share nothing, and the distribution of actions.

    Discrete: the actor gives logits. Continuous: it gives the mean of a Gaussian whose spread ``log_std`` does not
    depend on the observation; what is drawn is a *raw* action with the density of that Gaussian, and `to_env` scales
    and clips it to the environment's bounds afterwards. So a mean beyond a bound is a firm decision for the bound,
    noise and all, which a tanh only approaches.

    Args:
        spec: of the environment.
        hidden: widths of the hidden layers of each network.
        activation: between the layers.
        log_std: where the logarithm of the spread begins, in half-widths of the action's range.
    """

    def __init__(self, spec: EnvSpec, hidden: Sequence[int], activation: Activation, log_std: float) -> None:
        super().__init__()
        self.spec = spec
        outputs = spec.choices or spec.size
        self.actor = perceptron(spec.width, outputs, hidden, activation, 0.01)
        self.critic = perceptron(spec.width, 1, hidden, activation, 1.0)
        self.value_shift: Tensor
        self.value_scale: Tensor
        self.register_buffer("value_shift", torch.zeros(()))
        self.register_buffer("value_scale", torch.ones(()))
        if spec.choices is None:
            self.log_std = nn.Parameter(torch.full((spec.size,), log_std))

    def value(self, x: Tensor) -> Tensor:
        """Returns V (...) of inputs (..., width), in the unit of the rewards."""
        return self.value_shift + self.value_scale * self.standard_value(x)

    def standard_value(self, x: Tensor) -> Tensor:
        """Returns (V − shift)/scale (...), what the critic's last layer gives and is fitted to."""
        values: Tensor = self.critic(x)
        return values[..., 0]

    @torch.no_grad()
    def follow_targets(self, targets: Tensor, share: float) -> Tensor:
        """Moves shift and scale towards the targets' mean and deviation; returns the targets in their new unit.

        The last layer is changed so that every V stays what it was. Without this, a mean of 1/(1 − γ) rewards would
        drown what tells one state from another.

        Args:
            targets: any shape, one rollout's.
            share: of the way to go; 1 takes the rollout's own mean and deviation.

        Source: van Hasselt et al. 2016, arXiv 1602.07714 (Pop-Art), proposition 1.
        """
        wide = targets.double()
        mean = self.value_shift + share * (wide.mean() - self.value_shift)
        apart = mean - self.value_shift
        variance = (1.0 - share) * (self.value_scale.square() + apart.square())
        variance = variance + share * (wide - mean).square().mean()
        scale = variance.sqrt().clamp_min(1e-6 + 1e-6 * mean.abs())
        head = self.critic[-1]
        assert isinstance(head, nn.Linear)
        head.weight.mul_(self.value_scale / scale)
        head.bias.copy_((self.value_scale * head.bias + self.value_shift - mean) / scale)
        self.value_shift.copy_(mean)
        self.value_scale.copy_(scale)
        return (targets - self.value_shift) / self.value_scale

    def sample(self, output: Tensor, noise: Tensor) -> Tensor:
        """Returns raw actions: (...) int64 from noise (...) in [0, 1), or (..., size) from standard normal noise."""
        if self.spec.choices is not None:
            return ops.categorical_sample(output, noise)
        return output + self.log_std.exp() * noise

    def draw(self, output: Tensor, random: np.random.Generator) -> Tensor:
        """Returns raw actions as `sample` does, with noise from a generator, for outputs (lane, ...)."""
        if self.spec.choices is not None:
            return self.sample(output, torch.from_numpy(random.random(len(output), np.float32)))
        return self.sample(output, torch.from_numpy(random.standard_normal((len(output), self.spec.size), np.float32)))

    def mode(self, output: Tensor) -> Tensor:
        """Returns the raw action of the deterministic policy: the most probable choice, or the mean."""
        return ops.categorical_mode(output) if self.spec.choices is not None else output

    def log_prob(self, output: Tensor, raw: Tensor) -> Tensor:
        """Returns log π(raw), (...), in nats."""
        if self.spec.choices is not None:
            return ops.categorical_log_prob(output, raw)
        return ops.gaussian_log_prob(output, self.log_std.expand_as(output), raw)

    def entropy(self, output: Tensor) -> Tensor:
        """Returns the entropy, (...), in nats."""
        if self.spec.choices is not None:
            return ops.categorical_entropy(output)
        return ops.gaussian_entropy(self.log_std.expand_as(output))

    def log_prob_and_entropy(self, output: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        """Returns `log_prob` and `entropy`."""
        return self.log_prob(output, raw), self.entropy(output)

    def to_env(self, raw: Tensor) -> Tensor:
        """Returns what the environment is given: the choice, or the raw action scaled to the bounds and clipped."""
        spec = self.spec
        if spec.choices is not None:
            return raw
        middle, half = 0.5 * (spec.low + spec.high), 0.5 * (spec.high - spec.low)
        return (middle + half * raw).clamp(spec.low, spec.high)
