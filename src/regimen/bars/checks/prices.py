"""The checks of price moves: bad ticks, splits, re-listed symbols, ranges and moves far outside the series' own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from regimen.bars.bars import PRICES
from regimen.bars.checks.jumps import CERTAIN, IMPOSSIBLE, LARGE, Jumps, relisted_rows
from regimen.bars.checks.moves import Moves
from regimen.bars.checks.ordered import Ordered
from regimen.bars.checks.report import Finding
from regimen.bars.config import DataConfig
from regimen.spans import in_words

WICK = 1.0
"""Log distance of high or low from open and close, also over 20 usual moves, above which a bar is shown."""
RANGE = 50.0
"""High over low above which it is always shown."""


def price_findings(rows: Ordered, config: DataConfig) -> Iterator[Finding | None]:
    """Yields what the moves of the prices show."""
    jumps = Jumps.of(rows, config)
    yield _relisted(jumps, config)
    yield _bad_ticks(jumps, config)
    yield _splits(jumps, config)
    yield _unexplained(jumps, config)
    yield _wide_ranges(jumps.moves)
    yield _extreme_moves(jumps.moves)


def _bad_ticks(jumps: Jumps, config: DataConfig) -> Finding | None:
    """Rows whose price leaves the rows beside it and is back within a few."""
    if config.repairs.bad_ticks == "keep" or not jumps.ticks.any():
        return None
    beside = jumps.ticks | np.concatenate(([False], jumps.ticks[:-1]))
    largest = np.exp(np.abs(jumps.moves.between[beside]).max())
    sentence = f"{{count}} row(s) stand alone, up to x{largest:.4g} away from the rows before and after"
    repair = "" if len(jumps.unexplained) else "data.repairs.bad_ticks=drop"
    return jumps.moves.rows.find("bad_ticks", "refuse", jumps.ticks, sentence, repair)


def _splits(jumps: Jumps, config: DataConfig) -> Finding | None:
    """Jumps by the ratio of a split: prices that were not adjusted.

    They refuse the data when one is beyond what a market does between two bars, and in calendars with sessions
    (stocks) also when one is 2:1 or more; else they warn.
    """
    if config.repairs.splits == "keep" or len(jumps.splits) == 0:
        return None
    shown = ", ".join(_words(ratio) for ratio in jumps.ratios[:5])
    sentence = f"{{count}} jump(s) look like splits ({shown}{', ...' if len(jumps.splits) > 5 else ''})"
    largest = np.abs(np.log(jumps.ratios)).max()
    refused = largest > (CERTAIN if jumps.moves.rows.calendar.name == "sessions" else IMPOSSIBLE)
    repair = "" if len(jumps.unexplained) else "data.adjust=... or data.repairs.splits=adjust"
    repair = _adjusted_closes(jumps.steady, jumps.splits) or repair
    return jumps.steady.rows.find("splits", "refuse" if refused else "warn", jumps.splits, sentence, repair)


def _words(ratio: float) -> str:
    value, turned = (ratio, False) if ratio >= 1 else (1 / ratio, True)
    old = next(old for old in (1, 2, 3, 4) if abs(value * old - round(value * old)) < 1e-6)
    new = round(value * old)
    return f"{old}:{new}" if turned else f"{new}:{old}"


def _unexplained(jumps: Jumps, config: DataConfig) -> Finding | None:
    """Jumps between two bars that are beyond any market, or that go back and forth."""
    if config.repairs.jumps == "keep" or len(jumps.unexplained) == 0:
        return None
    sizes = jumps.steady.between[jumps.unexplained]
    shown = ", ".join(f"{'x' if size > 0 else '/'}{np.exp(abs(size)):.4g}" for size in sizes[:5])
    shown += ", ..." if len(sizes) > 5 else ""
    if jumps.in_turn:
        sentence = f"{{count}} jump(s) between two bars, up and down in turn ({shown}): the adjustment or unit flips"
    else:
        sentence = (
            f"{{count}} jump(s) between two bars that neither a hole nor trading explains ({shown}): a split, "
            "or two assets in one series; set data.adjust to the factors"
        )
    repair = _adjusted_closes(jumps.steady, jumps.unexplained)
    return jumps.steady.rows.find("jumps", "refuse", jumps.unexplained, sentence, repair)


def _adjusted_closes(moves: Moves, at: NDArray[np.intp]) -> str:
    """Returns the option that reads the file's adjusted closes where they pass over every jump."""
    columns = moves.rows.columns
    if "adj_close" not in columns or "adjustment" in columns:
        return ""
    step = np.log(columns["adj_close"][at] / columns["adj_close"][at - 1])
    within = moves.closed[at] - moves.opened[at]
    return "data.adjust=adj_close" if (np.abs(step - within) < LARGE).all() else ""


def _relisted(jumps: Jumps, config: DataConfig) -> Finding | None:
    """A hole and then another price level: probably another asset under the same name."""
    moves = jumps.moves
    at = relisted_rows(moves)
    if config.repairs.relisted == "keep" or len(at) == 0:
        return None
    worst = at[np.abs(moves.between[at]).argmax()]
    hole = in_words(int(moves.rows.time[worst] - moves.rows.time[worst - 1]))
    before = moves.rows.columns["close"][worst - 1]
    after = moves.rows.columns["close" if moves.closes_only else "open"][worst]
    sentence = f"{{count}} restart(s) after a hole of {hole} at another price ({before:g}, then {after:g})"
    return moves.rows.find("relisted", "refuse", at, sentence, "data.repairs.relisted=cut_before|cut_after")


def wide_rows(moves: Moves) -> NDArray[np.intp]:
    """Returns the rows whose high or low is far from open and close (`WICK`), or from each other (`RANGE`)."""
    columns = moves.rows.columns
    at = np.flatnonzero(columns["high"] > np.exp(WICK) * columns["low"])
    opened, high, low, close = (columns[name][at] for name in PRICES)
    wick = np.maximum(high / np.maximum(opened, close), np.minimum(opened, close) / low)
    usual = moves.usual_beside(at)
    return at[(np.log(wick) > np.maximum(WICK, 20 * usual)) | (high > RANGE * low)]


def _wide_ranges(moves: Moves) -> Finding | None:
    """Bars with a high or a low far outside everything beside them."""
    if moves.closes_only:  # their range is the move itself
        return None
    at = wide_rows(moves)
    if len(at) == 0:
        return None
    largest = (moves.rows.columns["high"][at] / moves.rows.columns["low"][at]).max()
    sentence = f"{{count}} bar(s) reach far beyond open and close; the widest has a high of {largest:.4g} x its low"
    return moves.rows.find("wide_ranges", "warn", at, sentence, "data.repairs.wide_ranges=narrow")


def _extreme_moves(moves: Moves) -> Finding | None:
    """Moves above 20 % that are also more than 20 times the usual one."""
    at = np.flatnonzero(np.abs(moves.whole) > LARGE)
    if len(at) == 0:
        return None
    at = at[np.abs(moves.whole[at]) > 20 * moves.usual(at)]
    if len(at) == 0:
        return None
    largest = moves.whole[at][np.abs(moves.whole[at]).argmax()]
    sentence = f"{{count}} move(s) above 20 % are over 20 times the usual; the largest is {np.expm1(largest):+.0%}"
    return moves.rows.find("extreme_moves", "warn", at, sentence)
