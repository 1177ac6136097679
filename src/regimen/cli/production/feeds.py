"""Where the bars of a paper account come from: a file that is replayed, lines on standard input, a websocket."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from regimen.errors import ConfigError

if TYPE_CHECKING:
    from regimen.bars import Bars
    from regimen.live import Posted

REPLAY = "replay:"
_SOCKETS = ("ws://", "wss://")


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
    from regimen.live import Posted

    for content in _lines() if feed == "-" else _messages(feed):
        yield Posted(content, time.time_ns(), False)


def _lines() -> Iterator[bytes]:
    for line in sys.stdin.buffer:
        if line.strip():
            yield line.strip()


def _messages(address: str) -> Iterator[bytes]:
    try:
        from websockets.exceptions import ConnectionClosed, InvalidURI
        from websockets.sync.client import connect
    except ImportError:
        raise ConfigError("--feed", "needs websockets: pip install 'regimen[serve]'", address) from None
    try:
        with connect(address, open_timeout=10) as socket:
            for message in socket:
                yield message.encode() if isinstance(message, str) else message
    except ConnectionClosed:
        return
    except (OSError, InvalidURI, TimeoutError) as error:
        raise ConfigError("--feed", f"must be an address that answers ({error})", address) from None


def limits_of(file: Path | None) -> dict[str, object] | None:
    """Returns the limits of a YAML file; None without one."""
    if file is None:
        return None
    from regimen.records import read_yaml

    return dict(read_yaml(file))
