"""What a searcher tries: light causal rules with parameters, drawn at random, of closes and nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.seeding import generator

Values = NDArray[np.float64]

SHORTEST_LOOK, LONGEST_LOOK = 3, 120
"""Bars that a rule looks back, drawn evenly on a logarithmic scale."""
_FILTER, _USUAL = 20, 250
"""Bars of the volatility of now, and of what is usual, in `_calm_momentum`."""


def _before(logs: Values, look: int) -> Values:
    earlier = np.full_like(logs, np.nan)
    earlier[look:] = logs[:-look]
    return earlier


def _mean(values: Values, look: int) -> Values:
    """(time, symbol) mean of the last ``look`` rows, NaN before there are as many; rows that are NaN make it so."""
    sums = np.cumsum(values, axis=0)
    means = np.full_like(values, np.nan)
    means[look - 1 :] = sums[look - 1 :] / look
    means[look:] -= sums[:-look] / look
    return means


def _deviation(logs: Values, look: int) -> Values:
    """(time, symbol) root mean square of the last ``look`` moves."""
    moves = np.diff(logs, axis=0, prepend=logs[:1])
    return np.sqrt(np.maximum(_mean(moves * moves, look), 0.0))


def _momentum(logs: Values, look: int) -> Values:
    return np.sign(logs - _before(logs, look))


def _reversal(logs: Values, look: int) -> Values:
    return -_momentum(logs, look)


def _crossover(logs: Values, look: int) -> Values:
    return np.sign(_mean(logs, max(look // 4, 1)) - _mean(logs, look))


def _breakout(logs: Values, look: int) -> Values:
    """Long from a close above all of the window before it on, short from one below all of it on."""
    side = np.zeros_like(logs)
    if len(logs) > look:
        windows = sliding_window_view(logs[:-1], look, axis=0)
        side[look:] = (logs[look:] > windows.max(axis=-1)) * 1.0 - (logs[look:] < windows.min(axis=-1))
    rows = np.where(side != 0.0, np.arange(len(side))[:, None], 0)
    return np.take_along_axis(side, np.maximum.accumulate(rows, axis=0), axis=0)


def _stretched(logs: Values, look: int) -> Values:
    """Against the move where the price is half a deviation or more away from its mean."""
    away = (logs - _mean(logs, look)) / (_deviation(logs, look) * math.sqrt(look) + 1e-12)
    return np.where(np.abs(away) > 0.5, -np.sign(away), 0.0)


def _calm_momentum(logs: Values, look: int) -> Values:
    volatility = _deviation(logs, _FILTER)
    usual = np.sqrt(np.maximum(_mean(np.nan_to_num(volatility) ** 2, _USUAL), 0.0))
    return np.where(volatility < usual, _momentum(logs, look), 0.0)


def _wild_reversal(logs: Values, look: int) -> Values:
    return np.where(_deviation(logs, _FILTER) > _deviation(logs, 5 * _FILTER), _reversal(logs, look), 0.0)


FAMILIES: Mapping[str, Callable[[Values, int], Values]] = {
    "momentum": _momentum,
    "reversal": _reversal,
    "crossover": _crossover,
    "breakout": _breakout,
    "stretched": _stretched,
    "calm momentum": _calm_momentum,
    "wild reversal": _wild_reversal,
}
"""Rules of (time, symbol) log closes and a number of bars; each gives −1, 0 or 1, NaN until it knows."""


@dataclass(frozen=True)
class Strategy:
    """One rule with its parameters.

    Attributes:
        family: one of `FAMILIES`.
        look: bars that it looks back.
        short: whether it goes short where it is against the market, or flat.
    """

    family: str
    look: int
    short: bool

    def targets(self, bars: Bars) -> Values:
        """Returns (time, symbol) exposures, 1 or −1 over the symbols together at most; row t uses closes up to t."""
        sides = np.nan_to_num(FAMILIES[self.family](np.log(bars.close), self.look))
        return (sides if self.short else np.maximum(sides, 0.0)) / len(bars.symbols)


def draw_strategies(count: int, seed: int, number: int) -> tuple[Strategy, ...]:
    """Returns so many different strategies; more of them begin with the same ones.

    Args:
        count: how many.
        seed, number: of the calibration and of the market in it.
    """
    random = generator(seed, "calibration", "strategies", number)
    families = tuple(FAMILIES)
    drawn: dict[Strategy, None] = {}
    while len(drawn) < count:
        look = math.exp(random.uniform(math.log(SHORTEST_LOOK), math.log(LONGEST_LOOK)))
        drawn[Strategy(families[random.integers(len(families))], round(look), bool(random.random() < 0.5))] = None
    return tuple(drawn)
