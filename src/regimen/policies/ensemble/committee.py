"""What members say of a bar, averaged: probabilities first, and one exposure from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray

from regimen.execution import History, Moment, Policy
from regimen.observation import ObservationSchema
from regimen.policies.calibration import Calibration
from regimen.policies.classifier import Opinion
from regimen.policies.ensemble.memory import Memories
from regimen.policies.exposure import ExposureRule
from regimen.reprs import short

Floats = NDArray[np.float64]


class Adviser(Policy, Protocol):
    """A policy whose exposure comes from probabilities; `regimen.policies.ClassifierPolicy` is one."""

    def opinion(self, moment: Moment, state: Floats) -> Opinion:
        """Returns the probabilities (symbol, 3) of a bar, NaN where they are not known."""

    def probabilities(self, history: History, start: int, stop: int) -> Floats:
        """Returns the probabilities (stop − start, symbol, 3) of many bars."""


class Blend(Protocol):
    """How the members' probabilities become one row of them."""

    def blended(self, opinions: Sequence[Floats]) -> Floats:
        """Returns probabilities (..., 3) from those (..., 3) of each member; NaN where one of them is not known."""

    def counted(self, members: int) -> Floats:
        """Returns how much each of so many members counts, (member,)."""


class Average:
    """``p = (1/K) Σ_k p_k``."""

    def blended(self, opinions: Sequence[Floats]) -> Floats:
        """Returns the mean (..., 3) of the members' probabilities (..., 3)."""
        total = opinions[0].copy()
        for each in opinions[1:]:  # one after the other: a row has the bits that it has among many
            total += each
        return total / len(opinions)

    def counted(self, members: int) -> Floats:
        """Returns equal weights (member,)."""
        return np.full(members, 1.0 / members)


class CalibratedBlend:
    """``members -> blend -> calibration``: members that are right on average are too careful together, and the like.

    Ranjan and Gneiting, "Combining probability forecasts" (2010): the mean of calibrated forecasts is not calibrated.
    """

    def __init__(self, below: Blend, calibration: Calibration) -> None:
        self.below, self.calibration = below, calibration

    def blended(self, opinions: Sequence[Floats]) -> Floats:
        """Returns the calibrated probabilities (..., 3) of those (..., 3) of each member."""
        together = self.below.blended(opinions)
        return self.calibration(together.reshape(-1, 3)).reshape(together.shape)

    def counted(self, members: int) -> Floats:
        """Returns the weights (member,) of the blend below."""
        return self.below.counted(members)


@final
class Committee:
    """``members -> probabilities -> blend -> exposure rule``; it says probabilities itself.

    It knows a bar when all members do: a sequence model that has not seen a whole window yet keeps the committee flat.
    Its memory is the members' side by side.

    Args:
        members: policies that say probabilities of the same features.
        rule: turns the blended probabilities into exposure.
        blend: how they become one row; by default the mean.
        titles: what the members are called.

    Raises:
        ConfigError: no members, or members that read other features.
    """

    def __init__(
        self,
        members: Sequence[Adviser],
        rule: ExposureRule,
        blend: Blend | None = None,
        titles: Sequence[str] = (),
    ) -> None:
        self.members, self.rule, self.titles = tuple(members), rule, tuple(titles)
        self.blend = blend or Average()
        self._memories = Memories(self.members)

    def __repr__(self) -> str:
        return short(self, f"{', '.join(self.titles) or len(self.members)}; {self.rule!r}")

    @property
    def schema(self) -> ObservationSchema:
        """What the members observe, and the volatility where the rule aims at one."""
        return self._memories.schema

    def initial_state(self, symbols: int) -> Floats:
        """Returns the members' memories (symbol, memory) before the first bar."""
        return self._memories.initial(symbols)

    def watch(self, moment: Moment, state: Floats) -> Floats:
        """Returns the memories after a bar on which nothing is decided."""
        return self._memories.watch(moment, state)

    def opinion(self, moment: Moment, state: Floats) -> Opinion:
        """Returns what the committee says of a bar, the volatility where its rule aims at one, and the memories."""
        each = zip(self.members, self._memories.columns, strict=True)
        opinions = [member.opinion(moment, state[:, own]) for member, own in each]
        memories = np.concatenate([one.state for one in opinions], axis=1)
        return Opinion(self.blend.blended([one.probabilities for one in opinions]), opinions[0].volatility, memories)

    def act(self, moment: Moment, state: Floats) -> tuple[Floats, Floats]:
        """Returns the exposures (symbol,) of symbols that each trade alone, and the memories."""
        answer = self.opinion(moment, state)
        return self.rule.exposures(answer.probabilities, answer.volatility), answer.state

    def exposures(self, history: History, start: int, stop: int) -> Floats:
        """Returns the exposures (stop − start, symbol) of bars [start, stop), all at once."""
        volatility = None
        if self.schema.volatility and history.volatility is not None:
            volatility = history.volatility[start:stop]
        return self.rule.exposures(self.probabilities(history, start, stop), volatility)

    def probabilities(self, history: History, start: int, stop: int) -> Floats:
        """Returns what the exposures come from, (stop − start, symbol, 3); NaN where a member does not know."""
        return self.blend.blended([member.probabilities(history, start, stop) for member in self.members])
