"""More paths of bars to learn from; what they look like to a model is computed anew and never asserted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from regimen.bars import Bars


class Paths(Protocol):
    """A way to make bars that might have been, fitted on one training slice."""

    def bars(self, number: int, seed: int) -> Sequence[Bars]:
        """Returns so many paths; features and labels of each are computed from its bars, like those of real ones."""
