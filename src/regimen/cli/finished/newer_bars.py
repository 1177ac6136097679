"""What the commands take that walk a finished run over newer bars: where these come from, and how much may ring."""

from __future__ import annotations

from typing import Annotated

import typer

NewerOverrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="[data.KEY=VALUE]...", help="how the file of the newer bars is read"),
]
NewerFeed = Annotated[
    str | None, typer.Option("--feed", metavar="replay:FILE", help="where newer bars come from", show_default=False)
]
NewerBars = Annotated[
    str | None, typer.Option("--bars", metavar="FILE", help="the same as --feed replay:FILE", show_default=False)
]
FalseAlarms = Annotated[
    float, typer.Option("--false-alarms", help="share of months in which anything rings though nothing changes")
]
FALSE_ALARMS = 0.05


def file_of(feed: str | None, bars: str | None) -> str:
    """Returns the file that bars come from.

    Raises:
        ConfigError: none is named, or two are, or the feed is no replay.
    """
    from regimen.cli.production.feeds import REPLAY, is_replay
    from regimen.errors import ConfigError

    if (feed is None) == (bars is None):
        raise ConfigError("--feed/--bars", "exactly one of them must be given", (feed, bars))
    if bars is not None:
        return bars
    assert feed is not None
    if not is_replay(feed):
        raise ConfigError("--feed", "must be replay:FILE: who trains again needs bars that can be read twice", feed)
    return feed.removeprefix(REPLAY)
