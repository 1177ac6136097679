"""Time-series momentum: long what has risen over the last so many bars, short what has fallen; nothing is fitted."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

from regimen.execution import History, Moment
from regimen.jit import jit
from regimen.observation import ObservationSchema
from regimen.policies.exposure import BUY, SELL, ExposureConfig, lean
from regimen.reprs import many, short

Floats = NDArray[np.float64]


@final
class Momentum:
    """The policy of `MomentumConfig`: the sign of the trailing return, as certain as a probability of 1.

    *Timing:* decided with closes up to bar t. Bars that a symbol has not are no bars of its lookback. A split is no
    move: what is remembered is divided by its ratio. 0 until ``lookback`` earlier closes are known, and where the price
    is what it was.

    Its state is, for each symbol, how many closes it saw and the last ``lookback`` of them.

    Args:
        lookback: bars, at least 1.
        rule: how a sign becomes exposure. With a volatility target the observation has a volatility column.
    """

    def __init__(self, lookback: int, rule: ExposureConfig) -> None:
        self.lookback, self.rule = lookback, rule
        self._schema = ObservationSchema(volatility=rule.volatility_target is not None)

    def __repr__(self) -> str:
        return short(self, many(self.lookback, "bar"))

    @property
    def schema(self) -> ObservationSchema:
        """No features; the volatility where the rule aims at one."""
        return self._schema

    def initial_state(self, symbols: int) -> Floats:
        """Returns rows of zeros: no close was seen."""
        return np.zeros((symbols, 1 + self.lookback))

    def watch(self, moment: Moment, state: Floats) -> Floats:
        """Returns the state with one more close."""
        following = state.copy()
        self._signs(moment, following)
        return following

    def act(self, moment: Moment, state: Floats) -> tuple[Floats, Floats]:
        """Returns the exposures (symbol,) of symbols that each trade alone, and the state with one more close."""
        following = state.copy()
        signs = self._signs(moment, following)
        return self._sized(signs, moment.volatility), following

    def exposures(self, history: History, start: int, stop: int) -> Floats:
        """Returns the exposures (stop − start, symbol) of bars [start, stop), all at once."""
        tape, symbols = history.tape, len(history.bars.symbols)
        signs = np.zeros((stop, symbols))
        _scan(tape.closes, tape.ratios, self.initial_state(symbols), signs)
        return self._sized(signs[start:], None if history.volatility is None else history.volatility[start:stop])

    def _signs(self, moment: Moment, state: Floats) -> Floats:
        """Takes the closes of a bar into the state; returns the signs (symbol,)."""
        tape = moment.tape
        signs = np.zeros((1, len(state)))
        _scan(tape.closes[-1:], tape.ratios[-1:], state, signs)
        first: Floats = signs[0]
        return first

    def _sized(self, signs: Floats, volatility: Floats | None) -> Floats:
        certain = np.zeros((*signs.shape, 3))
        certain[..., BUY], certain[..., SELL] = signs > 0.0, signs < 0.0
        return lean(self.rule, certain, volatility if self._schema.volatility else None)


@jit
def _scan(closes: Floats, ratios: Floats, state: Floats, out: Floats) -> None:
    """Takes closes (time, symbol) into the state (symbol, 1 + lookback) ; writes a row of signs for each of ``out``."""
    lookback = state.shape[1] - 1
    for t in range(out.shape[0]):
        for s in range(out.shape[1]):
            price = closes[t, s]
            if np.isnan(price):
                continue
            if ratios.shape[0] > 0 and ratios[t, s] != 1.0:
                for k in range(1, lookback + 1):
                    state[s, k] /= ratios[t, s]
            count = int(state[s, 0])
            place = 1 + count % lookback
            if count >= lookback:
                out[t, s] = np.sign(price - state[s, place])
            state[s, place] = price
            state[s, 0] = count + 1.0
