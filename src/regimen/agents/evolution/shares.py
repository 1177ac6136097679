"""Which lanes belong to whom: every member has as many of every market, from the same starts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import numpy as np
from numpy.typing import NDArray

from regimen.envs import PossibleStarts
from regimen.errors import ConfigError

Places = slice | NDArray[np.int64]
"""Which lanes."""


@final
class Shares:
    """Lanes of one or several markets, shared out among members; what is left is at least one more share.

    Args:
        markets: the lanes, in their order.
        members: who get equal shares.

    Attributes:
        theirs: lanes of the members, member after member.
        rest: the other lanes.
        each: lanes of one member.

    Raises:
        ConfigError: fewer lanes of a market than there are members.
    """

    def __init__(self, markets: Sequence[PossibleStarts], members: int) -> None:
        self._markets, self._members = markets, members
        self._of_each = [market.lanes // (members + 1) for market in markets]
        for market, share in zip(markets, self._of_each, strict=True):
            if share < 1:
                rule = f"must be below the lanes of an actor in one market, {market.lanes}; the parent walks too"
                raise ConfigError("agents.population", rule, members)
        self.each = sum(self._of_each)
        self.theirs, self.rest = self._places()

    def starts(self, common: np.random.Generator, other: np.random.Generator) -> NDArray[np.int64]:
        """Returns bars (lane,) to start at: the members' all alike, those of the rest each its own.

        Args:
            common: draws the members' starts.
            other: draws those of the rest.
        """
        starts = []
        for market, share in zip(self._markets, self._of_each, strict=True):
            alike = np.tile(common.choice(market.bars, share), self._members)
            starts += [alike, other.choice(market.bars, market.lanes - len(alike))]
        return np.concatenate(starts)

    def _places(self) -> tuple[Places, Places]:
        if len(self._markets) == 1:
            edge = self._members * self.each
            return slice(edge), slice(edge, None)
        firsts = np.cumsum([0, *(market.lanes for market in self._markets)])
        theirs = [
            np.arange(first + m * share, first + (m + 1) * share)
            for m in range(self._members)
            for first, share in zip(firsts, self._of_each, strict=False)
        ]
        lanes = np.concatenate(theirs)
        return lanes, np.setdiff1d(np.arange(firsts[-1]), lanes)
