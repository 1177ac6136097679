"""Labels as one compiled step over bars: each is handed out at the bar at which it is known, and no earlier.

Bar c completes the labels of decisions at earlier bars; what a symbol has pending is a ring of entry prices and
volatilities. The arithmetic is that of `regimen.labels.fixed_horizon` and `regimen.labels.triple_barrier`, so the class
and the return that come out are theirs, bit for bit.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from regimen.errors import ConfigError
from regimen.jit import jit, jit_step
from regimen.labels.config import FixedHorizonConfig, LabelsConfig, TripleBarrierConfig
from regimen.labels.labels import BUY, HOLD, SELL

Floats = NDArray[np.float64]

# What is remembered of a symbol, in this order; then, for each pending decision, its entry price and its volatility.
_COUNT, _LAST, _SQUARES, _WEIGHTS, _RETURNS, _FACTOR, _HEAD = range(7)
_ENTRY, _SCALE, _PARTS = range(3)
AGE, SYMBOL, CLASS, RETURN, DUE = range(5)
"""Columns of what falls due at a bar: bars since its decision, symbol, class, forward return; and their number."""
_TIES = {"hold": HOLD, "lower": SELL, "upper": BUY}
_FIXED, _BARRIERS = range(2)


class LabelStep(NamedTuple):
    """The settings of the step, as numbers.

    Attributes:
        kind: 0: fixed horizon; 1: triple barrier.
        horizon, lag: bars that a position is held, and from its decision to its entry.
        volatility_bars: span of the trailing volatility.
        upper, lower: barriers in volatilities; of a fixed horizon both the dead band, times √horizon.
        tie: class where one bar touches both barriers.
        band: of the vertical barrier, times √horizon; negative: HOLD.
        round_trip: moves no larger than it are HOLD; negative: the class does not know of costs.
    """

    kind: int
    horizon: int
    lag: int
    volatility_bars: int
    upper: float
    lower: float
    tie: int
    band: float
    round_trip: float

    @classmethod
    def of(cls, config: LabelsConfig, round_trip: float | None = None) -> LabelStep:
        """Returns the step of a config.

        Args:
            config: of a fixed horizon or a triple barrier.
            round_trip: what buying and selling once costs, where the config says ``costs: round_trip``.

        Raises:
            ConfigError: labels by a function of all bars, which does not say when a label is known; costs that are not
                given.
        """
        if not isinstance(config, FixedHorizonConfig | TripleBarrierConfig):
            rule = "must be fixed_horizon or triple_barrier where labels come one by one: a function sees all bars"
            raise ConfigError("labels.kind", rule, config.kind)
        paid = -1.0
        if config.costs == "round_trip":
            if round_trip is None or not 0.0 <= round_trip < math.inf:
                rule = "must be a fraction of what is traded, 0 or more, with labels.costs round_trip"
                raise ConfigError("round_trip", rule, round_trip)
            paid = round_trip
        root = float(np.sqrt(config.horizon))
        settings = config.horizon, config.entry_lag, config.volatility_bars
        if isinstance(config, FixedHorizonConfig):
            band = config.dead_band * root
            return cls(_FIXED, *settings, band, band, HOLD, -1.0, paid)
        vertical = -1.0 if config.vertical_band is None else config.vertical_band * root
        return cls(_BARRIERS, *settings, config.upper, config.lower, _TIES[config.tie], vertical, paid)

    @property
    def reach(self) -> int:
        """Bars from a decision to the last one that its label may look at."""
        return self.lag + self.horizon

    @property
    def memory(self) -> int:
        """Numbers remembered of each symbol."""
        return _HEAD + _PARTS * (self.reach + 1)

    def initial_state(self, symbols: int) -> Floats:
        """Returns the memory (symbol, memory) before the first bar."""
        state = np.zeros((symbols, self.memory))
        state[:, _LAST], state[:, _FACTOR] = np.nan, 1.0
        state[:, _HEAD:] = np.nan
        return state

    def place(self, state: Floats) -> int:
        """Returns the number of bars that a state (symbol, memory) has seen, the position of the next one."""
        return int(state[0, _COUNT])

    def room(self, symbols: int) -> Floats:
        """Returns an array (most that can fall due at one bar, 4) that `push` writes into."""
        return np.empty((symbols * (self.horizon + 1), DUE))

    def push(self, prices: tuple[Floats, Floats, Floats, Floats], ratio: Floats, state: Floats, due: Floats) -> int:
        """Takes one bar into the state, in place; returns how many labels fall due with it.

        Args:
            prices: open, high, low and close, each (symbol,); NaN where a symbol has no bar.
            ratio: (symbol,) that units are multiplied by at this open (splits), or empty: no split.
            state: (symbol, memory).
            due: from `room`; its first rows are what fell due, by symbol and the oldest first.
        """
        opened, high, low, close = prices
        return int(_push(opened, high, low, close, ratio, state, *self, due))

    def skip(self, prices: tuple[Floats, Floats, Floats, Floats], ratios: Floats, state: Floats) -> None:
        """Takes bars (time, symbol) into the state, in place, and forgets what falls due with them."""
        opened, high, low, close = prices
        _skip(opened, high, low, close, ratios, state, *self, self.room(len(state)))


@jit
def _skip(
    open: Floats,
    high: Floats,
    low: Floats,
    close: Floats,
    ratios: Floats,
    state: Floats,
    kind: int,
    horizon: int,
    lag: int,
    window: int,
    upper: float,
    lower: float,
    tie: int,
    band: float,
    paid: float,
    due: Floats,
) -> None:
    for t in range(len(open)):
        for s in range(len(state)):
            ratio = ratios[t, s] if ratios.shape[0] > 0 else 1.0
            bar = open[t, s], high[t, s], low[t, s], close[t, s]
            _step(bar, ratio, state[s], kind, horizon, lag, window, upper, lower, tie, band, paid, s, due, 0)


@jit
def _push(
    open: Floats,
    high: Floats,
    low: Floats,
    close: Floats,
    ratio: Floats,
    state: Floats,
    kind: int,
    horizon: int,
    lag: int,
    window: int,
    upper: float,
    lower: float,
    tie: int,
    band: float,
    paid: float,
    due: Floats,
) -> int:
    count = 0
    for s in range(len(state)):
        split = ratio[s] if len(ratio) > 0 else 1.0
        bar = open[s], high[s], low[s], close[s]
        count = _step(bar, split, state[s], kind, horizon, lag, window, upper, lower, tie, band, paid, s, due, count)
    return count


@jit_step
def _step(
    bar: tuple[float, float, float, float],
    ratio: float,
    row: Floats,
    kind: int,
    horizon: int,
    lag: int,
    window: int,
    upper: float,
    lower: float,
    tie: int,
    band: float,
    paid: float,
    symbol: int,
    due: Floats,
    count: int,
) -> int:
    """Takes one bar of one symbol; writes what falls due behind ``count`` rows and returns how many there are then."""
    row[_FACTOR] *= ratio
    factor = row[_FACTOR]
    opened, high, low, close = bar[0] * factor, bar[1] * factor, bar[2] * factor, bar[3] * factor
    there = opened > 0.0 and low > 0.0 and close > 0.0
    there = there and max(max(opened, high), max(low, close)) < np.inf
    if not there:
        opened, high, low, close = np.nan, np.nan, np.nan, np.nan
    now = int(row[_COUNT])
    ring = lag + horizon + 1
    oldest = min(lag + horizon, now)
    # A fixed horizon looks at two bars of each decision, a barrier at all between them.
    for back in range(oldest - lag + 1 if kind == _BARRIERS else 2):
        if kind == _BARRIERS:
            age = oldest - back
        else:
            age = lag + horizon if back == 0 else lag
            if age > now:
                continue
        place = _HEAD + _PARTS * ((now - age) % ring)
        sigma = row[place + _SCALE]
        if not sigma > 0.0:
            continue
        if age == lag:
            row[place + _ENTRY] = opened
            if not opened > 0.0:
                row[place + _SCALE] = np.nan
                continue
        entry, leave, outcome = row[place + _ENTRY], opened, -1
        if kind == _FIXED:
            if age < lag + horizon:
                continue
            if leave > 0.0:
                r = leave / entry - 1.0
                threshold = upper * sigma
                outcome = 2 if r > threshold else (0 if r < -threshold else 1)
        elif age == lag + horizon:
            if leave > 0.0:
                r = leave / entry - 1.0
                outcome = 1
                if band >= 0.0:
                    outcome = 2 if r > band * sigma else (0 if r < -band * sigma else 1)
        else:
            top, bottom = entry * (1.0 + upper * sigma), entry * (1.0 - lower * sigma)
            if not (high >= top or low <= bottom):
                continue
            if leave >= top:
                outcome = 2
            elif leave <= bottom:
                outcome = 0
            elif high >= top and low <= bottom:
                outcome = tie
                leave = close if tie == 1 else (top if tie == 2 else bottom)
            elif high >= top:
                outcome, leave = 2, top
            else:
                outcome, leave = 0, bottom
        row[place + _SCALE] = np.nan
        if outcome < 0:
            continue
        r = leave / entry - 1.0
        if abs(r) <= paid:
            outcome = 1
        due[count, 0], due[count, 1], due[count, 2], due[count, 3] = age, symbol, outcome, r
        count += 1
    place = _HEAD + _PARTS * (now % ring)
    row[place + _ENTRY], row[place + _SCALE] = np.nan, _volatility(close, row, window)
    row[_COUNT] = now + 1.0
    return count


@jit_step
def _volatility(close: float, row: Floats, window: int) -> float:
    """Takes a close; returns the trailing volatility of one bar as `regimen.labels.trailing_volatility` has it."""
    if math.isnan(close):
        return np.nan
    keep, last = 1.0 - 2.0 / (window + 1.0), row[_LAST]
    if not math.isnan(last):
        r = close / last - 1.0
        row[_SQUARES] = keep * row[_SQUARES] + r * r
        row[_WEIGHTS] = keep * row[_WEIGHTS] + 1.0
        row[_RETURNS] += 1.0
    row[_LAST] = close
    return math.sqrt(row[_SQUARES] / row[_WEIGHTS]) if row[_RETURNS] >= window else np.nan
