"""`KalmanFilter`: the signal in each column that is behind its noise, as an extended Kalman filter estimates it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from regimen.errors import SplitError
from regimen.jit import jit, jit_step
from regimen.preprocess.fitted import State, Values

FIELDS: Final = ("mean", "scale", "first", "second", "keep", "signal", "noise", "drift")
"""Of a column: what is taken off and divided by, the two coefficients that the signal's follow, the share of their
departure that stays from row to row, and the variances of what is new in signal, noise and coefficients."""
_MEMORY: Final = 14
"""Four states, and the upper triangle of their covariance."""


@jit_step
def _begin(memory: Values, at: int, first: float, second: float, keep: float, signal: float, drift: float) -> None:
    """Writes what is known before the first row: the stationary distribution of signal and coefficients."""
    memory[at : at + _MEMORY] = 0.0
    memory[at + 2], memory[at + 3] = first, second
    variance = signal * (1.0 - second) / ((1.0 + second) * ((1.0 - second) ** 2 - first**2))
    memory[at + 4], memory[at + 5], memory[at + 8] = variance, variance * first / (1.0 - second), variance
    memory[at + 11] = memory[at + 13] = drift / (1.0 - keep**2)


@jit_step
def _advance(
    seen: float,
    memory: Values,
    at: int,
    first: float,
    second: float,
    keep: float,
    signal: float,
    noise: float,
    drift: float,
) -> tuple[float, float]:
    """Takes one standardised value into a memory; returns how far it was from its forecast, and the variance of that.

    States: the signal, the signal a row earlier, and the two coefficients a, b of ``signal' = a signal + b earlier``.
    The slope of that forecast in the four is (a, b, signal, earlier): the extended filter's linear approximation.
    """
    x, y, a, b = memory[at], memory[at + 1], memory[at + 2], memory[at + 3]
    p00, p01, p02, p03 = memory[at + 4], memory[at + 5], memory[at + 6], memory[at + 7]
    p11, p12, p13 = memory[at + 8], memory[at + 9], memory[at + 10]
    p22, p23, p33 = memory[at + 11], memory[at + 12], memory[at + 13]
    u0 = a * p00 + b * p01 + x * p02 + y * p03
    u1 = a * p01 + b * p11 + x * p12 + y * p13
    u2 = a * p02 + b * p12 + x * p22 + y * p23
    u3 = a * p03 + b * p13 + x * p23 + y * p33
    forecast, spread = a * x + b * y, a * u0 + b * u1 + x * u2 + y * u3
    y, a, b = x, first + keep * (a - first), second + keep * (b - second)
    p11, p12, p13 = p00, keep * p02, keep * p03
    p00, p01, p02, p03 = spread + signal, u0, keep * u2, keep * u3
    p22, p23, p33 = keep * keep * p22 + drift, keep * keep * p23, keep * keep * p33 + drift
    # The update, for an observation of the first state with noise.
    variance = p00 + noise
    apart, per = seen - forecast, 1.0 / variance
    g0, g1, g2, g3 = p00 * per, p01 * per, p02 * per, p03 * per
    a, b = a + g2 * apart, b + g3 * apart
    # Coefficients whose signal would grow without end are drawn back towards the fitted ones, to where it does not.
    da, db, back = a - first, b - second, 1.0
    if a + b > _EDGE:
        back = min(back, (_EDGE - first - second) / (da + db))
    if b - a > _EDGE:
        back = min(back, (_EDGE - second + first) / (db - da))
    if b < -_EDGE:
        back = min(back, (-_EDGE - second) / db)
    memory[at], memory[at + 1] = forecast + g0 * apart, y + g1 * apart
    memory[at + 2], memory[at + 3] = first + back * da, second + back * db
    rest = noise * per
    memory[at + 4], memory[at + 5], memory[at + 6], memory[at + 7] = p00 * rest, p01 * rest, p02 * rest, p03 * rest
    memory[at + 8], memory[at + 9], memory[at + 10] = p11 - g1 * p01, p12 - g1 * p02, p13 - g1 * p03
    memory[at + 11], memory[at + 12], memory[at + 13] = p22 - g2 * p02, p23 - g2 * p03, p33 - g3 * p03
    return apart, variance


_EDGE: Final = 0.9999
"""How near coefficients come to the edge of the triangle in which a signal is stationary."""


@jit
def innovations(seen: Values, starts: NDArray[np.bool_], parameters: Values) -> tuple[Values, Values, Values]:
    """Filters standardised values (row,), and begins anew where ``starts`` says so.

    Returns the filtered signal, how far each value was from its forecast, and the variance of that, each (row,).
    """
    first, second, keep, signal, noise, drift = parameters
    out, apart, variance = np.empty_like(seen), np.empty_like(seen), np.empty_like(seen)
    memory = np.zeros(_MEMORY)
    for t in range(len(seen)):
        if starts[t]:
            _begin(memory, 0, first, second, keep, signal, drift)
        apart[t], variance[t] = _advance(seen[t], memory, 0, first, second, keep, signal, noise, drift)
        out[t] = memory[0]
    return out, apart, variance


@jit_step
def _take_in(row: Values, memory: Values, out: Values, table: Values) -> None:
    """Takes a row (feature,) into a memory (1 + 14 · feature,) and writes the signal of each column."""
    begins = memory[0] == 0.0
    memory[0] = 1.0
    for j in range(len(row)):
        mean, scale, first, second, keep, signal, noise, drift = table[j]
        if noise == 0.0:
            out[j] = row[j]
            continue
        at = 1 + _MEMORY * j
        if begins:
            _begin(memory, at, first, second, keep, signal, drift)
        _advance((row[j] - mean) / scale, memory, at, first, second, keep, signal, noise, drift)
        out[j] = mean + scale * memory[at]


@jit
def _step(rows: Values, state: Values, table: Values) -> tuple[Values, Values]:
    out, following = np.empty_like(rows), state.copy()
    for i in range(rows.shape[0]):
        _take_in(rows[i], following[i], out[i], table)
    return out, following


@jit
def _scan(values: Values, table: Values) -> Values:
    times, symbols, columns = values.shape
    out = np.full((times, symbols, columns), np.nan)
    for s in range(symbols):
        memory = np.zeros(1 + _MEMORY * columns)
        for t in range(times):
            if np.isfinite(values[t, s]).all():
                _take_in(values[t, s], memory, out[t, s], table)
    return out


@final
@dataclass(frozen=True, eq=False)
class KalmanFilter:
    """See `KalmanConfig`. Row t is the estimate from rows <= t: filtered, never smoothed.

    Attributes:
        names: columns, in their order.
        table: (feature, 8): `FIELDS` of each column; one without noise passes as it is.

    Source: Kalman (1960); Ljung, Asymptotic behavior of the extended Kalman filter as a parameter estimator (1979).
    """

    names: tuple[str, ...]
    table: Values

    def __post_init__(self) -> None:
        if self.table.shape != (len(self.names), len(FIELDS)):
            raise SplitError("preprocess: kalman", f"needs a table of {len(FIELDS)} numbers a column", self.table.shape)
        self.table.flags.writeable = False

    @property
    def memory(self) -> int:
        """Whether there was a row, and for each column four states and their covariances."""
        return 1 + _MEMORY * len(self.names)

    def step(self, rows: Values, state: Values) -> tuple[Values, Values]:
        """Returns whole rows (n, feature) filtered, and the memory (n, memory) after them."""
        return _step(np.ascontiguousarray(rows), np.ascontiguousarray(state), self.table)

    def scan(self, values: Values) -> Values:
        """Returns a series (time, symbol, feature) filtered; NaN where a row is not whole."""
        return _scan(np.ascontiguousarray(values), self.table)

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Returns everything as a dict of arrays, for a file."""
        return {"names": np.array(self.names, np.str_), "table": self.table.copy()}

    @classmethod
    def from_state(cls, state: State) -> KalmanFilter:
        """Rebuilds a filter from `state`."""
        return cls(tuple(str(name) for name in state["names"]), np.array(state["table"], np.float64))


def stationary(partial: Sequence[float] | Values, share: float, spread: float, keep: float) -> Values:
    """Returns the last six of `FIELDS` for a column of variance 1.

    Args:
        partial: the signal's two partial autocorrelations, each inside (−1, 1): every such pair is stationary.
        share: of the variance that is signal, in (0, 1].
        spread: stationary standard deviation of each coefficient around its fitted value.
        keep: share of a coefficient's departure that stays from row to row.
    """
    one, two = partial
    new = share * (1.0 - one**2) * (1.0 - two**2)
    return np.array([one * (1.0 - two), two, keep, new, 1.0 - share, spread**2 * (1.0 - keep**2)])
