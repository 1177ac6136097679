"""Intrinsic curiosity: the error of a forward model, in features that an inverse model has shown to matter."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regimen.envs import EnvSpec
from regimen.learning.actor_critic import perceptron
from regimen.learning.bonus.config import ICMConfig
from regimen.learning.flat import FlatAdam
from regimen.nets import first_weights
from regimen.seeding import generator
from regimen.stateful import parts, restore_into, state_of

_PARTS = parts("models", "updates", optimizer="_adam.optimizer")


@final
class ICM:
    """A bonus of η/2·‖φ̂(s′) − φ(s′)‖², where φ̂(s′) is foretold from φ(s) and the action.

    φ is trained by what it is good for: the inverse model reads from φ(s) and φ(s′) which action lay between them, so
    that what no action moves has no reason to be in φ. One loss trains all three, (1 − β)·L_inverse + β·L_forward:
    L_forward is ½‖φ̂(s′) − φ(s′)‖², L_inverse the cross-entropy of a choice, or ½‖â − a‖² of a continuous action in
    half-ranges. Nothing is divided by a running deviation: where the world is deterministic and known, the bonus is 0.

    Two deviations from the source: L_forward has no gradient through φ(s′), which could only shrink its own target; and
    the loss has no term of the policy, which learns from its rewards by itself.

    Args:
        config: its numbers.
        spec: columns and actions of the environment.
        seed: of the networks and of the order of minibatches.

    Attributes:
        models: ``encoder`` φ, ``forward_model`` and ``inverse_model``.
        updates: calls of `improve` so far.
    """

    def __init__(self, config: ICMConfig, spec: EnvSpec, seed: int) -> None:
        self.config, self.seed, self.updates, self._choices = config, seed, 0, spec.choices
        self._places = torch.tensor(config.chosen(spec))
        width, actions = config.features, spec.choices or spec.size
        with first_weights(seed, "icm", "weights"):
            self.models = nn.ModuleDict(
                {
                    "encoder": perceptron(len(self._places), width, config.hidden, "relu", 1.0),
                    "forward_model": perceptron(width + actions, width, config.hidden, "relu", 1.0),
                    "inverse_model": perceptron(2 * width, actions, config.hidden, "relu", 1.0),
                }
            )
        self._adam = FlatAdam(self.models, config.learning_rate)

    @torch.no_grad()
    def score(self, x: Tensor, actions: Tensor, successors: Tensor) -> Tensor:
        """Returns the bonus (row,) of transitions."""
        missed = self._missed(self._features(x), self._features(successors), self._taken(actions))
        return self.config.weight * missed

    @torch.enable_grad()
    def improve(self, x: Tensor, actions: Tensor, successors: Tensor) -> Mapping[str, float]:
        """Makes one pass over transitions; returns both mean errors of its minibatches, each before its own step."""
        config, rows = self.config, len(x)
        if rows == 0:
            return {"novelty": math.nan, "inverse_loss": math.nan}
        order = torch.from_numpy(generator(self.seed, "icm", "order", self.updates).permutation(rows))
        sums = torch.zeros(2)
        for chosen in order.tensor_split(-(-rows // config.minibatch_size)):
            forward, inverse = self.errors(x[chosen], actions[chosen], successors[chosen])
            loss = config.beta * forward.mean() + (1.0 - config.beta) * inverse.mean()
            self._adam.begin()
            loss.backward()  # type: ignore[no-untyped-call]
            self._adam.step(config.learning_rate, math.inf)
            sums += torch.stack([forward.detach().sum(), inverse.detach().sum()])
        self.updates += 1
        novelty, inverse_loss = (sums / rows).tolist()
        return {"novelty": novelty, "inverse_loss": inverse_loss}

    def errors(self, x: Tensor, actions: Tensor, successors: Tensor) -> tuple[Tensor, Tensor]:
        """Returns L_forward and L_inverse (row,) of transitions; see `Bonus.score`."""
        here, there, taken = self._features(x), self._features(successors), self._taken(actions)
        read = self.models["inverse_model"](torch.cat([here, there], 1))
        if self._choices:
            inverse = F.cross_entropy(read, taken.argmax(1), reduction="none")
        else:
            inverse = 0.5 * (read - taken).square().sum(1)
        return self._missed(here, there.detach(), taken), inverse

    def _missed(self, here: Tensor, there: Tensor, taken: Tensor) -> Tensor:
        foretold = self.models["forward_model"](torch.cat([here, taken], 1))
        missed: Tensor = 0.5 * (foretold - there).square().sum(1)
        return missed

    def _features(self, rows: Tensor) -> Tensor:
        features: Tensor = self.models["encoder"](rows[:, self._places])
        return features

    def _taken(self, actions: Tensor) -> Tensor:
        """Returns actions (row, number): of choices, 1 for the one that was taken; of numbers, within their bounds."""
        taken = actions.reshape(len(actions), -1)
        if self._choices:
            return F.one_hot(taken[:, 0].long(), self._choices).float()
        return taken.clamp(-1.0, 1.0)  # beyond a bound it is the bound that the environment was given

    def state(self) -> dict[str, Tensor]:
        """Returns networks and optimiser."""
        return state_of(self, _PARTS)

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Goes on from a `state`."""
        restore_into(self, _PARTS, state, "bonus")
