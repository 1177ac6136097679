"""What a simulated feed and its operators send: bars on time, late, twice, out of order, wrong or never, and words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from regimen.live.events import Word
from regimen.live.setup import Setup

if TYPE_CHECKING:
    from numpy.random import Generator

Floats = NDArray[np.float64]
_SECOND, _MINUTE = 1_000_000_000, 60_000_000_000
_BEGIN = 1_704_067_200_000_000_000
"""The stamp of the first bar: 2024-01-01."""
WATCHED = 24
"""Bars at the beginning that only warm up."""
_JUMP = 0.4
_WRONG = ("torn", "text", "negative", "crossed", "huge", "stranger", "empty", "column", "future", "between")


class Post(NamedTuple):
    """Something that reaches the desk.

    Attributes:
        order: when it is sent, nanoseconds since 1970.
        at: the same by the desk's clock, which may be an hour wrong.
        time: start of the bar; 0 of a word.
        content: JSON of the bar; empty of a word.
        sort: what it is.
        word: of the operator.
    """

    order: int
    at: int
    time: int
    content: bytes
    sort: Literal["bar", "wrong", "word"]
    word: Word = "halt"


def drawn_posts(random: Generator, setup: Setup, days: int, *, calm: bool = False) -> list[Post]:
    """Returns what reaches the desk in so many days, in the order of sending.

    Args:
        random: draws it.
        setup: of the account.
        days: of the market, of hourly bars.
        calm: no operator speaks, no bar is late, and the clock is right; bars still come twice, wrong or never.
    """
    hours, symbols = 24 * days, len(setup.symbols)
    rows = _market(random, hours, symbols)
    clock = np.zeros(hours, np.int64) if calm else _clock(random, hours)
    silent = _stretches(random, hours, 0.002, 9)
    posts: list[Post] = []

    def send(t: int, delay: float, content: bytes, sort: Literal["bar", "wrong", "word"], word: Word = "halt") -> None:
        order = _BEGIN + (t + 1) * setup.bar_length + int(delay * _SECOND)
        stamp = _BEGIN + t * setup.bar_length
        posts.append(Post(order, order + int(clock[t]), 0 if sort == "word" else stamp, content, sort, word))

    for t in range(hours):
        there = np.ones(symbols, np.bool_)
        there[1:] = random.random(symbols - 1) > 0.04
        content = _message(setup, t, rows[t], there)
        delay = float(random.uniform(0.1, 20.0))
        if not calm and random.random() < 0.03:
            delay += float(random.uniform(1200.0, 6000.0))
        draw = random.random(6)
        missing = t >= WATCHED and (bool(silent[t]) or bool(draw[0] < 0.01))
        if not missing:
            send(t, delay, content, "bar")
        again = not (calm and missing)
        if again and draw[1] < 0.03:
            send(t, delay + float(random.exponential(3000.0)), content, "bar")
        if again and draw[2] < 0.01:
            other = rows[t] * np.array([1.0, 1.0, 1.0, 1.0, 1.01])[:, None]
            send(t, delay + float(random.exponential(3000.0)), _message(setup, t, other, there), "bar")
        if draw[3] < 0.02:
            name = _WRONG[int(random.integers(len(_WRONG)))]
            send(t, float(random.uniform(0.0, 30.0)), _wrong(name, setup, t, rows[t], there), "wrong")
        if not calm and draw[4] < 0.015:
            word: Word = ("halt", "reduce", "resume", "resume")[int(random.integers(4))]
            for _ in range(1 + int(draw[5] < 0.3)):
                send(t, float(random.uniform(0.0, 3600.0)), b"", "word", word)
                word = ("halt", "reduce", "resume", "resume")[int(random.integers(4))]
        elif not calm and draw[4] > 0.97:
            send(t, float(random.uniform(0.0, 3600.0)), b"", "word", "resume")
    return sorted(posts, key=lambda post: post.order)


def _market(random: Generator, hours: int, symbols: int) -> Floats:
    """Returns (time, 5, symbol) bars of a random walk that jumps by 40 % now and then, and whose volume dries up."""
    moves = random.normal(0.0, 0.006, (hours, symbols))
    jumps = random.random((hours, symbols)) < 0.003
    moves += np.where(jumps, np.where(random.random((hours, symbols)) < 0.5, np.log1p(_JUMP), np.log1p(-_JUMP)), 0.0)
    moves -= 0.02 * np.clip(np.cumsum(moves, axis=0) - moves, -2.0, 2.0)
    close = 100.0 * np.exp(np.cumsum(moves, axis=0))
    open_ = np.vstack([close[:1], close[:-1]]) * np.exp(random.normal(0.0, 0.0005, (hours, symbols)))
    high = np.maximum(open_, close) * (1.0 + np.abs(random.normal(0.0, 0.001, (hours, symbols))))
    low = np.minimum(open_, close) * (1.0 - np.abs(random.normal(0.0, 0.001, (hours, symbols))))
    volume = random.uniform(200.0, 1e5, (hours, symbols))
    return np.stack([open_, high, low, close, volume], axis=1)


def _clock(random: Generator, hours: int) -> NDArray[np.int64]:
    """Returns (time,) by how much the desk's clock is wrong: an hour before or behind for a while, else nothing."""
    wrong = _stretches(random, hours, 0.004, 12)
    side = np.where(random.random(hours) < 0.5, -60 * _MINUTE, 60 * _MINUTE)
    first = np.flatnonzero(wrong & ~np.concatenate(([False], wrong[:-1])))
    kept = np.zeros(hours, np.int64)
    for at in first:
        kept[at:] = side[at]
    return np.where(wrong, kept, 0)


def _stretches(random: Generator, hours: int, chance: float, most: int) -> NDArray[np.bool_]:
    flags = np.zeros(hours, np.bool_)
    for at in np.flatnonzero(random.random(hours) < chance):
        flags[at : at + 2 + int(random.integers(most - 1))] = True
    return flags


def _message(setup: Setup, t: int, rows: Floats, there: NDArray[np.bool_]) -> bytes:
    names = ("open", "high", "low", "close", "volume")
    bars = {
        symbol: dict(zip(names, rows[:, s].tolist(), strict=True)) for s, symbol in enumerate(setup.symbols) if there[s]
    }
    return msgspec.json.encode({"time": _BEGIN + t * setup.bar_length, "bars": bars})


def _wrong(name: str, setup: Setup, t: int, rows: Floats, there: NDArray[np.bool_]) -> bytes:
    """Returns a bar that no desk may take."""
    rows = rows.copy()
    if name == "negative":
        rows[:4] *= -1.0
    elif name == "crossed":
        rows[1], rows[2] = rows[2] * 0.99, rows[1]
    elif name == "huge":
        rows[1] = 1e308
    content = _message(setup, t, rows, there)
    stamp = _BEGIN + t * setup.bar_length
    if name in ("future", "between") and t >= WATCHED:
        moved = stamp + (100 * 365 * 24 * 60 if name == "future" else 1) * _MINUTE
        return content.replace(str(stamp).encode(), str(moved).encode(), 1)
    if name in ("torn", "future", "between"):
        return content[: len(content) // 2]
    if name == "text":
        return content.replace(b'"open":', b'"open":"1" ,"was":', 1)
    if name == "stranger":
        return content.replace(b'"S0"', b'"S9"')
    if name == "empty":
        return msgspec.json.encode({"time": stamp, "bars": {}})
    if name == "column":
        return content.replace(b'"volume":', b'"extras":{"rumour":1.0},"volume":', 1)
    return content
