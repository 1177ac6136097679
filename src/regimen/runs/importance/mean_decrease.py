"""Mean decrease of accuracy: the log loss that held out rows gain when columns are shifted in time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from regimen.metrics import benjamini_hochberg, exceedance_p, sequential_p, t_interval
from regimen.runs.importance.held_out import HeldOut
from regimen.runs.importance.importance import LEVEL, FeatureImportance

Floats = NDArray[np.float64]
_MARGIN = 2
"""How many times as many further shifts are made as the correction needs at least."""
_TOGETHER = 10
"""Shifts after which it is looked whether enough reached the loss; those behind the last that counts are dropped."""


def mean_decrease(
    kind: Literal["feature", "group"],
    moved: Mapping[str, Sequence[int]],
    parts: Sequence[HeldOut],
    shifts: int,
    tell: Callable[[str], None],
) -> list[FeatureImportance]:
    """Returns by how much the log loss rises when sets of columns are shifted, and whether by chance.

    ``rise`` is the mean over folds of (mean shifted loss - loss) / rows. The losses of one shift are added over the
    folds: ``p = (1 + #{shifted loss <= loss}) / (shifts + 1)``. A set is not shifted any more when so many
    shifts reached its loss that it cannot matter, ``p = their number / shifts so far`` above .05: no verdict is
    another by that. A set that no shift reaches is shifted on, as often as the correction for the number of sets asks
    for: 99 shifts give no p below .01, with which one feature among sixty could never pass. Each p is still reached by
    chance no more often than it says. The order of the folds is nothing.

    Args:
        kind: of the rows.
        moved: columns by name.
        parts: of all folds, in their order.
        shifts: of each set that may matter; the parts have shares for these, and for `most_shifts`.
        tell: called with what is being done, once for each set.
    """
    loss = math.fsum(part.loss for part in parts)
    losses: dict[str, Floats] = {}
    p: dict[str, float] = {}
    enough = math.floor(LEVEL * shifts) + 1
    for name, columns in moved.items():
        tell(f"shifted in time · {name}")
        losses[name] = _until(parts, columns, loss, shifts, enough)
        p[name] = sequential_p(loss, _summed(losses[name]), enough)
    unreached = [name for name, each in losses.items() if _summed(each).min() > loss]
    for name in unreached:
        wanted = _needed(len(moved), len(unreached))
        further = np.array([part.shifted(moved[name], shifts, wanted) for part in parts])
        losses[name] = np.concatenate([losses[name], further], axis=1)
        p[name] = exceedance_p(loss, _summed(losses[name]))
    q = benjamini_hochberg(np.array(list(p.values())))
    return [_row(kind, name, losses[name], parts, p[name], float(each)) for name, each in zip(moved, q, strict=True)]


def _until(parts: Sequence[HeldOut], columns: Sequence[int], loss: float, shifts: int, enough: int) -> Floats:
    """Returns the losses (fold, shift) up to the shift at which so many reached the loss, or of all shifts."""
    losses = np.empty((len(parts), 0))
    for start in range(0, shifts, _TOGETHER):
        more = [part.shifted(columns, start, min(start + _TOGETHER, shifts)) for part in parts]
        losses = np.concatenate([losses, np.array(more)], axis=1)
        reached = np.flatnonzero(_summed(losses) <= loss)
        if len(reached) >= enough:
            return losses[:, : reached[enough - 1] + 1]
    return losses


def most_shifts(count: int, shifts: int) -> int:
    """Returns how many shifts a set of columns may need, of so many sets."""
    return max(shifts, _needed(count, 1))


def _needed(count: int, unreached: int) -> int:
    """Returns the shifts after which so many of a number of p-values, not reached by any, pass the correction."""
    return math.ceil(_MARGIN * count / (LEVEL * unreached))


def _summed(losses: Floats) -> Floats:
    """Returns the sums (shift,) of losses (fold, shift), the same in any order of the folds."""
    return np.array([math.fsum(column) for column in losses.T])


def _row(
    kind: Literal["feature", "group"], name: str, losses: Floats, parts: Sequence[HeldOut], p: float, q: float
) -> FeatureImportance:
    rises = np.sort([(each.mean() - part.loss) / part.rows for each, part in zip(losses, parts, strict=True)])
    low, high = t_interval(rises)
    return FeatureImportance(kind, name, float(rises.mean()), low, high, p, q, losses.shape[1])
