"""A served policy inside what stood around it in training: preprocessing, intervals, a gate, a band."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import numpy as np
from numpy.typing import NDArray

from regimen.bundle.decided import Decided, Served, ServedPolicy
from regimen.execution import Moment, Policy
from regimen.observation import ObservationSchema

Floats = NDArray[np.float64]


def surrounded_by(inside: Served, details: int, around: Callable[[Policy], Policy]) -> ServedPolicy:
    """Returns ``around(inside)``, with the confidence and the details of the policy inside.

    Whatever stands around a policy keeps its own memory before the policy's. So the last columns of the whole memory
    are what the inside said last, its confidence and details; NaN for what was not said yet.

    Args:
        inside: the policy.
        details: columns of its details.
        around: puts around a policy what belongs there.
    """
    policy = around(_Remembering(inside, details))

    def says(moment: Moment, state: Floats) -> Decided:
        exposures, following = policy.act(moment, state)
        kept = following[:, following.shape[1] - details - 1 :]
        return Decided(exposures, kept[:, 0], following, kept[:, 1:])

    return ServedPolicy(policy, says)


@final
class _Remembering:
    """A served policy that keeps what it says behind its memory."""

    def __init__(self, served: Served, details: int) -> None:
        self.served, self._kept = served, details + 1

    def __repr__(self) -> str:
        return repr(self.served)

    @property
    def schema(self) -> ObservationSchema:
        return self.served.schema

    def initial_state(self, symbols: int) -> Floats:
        return self._with(self.served.initial_state(symbols), np.full((symbols, self._kept), np.nan))

    def watch(self, moment: Moment, state: Floats) -> Floats:
        return self._with(self.served.watch(moment, state[:, : -self._kept]), state[:, -self._kept :])

    def act(self, moment: Moment, state: Floats) -> tuple[Floats, Floats]:
        decided = self.served.decided(moment, state[:, : -self._kept])
        kept = np.concatenate([decided.confidence[:, None], decided.details], axis=1)
        return decided.exposures, self._with(decided.state, kept)

    def _with(self, state: Floats, kept: Floats) -> Floats:
        return np.concatenate([state, kept], axis=1)
