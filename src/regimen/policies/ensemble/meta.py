"""A policy that says whether to act on another's decision: the side is the first one's, the yes or no the second's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from regimen.errors import ConfigError
from regimen.execution import alone
from regimen.policies.exposure import BUY, SELL
from regimen.reprs import short

if TYPE_CHECKING:
    from regimen.execution import History, Moment, Policy
    from regimen.observation import ObservationSchema
    from regimen.policies.ensemble.committee import Adviser

Floats = NDArray[np.float64]
PRIMARY = "primary"
"""The column of the second model that holds what the first one would do: its exposure, with its sign."""


@final
class MetaPolicy:
    """``exposure = primary's exposure where P(acting pays) > threshold, else 0``.

    ``P = p_buy / (p_sell + p_buy)`` of the secondary, whose classes say of a decision that it paid (BUY) or lost
    (SELL). Where ``size``, the primary's exposure is multiplied by ``(P − threshold) / (1 − threshold)``: nothing at
    the threshold, all of it where the second model is certain.

    *Timing:* both decide with bars up to t. The secondary sees the same features and, as one more column, what the
    primary decides at that very bar; on bars before trading begins, on which nothing is decided, that is 0.

    It is flat where the secondary does not know (a feature that is not warm, a window that is not whole), and keeps
    (NaN) where the primary keeps. Its state (symbol, memory) is the primary's and then the secondary's.

    Args:
        primary: any policy.
        secondary: says probabilities of the primary's features and one more.
        threshold: at least 0, below 1.
        size: whether P sizes what is done too.

    Raises:
        ConfigError: a primary that reads other features than the secondary.

    Source: López de Prado, Advances in Financial Machine Learning (2018), section 3.6.
    """

    def __init__(self, primary: Policy, secondary: Adviser, threshold: float = 0.5, size: bool = False) -> None:
        self.primary, self.secondary, self.threshold, self.size = primary, secondary, threshold, size
        first, second = primary.schema, secondary.schema
        self._schema = replace(second, inputs=second.inputs - 1, volatility=first.volatility or second.volatility)
        if first.inputs:
            if first.inputs != self._schema.inputs:
                rule = f"must read the {self._schema.inputs} columns that the second model reads"
                raise ConfigError("model.primary", rule, first.inputs)
            self._schema = replace(self._schema, names=first.names)
        self._own = primary.initial_state(1).shape[1]

    def __repr__(self) -> str:
        return short(self, f"{self.primary!r} where {self.secondary!r} > {self.threshold:g}")

    @property
    def schema(self) -> ObservationSchema:
        """The features, and the volatility where one of both reads it."""
        return self._schema

    def initial_state(self, symbols: int) -> Floats:
        """Returns both memories (symbol, memory) before the first bar."""
        return np.concatenate([self.primary.initial_state(symbols), self.secondary.initial_state(symbols)], axis=1)

    def watch(self, moment: Moment, state: Floats) -> Floats:
        """Returns both memories after a bar on which nothing is decided."""
        primary, secondary = state[:, : self._own], state[:, self._own :]
        nothing = np.zeros(len(state))
        after = self.primary.watch(moment, primary), self.secondary.watch(_beside(moment, nothing), secondary)
        return np.concatenate(after, axis=1)

    def act(self, moment: Moment, state: Floats) -> tuple[Floats, Floats]:
        """Returns the exposures (symbol,) of symbols that each trade alone, and both memories."""
        own, primary = self.primary.act(moment, state[:, : self._own])
        opinion = self.secondary.opinion(_beside(moment, _shown(own)), state[:, self._own :])
        return self._acted(own, opinion.probabilities), np.concatenate([primary, opinion.state], axis=1)

    def parts(self, moment: Moment, state: Floats) -> tuple[Floats, Floats]:
        """Returns what the primary decides (symbol,), and the probability (symbol,) that acting on it pays."""
        own, _ = self.primary.act(moment, state[:, : self._own])
        opinion = self.secondary.opinion(_beside(moment, _shown(own)), state[:, self._own :])
        return own, paying_probability(opinion.probabilities)

    def exposures(self, history: History, start: int, stop: int) -> Floats:
        """Returns the exposures (stop − start, symbol) of bars [start, stop), all at once."""
        own = alone(self.primary, history, start, stop)
        column = np.zeros(history.features.shape[:2])
        column[start:stop] = _shown(own)
        features = np.concatenate([history.features, column[..., None]], axis=2)
        names = (*history.names, PRIMARY) if history.names else ()
        seen = replace(history, features=features, names=names)
        return self._acted(own, self.secondary.probabilities(seen, start, stop))

    def _acted(self, exposures: Floats, probabilities: Floats) -> Floats:
        """Returns what is left of the primary's exposures (...), given probabilities (..., 3)."""
        pays = paying_probability(probabilities)
        acts = pays > self.threshold  # false where it is NaN
        size = (pays - self.threshold) / (1.0 - self.threshold) if self.size else 1.0
        return np.where(np.isnan(exposures), np.nan, np.where(acts, exposures * size, 0.0))


def _shown(exposures: Floats) -> Floats:
    """Returns what the second model sees of the first one's exposures: 0 where it keeps what is held (NaN)."""
    return np.where(np.isnan(exposures), 0.0, exposures)


def paying_probability(probabilities: Floats) -> Floats:
    """Returns ``p_buy / (p_sell + p_buy)`` (...) of probabilities (..., 3); NaN where they are, or where both are 0."""
    pays, loses = probabilities[..., BUY], probabilities[..., SELL]
    total = pays + loses
    return np.asarray(np.divide(pays, total, out=np.full(total.shape, np.nan), where=total > 0.0))


def _beside(moment: Moment, column: Floats) -> Moment:
    """Returns the moment with one more feature (symbol,)."""
    return moment._replace(features=np.concatenate([moment.features, column[:, None]], axis=1))
