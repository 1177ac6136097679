"""`Bonus`: what an agent asks of whatever pays for novelty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from regimen.stateful import Stateful

if TYPE_CHECKING:
    from torch import Tensor


class Bonus(Stateful, Protocol):
    """Novelty of transitions. All rows are what the networks see; an end in ruin has no successor and is left out."""

    def score(self, x: Tensor, actions: Tensor, successors: Tensor) -> Tensor:
        """Returns what each transition (row,) is paid, at least 0, in the rewards' unit.

        Args:
            x: (row, width) where it was acted.
            actions: (row, ...) as they were drawn.
            successors: (row, width) what was seen next; of an episode that was cut, its own last observation.
        """

    def improve(self, x: Tensor, actions: Tensor, successors: Tensor) -> Mapping[str, float]:
        """Learns from transitions, which are less of a novelty afterwards; returns numbers of an iteration."""
