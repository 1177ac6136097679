"""Random network distillation: the error of a network that learns what a random one says of observations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor

from regimen.envs import EnvSpec
from regimen.learning.actor_critic import perceptron
from regimen.learning.bonus.config import RNDConfig
from regimen.learning.flat import FlatAdam
from regimen.learning.moments import RunningMoments
from regimen.nets import first_weights
from regimen.seeding import generator
from regimen.stateful import parts, restore_into, state_of

_PARTS = parts("target", "predictor", "moments", "updates", optimizer="_adam.optimizer")


@final
class RND:
    """A bonus of ‖f̂(s′) − f(s′)‖²/σ: f is random and stays so, f̂ learns it, σ is the deviation of all errors so far.

    The mean is not taken off, so that what is known is worth nothing and nothing is worth less. Two deviations from the
    source: σ is of the errors and not of their discounted sums, and the agent's one critic values both rewards
    together, at the agent's own discount and in its own episodes.

    Args:
        config: its numbers.
        spec: columns of the environment.
        seed: of both networks and of the order of minibatches.

    Attributes:
        target, predictor: f and f̂.
        moments: of the errors.
        updates: calls of `improve` so far.
    """

    def __init__(self, config: RNDConfig, spec: EnvSpec, seed: int) -> None:
        self.config, self.seed, self.updates = config, seed, 0
        self._places = torch.tensor(config.chosen(spec))
        gain = math.sqrt(2.0)
        with first_weights(seed, "rnd", "weights"):
            self.target = perceptron(len(self._places), config.features, config.hidden, "relu", gain)
            self.predictor = perceptron(len(self._places), config.features, config.hidden, "relu", gain)
        self.target.requires_grad_(False)
        self._adam = FlatAdam(self.predictor, config.learning_rate)
        self.moments = RunningMoments(1)

    @torch.no_grad()
    def score(self, x: Tensor, actions: Tensor, successors: Tensor) -> Tensor:
        """Returns the bonus (row,) of successors (row, width); takes their errors into the deviation."""
        del x, actions
        errors = self._errors(successors[:, self._places])
        self.moments.merge(errors[:, None].numpy())
        return self.config.weight / float(self.moments.scale[0]) * errors

    @torch.enable_grad()
    def improve(self, x: Tensor, actions: Tensor, successors: Tensor) -> Mapping[str, float]:
        """Makes one pass over successors (row, width); returns the mean error before it, in deviations."""
        del x, actions
        rows, config = successors[:, self._places], self.config
        with torch.no_grad():
            novelty = float(self._errors(rows).mean() / self.moments.scale[0])
        order = torch.from_numpy(generator(self.seed, "rnd", "order", self.updates).permutation(len(rows)))
        for chosen in order.tensor_split(-(-len(rows) // config.minibatch_size)):
            self._adam.begin()
            self._errors(rows[chosen]).mean().backward()  # type: ignore[no-untyped-call]
            self._adam.step(config.learning_rate, math.inf)
        self.updates += 1
        return {"novelty": novelty}

    def _errors(self, rows: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = self.target(rows)
        errors: Tensor = (self.predictor(rows) - wanted).square().mean(-1)
        return errors

    def state(self) -> dict[str, Tensor]:
        """Returns networks, moments and optimiser."""
        return state_of(self, _PARTS)

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Goes on from a `state`."""
        restore_into(self, _PARTS, state, "bonus")
