"""Observations and answers that go with a bundle: replayed at every start, before anything is decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from regimen.bundle.graph import Asked
from regimen.bundle.parity import TOLERANCE
from regimen.errors import RunError

Floats = NDArray[np.float64]
GOLDEN = 500
"""Observations that a bundle carries, where its run has so many."""
STRETCHES = 10
"""Of bars that follow one another, so that what is remembered is replayed too."""
_ANSWERS = ("exposure", "confidence", "state", "details")


class Golden(NamedTuple):
    """What the replay at the start of a bundle showed.

    Attributes:
        observations: replayed.
        difference: largest from the answers that were written, NaN beside NaN being none.
        same_bits: whether every answer has the bits that were written; else this machine computes other ones.
    """

    observations: int
    difference: float
    same_bits: bool


def recorded(graph: Asked, rows: Floats, state: Floats) -> dict[str, Floats]:
    """Returns the file's arrays: what a graph is shown, and answers.

    Args:
        graph: is asked once a bar, for all stretches at once.
        rows: (bar, stretch, width) of stretches of bars.
        state: (stretch, memory) before the first of them.
    """
    answers = _replayed(graph, rows, state)
    return {"row": rows, "before": state, **dict(zip(_ANSWERS, answers, strict=True))}


def replay(graph: Asked, arrays: Mapping[str, Floats], name: str) -> Golden:
    """Asks a graph what `recorded` asked, and compares.

    Raises:
        RunError: an answer is another one, by more than 1e-5.
    """
    try:
        rows, state = arrays["row"], arrays["before"]
        expected = [arrays[each] for each in _ANSWERS]
    except KeyError as error:
        raise RunError(name, "must hold golden observations", str(error)) from None
    answers = _replayed(graph, rows, state)
    worst, same = 0.0, True
    for kind, ours, theirs in zip(_ANSWERS, answers, expected, strict=True):
        if ours.shape != theirs.shape:
            raise RunError(name, f"must hold answers of the shape {ours.shape}", theirs.shape)
        same = same and ours.tobytes() == theirs.tobytes()
        apart = distance(ours, theirs)
        if apart > TOLERANCE:
            rule = f"must be answered as they were at the export, within {TOLERANCE:g}: the {kind} is off by"
            raise RunError(f"{name}: golden observations", rule, apart)
        worst = max(worst, apart)
    return Golden(rows.shape[0] * rows.shape[1], worst, same)


def distance(ours: Floats, theirs: Floats) -> float:
    """Returns the largest difference of two arrays, infinite where one alone is NaN; 0 of empty ones."""
    if not ours.size:
        return 0.0
    same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    with np.errstate(invalid="ignore"):
        apart = np.abs(ours - theirs)
    return float(np.where(same, 0.0, np.where(np.isnan(apart), np.inf, apart)).max())


def _replayed(graph: Asked, rows: Floats, state: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    exposures, confidences, details = [], [], []
    for row in rows:
        exposure, confidence, state, detail = graph(np.ascontiguousarray(row), state)
        exposures.append(exposure)
        confidences.append(confidence)
        details.append(detail)
    return np.array(exposures), np.array(confidences), state, np.array(details)
