"""What the commands take that walk a finished run over newer bars: where these come from, and how much may ring."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from regimen.errors import RegimenError
    from regimen.live import Posted

NewerOverrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="[data.KEY=VALUE]...", help="how the file of the newer bars is read"),
]
NewerFeed = Annotated[
    str | None,
    typer.Option(
        "--feed",
        help="replay:FILE, or live: - for JSON lines on standard input, ws://... for a websocket",
        show_default=False,
    ),
]
NewerBars = Annotated[
    str | None,
    typer.Option(
        "--bars",
        metavar="FILE",
        help="the same as --feed replay:FILE; beside a live feed: what came before it",
        show_default=False,
    ),
]
FalseAlarms = Annotated[
    float, typer.Option("--false-alarms", help="share of months in which anything rings though nothing changes")
]
FALSE_ALARMS = 0.05


class Source(NamedTuple):
    """Where newer bars come from.

    Attributes:
        file: that holds them, or those before a live feed; None: the feed has all of them.
        feed: that is listened to behind the file; None: there is none.
    """

    file: str | None
    feed: str | None

    @classmethod
    def of(cls, feed: str | None, bars: str | None) -> Source:
        """Returns what the options name.

        Raises:
            ConfigError: neither is given, or two files are, or the feed is none.
        """
        from regimen.cli.production.feeds import REPLAY, is_replay
        from regimen.errors import ConfigError

        replay = feed is not None and is_replay(feed)
        if (feed is None and bars is None) or (replay and bars is not None):
            rule = "exactly one of them must be given; --bars beside a live feed is what came before it"
            raise ConfigError("--feed/--bars", rule, (feed, bars))
        if feed is not None and replay:
            return cls(feed.removeprefix(REPLAY), None)
        return cls(bars, feed)


def listened(feed: str) -> Iterator[list[Posted]]:
    """Yields the bars of a live feed as they come; Ctrl-C, while it is waited for, ends it."""
    from regimen.cli.production.feeds import arrivals

    with suppress(KeyboardInterrupt):
        yield from arrivals(feed)


def refuse(error: RegimenError) -> None:
    """Says why a bar of a live feed is not taken, on one line."""
    from regimen.cli.screen.lines import say

    say(str(error), error=True)


def ratio(value: float) -> str:
    """Writes a Sharpe ratio; a dash where nothing was traded and there is none."""
    return "–" if math.isnan(value) else f"{value:+.2f}"
