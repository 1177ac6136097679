"""What an action may depend on: the last observations of a lane within its episode, and how they are cut for learning.

A lane's window grows from the first observation of an episode to ``context`` observations. When the next one comes,
all but the newest ``kept`` are dropped, and it grows again. An action sees the window that ends with its observation.
So one pass of a causal network over the whole window gives every action in it what it saw when it was taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimen.errors import RunError

Rows = NDArray[np.float32]


def begin(state: Any, lanes: int, context: int, width: int) -> Rows:
    """Returns a memory of its own for each lane: what was handed over, or zeros.

    Raises:
        RunError: another shape, a number that is not finite, or no number of observations at the end.
    """
    shape = (lanes, context * width + 1)
    if state is None:
        return np.zeros(shape, np.float32)
    if np.shape(state) != shape:
        raise RunError("state", f"must be {shape} (lane, memory)", np.shape(state))
    memory = np.array(state, dtype=np.float32)
    if not np.isfinite(memory).all():
        raise RunError("state", "must be finite")
    counts = memory[:, -1]
    wrong = (counts < 0) | (counts > context) | (counts != np.floor(counts))
    if wrong.any():
        raise RunError("state", f"must end with a whole number up to {context}", float(counts[wrong][0]))
    return memory


def append(memory: Rows, rows: Rows, kept: int) -> NDArray[np.bool_]:
    """Writes a lane's next observation into its memory, in place.

    Args:
        memory: (lane, context · width + 1), the window's observations, oldest first, and zeros behind them; last, how
            many there are. A row of zeros is a fresh lane.
        rows: (lane, width).
        kept: observations that are left of a full window.

    Returns:
        The lanes (lane,) whose window was full, and has begun again with ``kept``.
    """
    lanes, width = rows.shape
    window, counts = memory[:, :-1].reshape(lanes, -1, width), memory[:, -1].astype(np.int64)
    full: NDArray[np.bool_] = counts == window.shape[1]
    if full.any():
        window[full, :kept] = window[full, window.shape[1] - kept :]
        window[full, kept:] = 0.0
        counts[full] = kept
    window[np.arange(lanes), counts] = rows
    memory[:, -1] = counts + 1
    return full


@dataclass(frozen=True, eq=False)
class LaneWindows:
    """All windows of a rollout, each observation once among the new ones of a window.

    Attributes:
        rows: (window, context), where in the table of observations each is; 0 behind the window's end.
        lengths: (window,) observations in it.
        first: (window,) how many of them are not new: seen in an earlier window or rollout.
    """

    rows: NDArray[np.int64]
    lengths: NDArray[np.int64]
    first: NDArray[np.int64]

    def new(self, windows: NDArray[np.int64], longest: int) -> NDArray[np.bool_]:
        """Returns (window, longest), where the new observations of some windows are."""
        place = np.arange(longest)
        return (place >= self.first[windows, None]) & (place < self.lengths[windows, None])


def cut(
    carried: NDArray[np.int64], ended: NDArray[np.bool_], finals: NDArray[np.int64], context: int, kept: int
) -> LaneWindows:
    """Cuts a rollout into windows.

    The table of observations holds, lane by lane in each row: ``context`` rows for the memory before the rollout (the
    first ``carried`` are used), one row for each step, one for what is seen after the last; then the final
    observations of cut episodes.

    Args:
        carried: (lane,) observations in memory when the rollout began.
        ended: (time, lane), whether the episode ended with the step.
        finals: (time, lane), number of the final observation whose value is asked for; −1: none.
        context: observations in a window, at most.
        kept: observations left of a full window.
    """
    steps, lanes = ended.shape
    pieces: list[tuple[list[int], int]] = []
    behind = (context + steps + 1) * lanes
    for lane in range(lanes):
        window = [step * lanes + lane for step in range(int(carried[lane]))]
        first = len(window)
        for step in range(steps + 1):
            last = step == steps
            asked = [(context + step) * lanes + lane]
            if not last and finals[step, lane] >= 0:
                asked.append(behind + int(finals[step, lane]))
            for row in asked:
                if len(window) == context:
                    pieces.append((window, first))
                    window = window[context - kept :]
                    first = len(window)
                window.append(row)
            if last or ended[step, lane]:
                pieces.append((window, first))
                window, first = [], 0
    pieces = [(window, first) for window, first in pieces if first < len(window)]
    rows = np.zeros((len(pieces), context), np.int64)
    for number, (window, _) in enumerate(pieces):
        rows[number, : len(window)] = window
    return LaneWindows(rows, np.array([len(window) for window, _ in pieces]), np.array([first for _, first in pieces]))
