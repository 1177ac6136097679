"""What of a goal in hindsight was luck: how much likelier it became with what an action happened to lead to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from regimen.envs import EnvSpec
from regimen.learning.actor_critic import perceptron
from regimen.learning.flat import FlatAdam
from regimen.learning.moments import RunningMoments
from regimen.nets import first_weights
from regimen.stateful import parts, restore_into, state_of

_PARTS = parts("models", "moments", optimizer="_adam.optimizer")
_HIDDEN, _RATE, _LARGEST = (64,), 3e-3, 8.0
OWN = 0.75
"""Share of goals in hindsight that stay an episode's own; the others are what any episode achieved, drawn at random."""


@final
class Luck:
    """Draws goals in hindsight as if what an action led to had been drawn before them, and not with them.

    A goal g in hindsight is known because of s′: given g, a draw has p(s′|s,a)·f(g|s,a,s′)/f(g|s,a) where p(s′|s,a) is
    true, f the density of goals in hindsight. In a stochastic world values are too high by that. Draws are corrected by
    w = (ρ·r(s,a) + 1 − ρ)/(ρ·r(s,a,s′) + 1 − ρ), where r = f(g|·)/f(g) and 1 − ρ a share of goals that have nothing to
    do with s′, which bounds w. In a deterministic world both r are one number and w is 1.

    Each r is the odds of a classifier that tells goals of the own episode from others'. The original goal is among what
    it sees, because what an episode achieves depends on it. Deviations from the source: it takes the densities from the
    critic and weighs losses; here classifiers give them, and draws are drawn again in proportion to w, so that an agent
    needs to know nothing of it.

    Source: Schramm et al. 2022 (USHER), arXiv 2207.01115.

    Args:
        spec: of lanes with a goal.
        seed: of the networks.

    Attributes:
        models: ``action``, which does not see s′, and ``outcome``, which does.
        moments: of what they see.
    """

    def __init__(self, spec: EnvSpec, seed: int) -> None:
        assert spec.goal is not None
        goals, self._choices, self._width = len(spec.goal.goal), spec.choices, spec.width
        actions = spec.choices or spec.size
        self._before = spec.width + actions
        with first_weights(seed, "hindsight", "weights"):
            self.models = nn.ModuleDict(
                {
                    "action": perceptron(self._before + goals, 1, _HIDDEN, "relu", 0.01),
                    "outcome": perceptron(self._before + spec.width + goals, 1, _HIDDEN, "relu", 0.01),
                }
            )
        self._adam = FlatAdam(self.models, _RATE)
        self.moments = RunningMoments(self._before + spec.width + goals)

    def corrected(
        self,
        random: np.random.Generator,
        updates: int,
        rows: NDArray[np.float32],
        goals: NDArray[np.float32],
        others: NDArray[np.float32],
        chosen: NDArray[np.bool_],
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Learns from transitions, one gradient step for each update; returns rows and goals drawn again.

        Args:
            random: decides which.
            updates: steps.
            rows: (row, 2 · width + size + 2), as a `ReplayBuffer` keeps them.
            goals: (row, goal) in hindsight.
            others: (row, goal) of other transitions.
            chosen: (row,) whether it gets a goal in hindsight; the others stay as they are.
        """
        places = np.flatnonzero(chosen)
        own, foreign = self._seen(rows[places], goals[places]), self._seen(rows[places], others[places])
        self.moments.merge(own.numpy())
        self._learn(own, foreign, updates)
        stays = random.random(len(places)) < OWN
        mixed = np.where(stays[:, None], goals[places], others[places])
        weights = self._weights(self._seen(rows[places], mixed))
        again = random.choice(len(places), len(places), p=weights / weights.sum()) if len(places) else places
        rows, goals = rows.copy(), goals.copy()
        rows[places], goals[places] = rows[places][again], mixed[again]
        return rows, goals

    def _seen(self, rows: NDArray[np.float32], goals: NDArray[np.float32]) -> Tensor:
        """Returns s, a, s′ and a goal side by side, (row, column)."""
        width, parts_of = self._width, torch.from_numpy(rows)
        actions = parts_of[:, 2 * width : -2]
        if self._choices:
            actions = F.one_hot(actions[:, 0].long(), self._choices).float()
        return torch.cat([parts_of[:, :width], actions, parts_of[:, width : 2 * width], torch.from_numpy(goals)], 1)

    def _logits(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Returns log r (row,) without and with s′."""
        x = self.moments.normalised(seen, 10.0)
        blind = torch.cat([x[:, : self._before], x[:, self._before + self._width :]], 1)
        return self.models["action"](blind)[:, 0], self.models["outcome"](x)[:, 0]

    @torch.enable_grad()
    def _learn(self, own: Tensor, foreign: Tensor, updates: int) -> None:
        for good, bad in zip(own.tensor_split(updates), foreign.tensor_split(updates), strict=True):
            if len(good) == 0:
                continue
            losses = [F.softplus(-logit).mean() for logit in self._logits(good)]
            losses += [F.softplus(logit).mean() for logit in self._logits(bad)]
            self._adam.begin()
            torch.stack(losses).sum().backward()  # type: ignore[no-untyped-call]
            self._adam.step(_RATE, math.inf)

    @torch.no_grad()
    def _weights(self, seen: Tensor) -> NDArray[np.float64]:
        blind, sighted = (
            OWN * each.double().clamp(-_LARGEST, _LARGEST).exp() + 1.0 - OWN for each in self._logits(seen)
        )
        weights: NDArray[np.float64] = (blind / sighted).numpy()
        return weights

    def state(self) -> dict[str, Tensor]:
        """Returns networks, moments and optimiser."""
        return state_of(self, _PARTS)

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Goes on from a `state`."""
        restore_into(self, _PARTS, state, "hindsight")
