"""`SemiMarkov`: what each lane was paid since its option began, and how much what follows it is discounted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@final
class SemiMarkov:
    """Counters of lanes, each of its own option: ``Σ γⁱ·rᵢ`` over its steps so far, and ``γᵏ`` after k of them.

    The goal of an option that began at s and ended at s' after k steps is ``Σ γⁱ·rᵢ + γᵏ·max Q(s', ·)``.

    Args:
        lanes: number of them.
        width: numbers of what is seen where an option begins.
        gamma: discount of a step.

    Attributes:
        began: (lane, width) float32, what was seen where the option began.
        paid: (lane,) Σ γⁱ·rᵢ.
        discount: (lane,) γᵏ.

    Source: Sutton, Precup and Singh 1999, section 3.
    """

    def __init__(self, lanes: int, width: int, gamma: float) -> None:
        self.gamma = gamma
        self.began = np.zeros((lanes, width), np.float32)
        self.paid, self.discount = np.zeros(lanes), np.ones(lanes)

    def begin(self, lanes: NDArray[np.bool_], seen: NDArray[Any]) -> None:
        """Begins anew in lanes (lane,) that are True, at what is seen (lane, width)."""
        self.began[lanes] = seen[lanes]
        self.paid[lanes], self.discount[lanes] = 0.0, 1.0

    def add(self, rewards: NDArray[Any]) -> None:
        """Takes in a step's rewards (lane,)."""
        self.paid += self.discount * rewards
        self.discount *= self.gamma

    def state(self) -> dict[str, NDArray[Any]]:
        """Returns copies of all that changes."""
        return {"began": self.began.copy(), "paid": self.paid.copy(), "discount": self.discount.copy()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Goes on from a `state`."""
        self.began = state["began"].copy()
        self.paid, self.discount = state["paid"].copy(), state["discount"].copy()
