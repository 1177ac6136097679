"""What is asked of a classifier that goes on learning while it trades."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Learns(Protocol):
    """A classifier of rows that learns from more rows whenever there are some.

    Attributes:
        inputs: width of a row.
        schema: hash of the feature columns that the rows must have, or "" where it was built without one.
    """

    inputs: int
    schema: str

    def learn(self, rows: Floats, y: NDArray[np.integer], weights: Floats | None = None) -> None:
        """Learns from rows in their order, one after the other; in blocks of any size it ends at the same numbers.

        Args:
            rows: (n, inputs) scaled, finite.
            y: (n,) class of each, 0 SELL, 1 HOLD, 2 BUY.
            weights: (n,) of each; None: all count alike.
        """

    def predict_proba(self, x: Floats) -> Floats:
        """Returns the probabilities (n, 3) of scaled rows (n, inputs), which are finite; nothing is learned."""

    def save(self, folder: Path) -> None:
        """Writes it into a folder as data and never as code."""

    def copy(self) -> Self:
        """Returns another one that knows the same, and learns by itself from here on."""


@runtime_checkable
class Portable(Learns, Protocol):
    """One whose whole knowledge is a row of numbers, so that a policy can keep it in its memory.

    Attributes:
        numbers: (n,) float64: all that it learned.
    """

    numbers: Floats

    def at(self, numbers: Floats) -> Self:
        """Returns one that knows these numbers, and changes them in place when it learns."""
