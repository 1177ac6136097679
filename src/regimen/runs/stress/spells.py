"""What a run earned where it was calm and where it was not, and in the crises that it traded through."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from regimen import metrics
from regimen.execution import Ledger
from regimen.judging import EPISODES, profit, volatility_states
from regimen.runs.prepare import Prepared
from regimen.runs.stress.result import Spell

Floats = NDArray[np.float64]


def regimes_of(prepared: Prepared, ledger: Ledger) -> tuple[Spell, ...]:
    """Returns what was earned by the volatility before each bar, as the judge sorts them.

    Timing: see `regimen.judging.market_states`. Bars of which it is not known are a regime of their own, so that the
    parts add up.

    Args:
        prepared: the bars, those before the ledger's among them.
        ledger: of all test spans.
    """
    states = volatility_states(ledger.bars, prepared.bars, ledger.market.latency_bars)
    parts = {name: states.at == number for number, name in enumerate(states.names)}
    return tuple(spell_of(name, ledger, inside) for name, inside in parts.items() if inside.any())


def episodes_of(ledger: Ledger) -> tuple[Spell, ...]:
    """Returns what was earned in the crises of `EPISODES` that the run traded through, or through a part of."""
    parts = ((episode.name, episode.holds(ledger.time)) for episode in EPISODES)
    return tuple(spell_of(name, ledger, inside) for name, inside in parts if inside.any())


def spell_of(name: str, ledger: Ledger, inside: NDArray[np.bool_]) -> Spell:
    """Returns what was earned on some bars.

    Args:
        name: what they have in common.
        ledger: the books.
        inside: (time,) which of its bars; at least one.
    """
    returns = ledger.returns[inside]
    wealth = np.concatenate(([1.0], np.cumprod(1.0 + returns)))
    days = np.datetime_as_string(ledger.time[inside][[0, -1]], unit="D")
    return Spell(
        name=name,
        bars=int(inside.sum()),
        first=str(days[0]),
        last=str(days[1]),
        pnl=profit(ledger, inside),
        earned=metrics.total_return(returns),
        market=metrics.total_return(_moves(ledger)[inside]),
        sharpe=metrics.annual_sharpe(returns, ledger.bars.periods_per_year),
        drawdown=float((1.0 - wealth / np.maximum.accumulate(wealth)).max()),
    )


def _moves(ledger: Ledger) -> Floats:
    """Returns the mean return (time,) of the symbols that are listed at a bar and had a price at the one before."""
    prices = ledger.prices
    moves = np.full(prices.shape, math.nan)
    moves[1:] = prices[1:] / prices[:-1] - 1.0
    return np.nan_to_num(_mean(np.where(ledger.bars.listed, moves, math.nan)))


def _mean(values: Floats) -> Floats:
    """Returns the mean (time,) over the symbols (time, symbol) whose value is known; NaN where none is."""
    known = np.isfinite(values)
    number = known.sum(axis=1)
    total = np.where(known, values, 0.0).sum(axis=1)
    return np.where(number > 0, total / np.maximum(number, 1), math.nan)
