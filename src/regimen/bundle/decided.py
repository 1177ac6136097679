"""What a served policy says at one bar, and the protocol of policies that say it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol, final, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from regimen.execution import Moment, Policy
from regimen.observation import ObservationSchema
from regimen.reprs import short

Floats = NDArray[np.float64]


class Decided(NamedTuple):
    """What a served policy says at one bar.

    Attributes:
        exposures: (symbol,) each as if it traded alone, before `regimen.execution.share`.
        confidence: (symbol,) 0 to 1; NaN where nothing is seen.
        state: (symbol, memory) after the bar.
        details: (symbol, k) probabilities, logits or the action; NaN where nothing is seen.
    """

    exposures: Floats
    confidence: Floats
    state: Floats
    details: Floats


@runtime_checkable
class Served(Protocol):
    """A `regimen.execution.Policy` that also says how confident it is, and what its exposures come from."""

    @property
    def schema(self) -> ObservationSchema:
        """What it observes of each symbol."""

    def initial_state(self, symbols: int) -> Floats:
        """Returns the memory (symbol, memory) before the first bar."""

    def watch(self, moment: Moment, state: Floats) -> Floats:
        """Returns the memory after a bar on which nothing is decided."""

    def act(self, moment: Moment, state: Floats) -> tuple[Floats, Floats]:
        """Returns the exposures (symbol,) and the next state: the first and the third part of `decided`."""

    def decided(self, moment: Moment, state: Floats) -> Decided:
        """Returns what is decided at the close of a bar; see `regimen.execution.Policy.act`."""


Says = Callable[[Moment, Floats], Decided]
"""What is decided at the close of a bar, of a moment and a memory; see `Served.decided`."""


@final
class ServedPolicy:
    """A policy as it is, and a function that says what it decides and how sure it is.

    Args:
        policy: decides.
        says: what it decides; with the exposures and the memory of `Policy.act`.
    """

    def __init__(self, policy: Policy, says: Says) -> None:
        self.policy, self._says = policy, says

    def __repr__(self) -> str:
        return short(self, repr(self.policy))

    @property
    def schema(self) -> ObservationSchema:
        """What it observes of each symbol."""
        return self.policy.schema

    def initial_state(self, symbols: int) -> Floats:
        """Returns the memory (symbol, memory) before the first bar."""
        return self.policy.initial_state(symbols)

    def watch(self, moment: Moment, state: Floats) -> Floats:
        """Returns the memory after a bar on which nothing is decided."""
        return self.policy.watch(moment, state)

    def act(self, moment: Moment, state: Floats) -> tuple[Floats, Floats]:
        """Returns the exposures (symbol,) of symbols that each trade alone, and the next state."""
        return self.policy.act(moment, state)

    def decided(self, moment: Moment, state: Floats) -> Decided:
        """Returns what is decided at the close of a bar; see `Decided`."""
        return self._says(moment, state)
