"""A policy that sees features as a chain of preprocessing leaves them, on a tape of bars and at one bar alike."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from regimen.execution import alone
from regimen.reprs import short

if TYPE_CHECKING:
    from regimen.execution import History, Moment, Policy
    from regimen.observation import ObservationSchema
    from regimen.preprocess import Chain

Floats = NDArray[np.float64]


def preprocessed(history: History, chain: Chain) -> History:
    """Returns bars with the features that a chain makes of those that are there; NaN without a bar."""
    if not chain:
        return history
    there = np.where(history.bars.present[..., None], history.features, np.nan)
    return replace(history, features=chain.scan(there))


@final
class Preprocessed:
    """``observation -> chain -> policy``. What it remembers is the chain's memory beside the policy's.

    Args:
        policy: sees what the chain returns.
        chain: sees the features.
    """

    def __init__(self, policy: Policy, chain: Chain) -> None:
        self.policy = policy
        self.chain = chain

    @property
    def schema(self) -> ObservationSchema:
        """That of the policy: a chain keeps the columns."""
        return self.policy.schema

    def __repr__(self) -> str:
        return short(self, repr(self.policy))

    def initial_state(self, symbols: int) -> Floats:
        """Returns the memory (symbol, memory) before the first bar."""
        return np.concatenate([np.zeros((symbols, self.chain.memory)), self.policy.initial_state(symbols)], axis=1)

    def watch(self, moment: Moment, state: Floats) -> Floats:
        """Returns the memory after a bar on which nothing is decided."""
        seen, own = self._seen(moment, state)
        return np.concatenate([own, self.policy.watch(seen, state[:, self.chain.memory :])], axis=1)

    def act(self, moment: Moment, state: Floats) -> tuple[Floats, Floats]:
        """Returns the policy's exposures (symbol,), and what is remembered."""
        seen, own = self._seen(moment, state)
        exposures, following = self.policy.act(seen, state[:, self.chain.memory :])
        return exposures, np.concatenate([own, following], axis=1)

    def exposures(self, history: History, start: int, stop: int) -> Floats:
        """Returns the exposures (stop − start, symbol) of bars [start, stop); the chain begins at the first bar."""
        return alone(self.policy, self.sight(history), start, stop)

    def sight(self, history: History) -> History:
        """Returns the history as the policy behind the chain sees it."""
        return preprocessed(history, self.chain)

    def _seen(self, moment: Moment, state: Floats) -> tuple[Moment, Floats]:
        """Returns the moment as the policy sees it, and the chain's memory after it."""
        own = state[:, : self.chain.memory].copy()
        features = np.full(moment.features.shape, np.nan)
        known = moment.present & np.isfinite(moment.features).all(axis=1)
        if known.any():
            features[known], own[known] = self.chain.step(moment.features[known], own[known])
        return moment._replace(features=features), own
