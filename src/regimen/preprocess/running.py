"""`RunningScaler`: each feature by the mean and deviation of its own symbol's bars so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from regimen.jit import jit
from regimen.preprocess.fitted import State, Values


@jit
def _take_in(row: Values, state: Values, out: Values, keep: float, clip: float) -> None:
    """Takes a row (feature,) into a state (1 + 3 · feature,) and writes it scaled.

    The state is the weight, then of each column its first value, the mean above it, and the squares. All is counted
    from that first value, and squares are of deviations from the mean, so that a level of 1e7 costs no digits.
    """
    columns = len(row)
    if state[0] == 0.0:
        state[1 : 1 + columns] = row
    weight = keep * state[0] + 1.0
    state[0] = weight
    for j in range(columns):
        above, at = row[j] - state[1 + j], 1 + columns + j
        apart = above - state[at]
        mean = state[at] + apart / weight
        squares = keep * state[at + columns] + apart * (above - mean)
        state[at], state[at + columns] = mean, squares
        deviation = np.sqrt(max(squares / weight, 0.0))
        scale = deviation if deviation > 1e-12 * max(abs(state[1 + j] + mean), 1e-300) else 1.0
        out[j] = min(max((above - mean) / scale, -clip), clip)


@jit
def _step(rows: Values, state: Values, keep: float, clip: float) -> tuple[Values, Values]:
    out, following = np.empty_like(rows), state.copy()
    for i in range(rows.shape[0]):
        _take_in(rows[i], following[i], out[i], keep, clip)
    return out, following


@jit
def _scan(values: Values, keep: float, clip: float) -> Values:
    times, symbols, columns = values.shape
    out = np.full((times, symbols, columns), np.nan)
    for s in range(symbols):
        state = np.zeros(1 + 3 * columns)
        for t in range(times):
            if np.isfinite(values[t, s]).all():
                _take_in(values[t, s], state, out[t, s], keep, clip)
    return out


@jit
def _last(rows: Values, keep: float) -> Values:
    """Returns the state (1 + 3 · feature,) after rows (n, feature)."""
    state, out = np.zeros(1 + 3 * rows.shape[1]), np.empty(rows.shape[1])
    for i in range(rows.shape[0]):
        _take_in(rows[i], state, out, keep, np.inf)
    return state


def merged(series: Sequence[Values], keep: float) -> tuple[Values, Values]:
    """Returns mean and scale (feature,) of several series of rows (n, feature), each forgotten at its own pace.

    Source: Chan, Golub, LeVeque, Algorithms for computing the sample variance (1983), eq. 2.1.
    """
    columns = series[0].shape[1]
    weight, mean, squares, zero = 0.0, np.zeros(columns), np.zeros(columns), np.zeros(columns)
    for rows in series:
        if len(rows):
            own, first, above, more = np.split(
                _last(np.ascontiguousarray(rows), keep), [1, 1 + columns, 1 + 2 * columns]
            )
            zero = first if weight == 0.0 else zero
            apart = (first - zero) + above - mean
            share = own[0] / (weight + own[0])
            squares = squares + more + apart * apart * weight * share
            mean, weight = mean + apart * share, weight + own[0]
    deviation = np.sqrt(squares / max(weight, 1.0))
    scale = np.where(deviation > 1e-12 * np.maximum(np.abs(zero + mean), 1e-300), deviation, 1.0)
    return zero + mean, scale


@final
@dataclass(frozen=True, eq=False)
class RunningScaler:
    """See `RunningConfig`.

    Attributes:
        names: columns, in their order.
        keep: what an earlier row's weight is multiplied by at each row.
        clip: results are cut at ± this; None for no limit.
        stopped: mean and scale (feature,) that every row is scaled by; None: those of the symbol's rows so far.

    Source: West, Updating mean and variance estimates (Communications of the ACM 22, 1979).
    """

    names: tuple[str, ...]
    keep: float
    clip: float | None
    stopped: tuple[Values, Values] | None = None

    @property
    def memory(self) -> int:
        """The weight so far, and for each column its first value, a mean and a sum of squared deviations."""
        return 0 if self.stopped is not None else 1 + 3 * len(self.names)

    def step(self, rows: Values, state: Values) -> tuple[Values, Values]:
        """Returns whole rows (n, feature) scaled, and the memory (n, memory) after them."""
        if self.stopped is not None:
            return self._scaled(rows, self.stopped), state
        return _step(np.ascontiguousarray(rows), np.ascontiguousarray(state), self.keep, self._limit)

    def scan(self, values: Values) -> Values:
        """Returns a series (time, symbol, feature) scaled; NaN where a row is not whole."""
        if self.stopped is not None:
            return np.where(np.isfinite(values).all(axis=2, keepdims=True), self._scaled(values, self.stopped), np.nan)
        return _scan(np.ascontiguousarray(values), self.keep, self._limit)

    def _scaled(self, values: Values, stopped: tuple[Values, Values]) -> Values:
        mean, scale = stopped
        return np.minimum(np.maximum((values - mean) / scale, -self._limit), self._limit)

    @property
    def _limit(self) -> float:
        return np.inf if self.clip is None else self.clip

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Returns everything as a dict of arrays, for a file."""
        clip = np.nan if self.clip is None else self.clip
        known = {} if self.stopped is None else dict(zip(("mean", "scale"), self.stopped, strict=True))
        return {"names": np.array(self.names, np.str_), "keep": np.array(self.keep), "clip": np.array(clip), **known}

    @classmethod
    def from_state(cls, state: State) -> RunningScaler:
        """Rebuilds a scaler from `state`."""
        clip = float(np.asarray(state["clip"], np.float64))
        keep = float(np.asarray(state["keep"], np.float64))
        names = tuple(str(name) for name in state["names"])
        known = "mean" in state or "scale" in state
        stopped = (np.array(state["mean"], np.float64), np.array(state["scale"], np.float64)) if known else None
        return cls(names, keep, None if np.isnan(clip) else clip, stopped)
