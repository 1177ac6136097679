"""The checks of price moves: splits, re-listed symbols, moves far outside the series' own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regimen.bars.calendar import DAY
from regimen.bars.config import DataConfig
from regimen.bars.ordered import Ordered
from regimen.bars.report import Finding
from regimen.bars.spans import spoken

RATIOS = (1.5, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 25, 28, 30, 40, 50, 100, 1000)
"""Splits that happen: n new units for one, or one for n (1.5 is 3 for 2)."""
LARGE = 0.18
"""Log move below which nothing is looked at: 20 %."""
RELISTED = 1.0
"""Log level change over a hole that says another asset."""


def _moves(rows: Ordered) -> tuple[Ordered, NDArray[np.float64]]:
    """Returns the usable rows and their log move from the close before (0 at the start of a symbol)."""
    good = rows.good_only()
    price = good.columns["close"]
    if "adjustment" in good.columns:
        price = price * good.columns["adjustment"]
    move = np.zeros(len(price))
    if len(price) > 1:
        logs = np.log(price)
        move[1:] = np.where(good.same, logs[1:] - logs[:-1], 0.0)
    return good, np.where(np.isfinite(move), move, 0.0)


def _over_night(good: Ordered, at: NDArray[np.intp], config: DataConfig) -> NDArray[np.float64]:
    """Adjusted log move from the close before to this open; to this close where there are only closes."""
    if config.close_only:
        return np.asarray(_moves(good)[1][at])
    opened, close = good.columns["open"][at], good.columns["close"][at - 1]
    if "adjustment" in good.columns:
        opened = opened * good.columns["adjustment"][at]
        close = close * good.columns["adjustment"][at - 1]
    return np.asarray(np.log(opened / close))


def split_ratios(rows: Ordered, config: DataConfig) -> tuple[Ordered, NDArray[np.intp], NDArray[np.float64]]:
    """Returns rows that look like splits, and for each the new units for one old unit.

    A split happens between two bars: the open stands within 6 % (3 % for 3:2) of the last close divided by n,
    or multiplied by it; the bar itself moves by less than 15 %; the next bar does not take it back, nor does it
    take back the bar before (a bad tick); the move is more than 8 times the usual one; and no more money than 1.5
    times the most of the 20 bars before changed hands, as it would on a day of bad news.
    """
    good, move = _moves(rows)
    at = np.flatnonzero(np.abs(move) > LARGE)
    if config.repairs.relisted != "keep":
        at = at[~_is_relisted(good, at, config)]
    if len(at) == 0:
        return good, at, np.empty(0)
    jump = _over_night(good, at, config)
    candidates = np.log(np.array(RATIOS))
    distance = np.abs(np.abs(jump)[:, None] - candidates[None, :])
    nearest = distance.argmin(axis=1)
    close_enough = distance.min(axis=1) < np.where(nearest == 0, 0.03, 0.06)
    inside = np.abs(move[at] - jump) < 0.15
    following = np.minimum(at + 1, len(move) - 1)
    back = (following > at) & (move[following] * move[at] < 0) & (np.abs(move[following]) > 0.5 * np.abs(move[at]))
    before = move[at - 1]
    back |= (before * move[at] < 0) & (np.abs(before) > 0.5 * np.abs(move[at]))
    found = close_enough & inside & ~back & _quiet(good, at) & (np.abs(move[at]) > 8 * _usual(good, move, at))
    ratio = np.where(jump < 0, np.exp(candidates[nearest]), np.exp(-candidates[nearest]))
    return good, at[found], ratio[found]


def _quiet(good: Ordered, at: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Whether price × volume is at most 1.5 times the most of the 20 rows before; true without volumes."""
    money = good.columns["close"] * good.columns["volume"]
    before = at[:, None] - np.arange(1, 21)[None, :]
    mine = (before >= 0) & (good.symbol[np.maximum(before, 0)] == good.symbol[at][:, None])
    most = np.fmax.reduce(np.where(mine, money[np.maximum(before, 0)], np.nan), axis=1)
    return np.asarray(~(money[at] > 1.5 * most) | (most == 0))


def _usual(good: Ordered, move: NDArray[np.float64], at: NDArray[np.intp]) -> NDArray[np.float64]:
    """Robust standard deviation (1.4826 × median of absolute moves that are not 0) of each row's symbol."""
    result = np.empty(len(at))
    for code in np.unique(good.symbol[at]):
        first, last = np.searchsorted(good.symbol, [code, code + 1])
        sizes = np.abs(move[first:last])
        sizes = sizes[sizes > 0]
        result[good.symbol[at] == code] = 1.4826 * np.median(sizes) if len(sizes) else np.inf
    return result


def splits(rows: Ordered, config: DataConfig) -> Finding | None:
    """Jumps between two bars by a ratio of small whole numbers: prices that were not adjusted.

    They refuse the data of calendars with sessions (stocks). They only warn where trading never stops, and
    when all of them are 3:2, which bad news makes as well.
    """
    if config.repairs.splits == "keep":
        return None
    good, at, ratio = split_ratios(rows, config)
    if len(at) == 0:
        return None
    shown = ", ".join(_words(value) for value in ratio[:5])
    sentence = f"{{count}} jump(s) look like splits ({shown}{', ...' if len(at) > 5 else ''})"
    certain = good.calendar.name == "sessions" and bool((np.abs(np.log(ratio)) > 0.5).any())
    severity = "refuse" if certain else "warn"
    return good.find("splits", severity, at, sentence, "data.adjust=... or data.repairs.splits=adjust|keep")


def _words(ratio: float) -> str:
    value, turned = (ratio, False) if ratio >= 1 else (1 / ratio, True)
    new, old = ("3", "2") if abs(value - 1.5) < 0.01 else (f"{value:.0f}", "1")
    return f"{old}:{new}" if turned else f"{new}:{old}"


def extreme_moves(rows: Ordered, _config: DataConfig) -> Finding | None:
    """Moves above 20 % that are also more than 20 times the usual one."""
    good, move = _moves(rows)
    at = np.flatnonzero(np.abs(move) > LARGE)
    if len(at) == 0:
        return None
    at = at[np.abs(move[at]) > 20 * _usual(good, move, at)]
    if len(at) == 0:
        return None
    largest = move[at][np.abs(move[at]).argmax()]
    sentence = f"{{count}} move(s) above 20 % are over 20 times the usual; the largest is {np.expm1(largest):+.0%}"
    return good.find("extreme_moves", "warn", at, sentence)


def _is_relisted(good: Ordered, at: NDArray[np.intp], config: DataConfig) -> NDArray[np.bool_]:
    """Whether a row follows a hole at another price level.

    The hole is over 3 days in 24/7 data and over 10 otherwise; the level changes by more than 1 in logs.
    """
    if len(at) == 0:
        return np.zeros(0, dtype=np.bool_)
    least = (3 if good.calendar.name == "24/7" else 10) * DAY
    hole = good.time[at] - good.time[at - 1] > max(least, 2 * good.bar_length)
    return np.asarray(hole & (np.abs(_over_night(good, at, config)) > RELISTED))


def relisted_rows(rows: Ordered, config: DataConfig) -> tuple[Ordered, NDArray[np.intp]]:
    """Returns the rows at which a symbol starts again as something else."""
    good, move = _moves(rows)
    at = np.flatnonzero(np.abs(move) > LARGE)
    return good, at[_is_relisted(good, at, config)]


def relisted(rows: Ordered, config: DataConfig) -> Finding | None:
    """A hole and then another price level: probably another asset under the same name."""
    if config.repairs.relisted == "keep":
        return None
    good, at = relisted_rows(rows, config)
    if len(at) == 0:
        return None
    worst = at[np.abs(_over_night(good, at, config)).argmax()]
    hole = spoken(int(good.time[worst] - good.time[worst - 1]))
    before, after = (
        good.columns["close"][worst - 1],
        good.columns["close" if config.close_only else "open"][worst],
    )
    sentence = f"{{count}} restart(s) after a hole of {hole} at another price ({before:g}, then {after:g})"
    return good.find("relisted", "refuse", at, sentence, "data.repairs.relisted=cut_before|cut_after|keep")
