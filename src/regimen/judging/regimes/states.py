"""In which state its market was at each bar of a ledger, as it was known when the policy decided."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from regimen import metrics
from regimen.bars import Bars
from regimen.errors import ConfigError
from regimen.judging.regimes.episodes import EPISODES

Series = NDArray[np.float64]
Places = NDArray[np.int64]

LEAST, MOST = 250, 10_000
"""Bars of the past that a rule is fitted to, at least and, for the hidden Markov model, at most: the last of them."""
_MONTH = np.timedelta64(30, "D")
_FEWEST_MOVES = 10
_CALMEST_FIRST = {2: ("calm", "turbulent"), 3: ("calm", "normal", "turbulent")}
UNKNOWN, ELSE = "not known", "all other bars"


@dataclass(frozen=True, eq=False)
class MarketStates:
    """One way to sort the bars of a ledger; each bar has one state.

    Attributes:
        kind: ``hidden_markov``, ``volatility`` or ``episodes``.
        title: what it is called on a page.
        sentence: how a bar gets its state.
        names: of the states; the last is that of the bars which none of the others has.
        at: (time,) position in ``names`` of the state of each bar.
    """

    kind: str
    title: str
    sentence: str
    names: tuple[str, ...]
    at: Places


def market_states(bars: Bars, history: Bars | None = None, lag: int = 1, states: int = 2) -> tuple[MarketStates, ...]:
    """Sorts the bars of a ledger by a hidden Markov model, by volatility and by episodes.

    They are states of the market, not of a policy: whatever trades the same bars has the same. The market's return is
    the mean over the symbols that have a price at a bar and at the one before.

    Timing: the state of bar t is what was known of bar t − ``lag``, from bars up to that one, because the policy
    decided then. What a rule is fitted to lies before as well: the rules are fitted at the first bar, or as soon as
    there are `LEAST` bars, and again with every calendar year, on what was known when its first bar was decided.
    Episodes have names because of how they ended, and nobody knew them at the time.

    Args:
        bars: of the ledger.
        history: bars that hold these and those before them, on one clock; None knows of no bars before.
        lag: bars from a decision to its fill, ``latency_bars`` of the market.
        states: of the hidden Markov model: 2 or 3.

    Returns:
        by the hidden Markov model, by the terciles of the volatility before the bar, and by episode where a bar lies in
        one.

    Raises:
        ConfigError: a history that does not hold the bars; another number of states; a lag below 1.
    """
    if states not in _CALMEST_FIRST:
        raise ConfigError("states", "must be 2 or 3", states)
    past = _past(bars, history, lag)
    hidden = np.full(len(bars), states)
    for first, last, at in _hidden(past.moves, past.stretches, lag, states):
        hidden[first - past.begin : last - past.begin] = at
    by_model = MarketStates(
        "hidden_markov",
        "Hidden Markov states",
        f"A Gaussian hidden Markov model of {states} states of the market's return, the calmest first, fitted to "
        f"the last {MOST:,} bars before each calendar year; a bar has the state that was the most likely, given "
        "the bars up to the decision.",
        (*_CALMEST_FIRST[states], UNKNOWN),
        hidden,
    )
    episodes = _episodes(bars)
    sorted_ = by_model, _by_volatility(past, lag)
    return sorted_ if episodes is None else (*sorted_, episodes)


def volatility_states(bars: Bars, history: Bars | None = None, lag: int = 1) -> MarketStates:
    """Sorts the bars of a ledger by the terciles of the volatility before them alone; see `market_states`."""
    return _by_volatility(_past(bars, history, lag), lag)


class _Past(NamedTuple):
    """What the rules know: the market's return over each bar up to the ledger's last, and when they are fitted."""

    moves: Series
    time: NDArray[np.datetime64]
    begin: int
    stretches: list[tuple[int, int]]


def _past(bars: Bars, history: Bars | None, lag: int) -> _Past:
    history = bars if history is None else history
    if lag < 1:
        raise ConfigError("lag", "must be at least 1: a decision is filled at the next bar or later", lag)
    begin = int(np.searchsorted(history.time, bars.time[0]))
    end = begin + len(bars)
    if not np.array_equal(history.time[begin:end], bars.time):
        raise ConfigError("history", "must hold the bars of the ledger", f"{len(history)} bars of {history.source}")
    moves, time = _moves(history)[:end], history.time[:end]
    return _Past(moves, time, begin, list(_stretches(time, moves, begin, lag)))


def _by_volatility(past: _Past, lag: int) -> MarketStates:
    terciles = np.full(len(past.time) - past.begin, len(_CALMEST_FIRST[3]))
    for first, last, at in _terciles(_volatility(past.moves, past.time), past.stretches, lag):
        terciles[first - past.begin : last - past.begin] = at
    return MarketStates(
        "volatility",
        "Volatility before the bar",
        "Realised volatility of the thirty days up to the decision, against its terciles in all bars before each "
        "calendar year.",
        (*_CALMEST_FIRST[3], UNKNOWN),
        terciles,
    )


def market_moves(bars: Bars) -> Series:
    """Returns the market's return (time,) over each bar, the mean over its symbols; 0 where no symbol has one."""
    return np.nan_to_num(_moves(bars))


def _moves(bars: Bars) -> Series:
    """The same, NaN where no symbol has a price at the bar and an earlier one."""
    prices = bars.close * bars.extras["adjustment"] if "adjustment" in bars.extras else bars.close
    total, number = np.zeros(len(bars)), np.zeros(len(bars))
    for symbol in range(prices.shape[1]):
        there = np.flatnonzero(np.isfinite(prices[:, symbol]) & (prices[:, symbol] > 0.0))
        values = prices[there, symbol]
        total[there[1:]] += values[1:] / values[:-1] - 1.0
        number[there[1:]] += 1
    mean: Series = np.divide(total, number, out=np.full(len(bars), np.nan), where=number > 0)
    return mean


def _stretches(time: NDArray[np.datetime64], moves: Series, begin: int, lag: int) -> Iterator[tuple[int, int]]:
    """The stretches [first, last) of the ledger's bars on which one fit holds: from the first fit, calendar years."""
    enough = np.flatnonzero(np.cumsum(np.isfinite(moves)) >= LEAST)
    if not len(enough):
        return
    first = max(begin, int(enough[0]) + lag)
    year = time.astype("datetime64[Y]")
    turns = np.flatnonzero(year[1:] != year[:-1]) + 1
    yield from pairwise([first, *(int(turn) for turn in turns if turn > first), len(time)] if first < len(time) else [])


def _hidden(
    moves: Series, stretches: list[tuple[int, int]], lag: int, states: int
) -> Iterator[tuple[int, int, Places]]:
    """The most likely state of the bars of each stretch; what is fitted begins with the fit of the stretch before."""
    model: metrics.GaussianHMM | None = None
    for first, last in stretches:
        known = np.flatnonzero(np.isfinite(moves[: first - lag + 1]))[-MOST:]
        if metrics.deviation(moves[known]) > 0.0:
            model = metrics.fit_gaussian_hmm(moves[known], states, begin=model)
        if model is not None:
            origin = int(known[0])
            yield first, last, model.filtered(moves[origin : last - lag])[first - lag - origin :].argmax(axis=1)


def _terciles(volatility: Series, stretches: list[tuple[int, int]], lag: int) -> Iterator[tuple[int, int, Places]]:
    """The tercile of the bars of each stretch in what was known before it."""
    for first, last in stretches:
        before, now = volatility[: first - lag + 1], volatility[first - lag : last - lag]
        before = before[np.isfinite(before)]
        if len(before) >= LEAST:
            place = np.searchsorted(np.quantile(before, [1 / 3, 2 / 3]), now)
            yield first, last, np.where(np.isfinite(now), place, len(_CALMEST_FIRST[3]))


def _volatility(moves: Series, time: NDArray[np.datetime64]) -> Series:
    """Root of the mean square (time,) of the market's returns over thirty days; NaN before they have passed."""
    known = np.isfinite(moves)
    squares = np.concatenate(([0.0], np.cumsum(np.where(known, moves, 0.0) ** 2)))
    numbers = np.concatenate(([0], np.cumsum(known)))
    from_ = np.searchsorted(time, time - _MONTH, side="right")
    number = numbers[1:] - numbers[from_]
    warm = (time - time[0] >= _MONTH) & (number >= _FEWEST_MOVES)
    mean = np.maximum(squares[1:] - squares[from_], 0.0) / np.maximum(number, 1)
    return np.where(warm, np.sqrt(mean), np.nan)


def _episodes(bars: Bars) -> MarketStates | None:
    names: list[str] = []
    sources: list[str] = []
    at = np.full(len(bars), -1)
    for episode in EPISODES:
        inside = episode.holds(bars.time)
        if inside.any():
            at[inside] = len(names)
            names.append(episode.name)
            sources.append(f"{episode.name}: {episode.first} to {episode.last}, {episode.source}")
    if not names:
        return None
    at[at < 0] = len(names)
    return MarketStates("episodes", "Named episodes", f"By date. {'; '.join(sources)}.", (*names, ELSE), at)
