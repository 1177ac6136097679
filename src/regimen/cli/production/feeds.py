"""Where the bars of a paper account come from: a file that is replayed, lines on standard input, a websocket."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, cast

from regimen.errors import ConfigError

if TYPE_CHECKING:
    from io import BufferedReader

    from regimen.bars import Bars
    from regimen.live import Posted

REPLAY = "replay:"
_SOCKETS = ("ws://", "wss://")
_CHUNK, _MOST = 1 << 16, 1024
"""Bytes of standard input, and messages of a websocket, that are taken together at most."""


def is_replay(feed: str) -> bool:
    """Whether a feed is a file; anything else is live.

    Raises:
        ConfigError: it is no feed.
    """
    if feed.startswith(REPLAY):
        return True
    if feed == "-" or feed.startswith(_SOCKETS):
        return False
    rule = "must be replay:FILE, - for JSON lines on standard input, or ws://... for a websocket"
    raise ConfigError("--feed", rule, feed)


def bars_of(feed: str, overrides: Sequence[str]) -> Bars:
    """Returns the bars of a replay.

    Args:
        feed: ``replay:FILE``.
        overrides: ``data.KEY=VALUE``, as in a run's config.

    Raises:
        ConfigError: an override of something else.
        DataError: a file that cannot be read.
    """
    from regimen.bars import DataConfig
    from regimen.readers import load_with_report
    from regimen.settings import apply_overrides, validated

    for override in overrides:
        if not override.startswith("data."):
            raise ConfigError("override", "must begin with data.; the policy is trained already", override)
    values = apply_overrides({"data": {"path": feed.removeprefix(REPLAY)}}, overrides)["data"]
    return load_with_report(validated(DataConfig, values, "data.")).bars


def posted(feed: str) -> Iterator[Posted]:
    """Yields the bars of a live feed as they arrive: each line, or each message, is the JSON of one.

    Raises:
        ConfigError: nothing answers at the address, or the library that listens is not installed.
    """
    for come in arrivals(feed):
        yield from come


def arrivals(feed: str) -> Iterator[list[Posted]]:
    """Yields the same, all that have come since the last time together: for who is not done with one at once.

    Raises:
        ConfigError: as `posted`.
    """
    from regimen.live import Posted

    for contents in _lines() if feed == "-" else _messages(feed):
        now = time.time_ns()
        yield [Posted(content, now, False) for content in contents]


def _lines() -> Iterator[list[bytes]]:
    rest, pipe = b"", cast("BufferedReader", sys.stdin.buffer)
    while chunk := pipe.read1(_CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        if come := [line.strip() for line in lines if line.strip()]:
            yield come
    if rest.strip():
        yield [rest.strip()]


def _messages(address: str) -> Iterator[list[bytes]]:
    try:
        from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
        from websockets.sync.client import connect
    except ImportError:
        raise ConfigError("--feed", "needs websockets: pip install 'regimen[serve]'", address) from None
    try:
        with connect(address, open_timeout=10) as socket:
            while True:
                come = [socket.recv()]
                with suppress(TimeoutError, ConnectionClosed):  # who has hung up is asked once more
                    while len(come) < _MOST:
                        come.append(socket.recv(timeout=0))
                yield [each.encode() if isinstance(each, str) else each for each in come]
    except ConnectionClosed:
        return
    except (OSError, InvalidURI, InvalidHandshake, TimeoutError) as error:
        raise ConfigError("--feed", f"must be an address that answers ({error})", address) from None


def limits_of(file: Path | None) -> dict[str, object] | None:
    """Returns the limits of a YAML file; None without one."""
    if file is None:
        return None
    from regimen.records import read_yaml

    return dict(read_yaml(file))
