"""More paths of bars to learn from; what they look like to a model is computed anew and never asserted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.errors import SplitError
from regimen.splits import Slice


class Path(NamedTuple):
    """Bars that might have been, at the times of the training slice.

    Attributes:
        bars: as long as the slice.
        learned: (time,) bool: the bars whose rows are learned from; None: all. The others are real bars, there only so
            that features have a past and labels a future.
    """

    bars: Bars
    learned: NDArray[np.bool_] | None = None


class Paths(Protocol):
    """A way to make bars that might have been, fitted on one training slice."""

    def paths(self, seed: int) -> Sequence[Path]:
        """Returns the paths of a seed; features and labels are computed from their bars, like those of real ones."""


def bars_of_training(bars: Bars, part: Slice, warmup: int = 0) -> Bars:
    """Returns the bars of a training slice, as features see them; no bar outside of it is read.

    Args:
        bars: the whole series; adjusted prices where it has an adjustment.
        part: a slice of role ``train``.
        warmup: bars at the start of a path, which has no past, whose features are not known.

    Raises:
        SplitError: anything but a training slice, or one of fewer than two bars after the warm-up.
    """
    if part.role != "train":
        raise SplitError("augment.fit", "must see the training slice only", part.role)
    if part.stop - part.start - warmup < 2:
        raise SplitError(
            "augment.fit", f"needs at least {warmup + 2:,} bars to learn from paths", part.stop - part.start
        )
    own = bars.window(part.start, part.stop)
    return own.adjusted() if "adjustment" in own.extras else own
