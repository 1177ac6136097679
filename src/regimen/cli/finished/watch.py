"""`regimen watch`: a finished run on newer bars, beside what it promised."""

from __future__ import annotations

import json
import math
import time
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from regimen.cli.arguments import RUNS, Run, Runs
from regimen.cli.finished.newer_bars import (
    FALSE_ALARMS,
    FalseAlarms,
    NewerBars,
    NewerFeed,
    NewerOverrides,
    Source,
    listened,
    ratio,
    refuse,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console, Group

    from regimen.monitoring import CardReading
    from regimen.runs import CardSighting

_WORDS = {
    "volatility": "range of a bar",
    "loss": "log loss when due",
    "confidence": "overconfidence",
    "coverage": "misses of intervals",
    "features": "drift of features",
    "actions": "commonest action",
    "profit": "bet against claim",
    "adwin": "ADWIN of the loss",
}
"""What is said of each detector; with these names the table fits into 80 columns."""
_FRAMES = 120
"""Pictures of a replay in a terminal."""


def watch(
    run: Run,
    overrides: NewerOverrides = None,
    feed: NewerFeed = None,
    bars: NewerBars = None,
    false_alarms: FalseAlarms = FALSE_ALARMS,
    seconds: Annotated[float, typer.Option("--seconds", help="that a terminal takes to show all bars")] = 12.0,
    runs: Runs = RUNS,
    as_json: Annotated[bool, typer.Option("--json", help="print what is seen at the end as JSON")] = False,
) -> None:
    """Watch a run on newer bars: drift, calibration, coverage, actions and profit, beside what it showed before.

    A terminal shows the bars as they come; a pipe gets the last table. A live feed is watched until it ends, or Ctrl-C
    ends it. Exit code 1 where anything rang. It is no trial.

    Example: regimen watch latest --feed replay:btcusdt-1h.parquet

    Example: my-feed | regimen watch latest --bars up-to-now.parquet --feed -
    """
    from regimen.cli.screen.progress import progress_bar
    from regimen.cli.screen.terminal import console

    screen = console()
    shows, pause = screen.is_terminal and not as_json, seconds / _FRAMES
    with progress_bar() as advance:
        from regimen.monitoring import ChangesConfig
        from regimen.records import find_run
        from regimen.runs import watch_feed, watch_run
        from regimen.settings import validated

        changes = validated(ChangesConfig, {"level": false_alarms}, "--false-alarms: ")
        source, directory = Source.of(feed, bars), find_run(run, runs)
        if source.feed is not None:
            come = listened(source.feed)
            frames = watch_feed(directory, come, changes, advance, refuse, bars=source.file, overrides=overrides or [])
        else:
            assert source.file is not None
            number = _FRAMES if shows and seconds > 0.0 else 1
            frames = watch_run(directory, source.file, changes, advance, overrides=overrides or [], frames=number)
        seen = next(frames)
    with _shown(screen) if shows else _logged() if source.feed else nullcontext(_nothing) as show:
        show(seen)
        for seen in frames:
            show(seen)
            time.sleep(0.0 if source.feed else pause)
    if as_json:
        print(json.dumps({"run": str(directory.path), **seen.to_dict()}, indent=1, allow_nan=False))
    else:
        _print(screen, seen)
    if seen.rings:
        raise typer.Exit(1)


def _nothing(_: CardSighting) -> None:
    """Shows nothing."""


@contextmanager
def _shown(screen: Console) -> Iterator[Callable[[CardSighting], None]]:
    """Yields what shows a person all that is seen, in the place of what was seen before."""
    from rich.live import Live

    with Live(console=screen, transient=True, auto_refresh=False) as live:
        yield lambda seen: live.update(_view(screen, seen), refresh=True)


@contextmanager
def _logged() -> Iterator[Callable[[CardSighting], None]]:
    """Yields what tells a log of each ring once; the table comes at the end."""
    from regimen.cli.screen.lines import say

    rung = 0

    def tell(seen: CardSighting) -> None:
        nonlocal rung
        for when, ring in seen.rings[rung:]:
            say(f"rang {when}  {ring.detector}: {ring.words}", error=True)
        rung = len(seen.rings)

    yield tell


def _view(screen: Console, seen: CardSighting) -> Group:
    """The table, and below it how far the bars are and what rang; its columns do not move while numbers change."""
    from rich.console import Group
    from rich.text import Text

    from regimen.cli.screen.tables import fitted_table

    cells = [
        (name, promised, f"{now:>9}", limits, f"{state:<15}") for name, promised, now, limits, state in _cells(seen)
    ]
    table = fitted_table(_HEADINGS, cells, words=_WORDED, width=screen.width)
    of = "" if seen.of is None else f" of {seen.of:,}"
    lines = [f"{seen.time} UTC · bar {seen.bars:,}{of} · {seen.growth:+.1%}"]
    lines += [f"{when}  {ring.detector}: {ring.words}" for when, ring in seen.rings]
    below = [Text(line, no_wrap=True, overflow="ellipsis") for line in lines]
    return Group(*([] if table is None else [table]), *below)


_HEADINGS, _WORDED = ("watched", "promised", "now", "rings beyond", "state"), ("watched", "state")


def _cells(seen: CardSighting) -> list[tuple[str, str, str, str, str]]:
    rung = {ring.detector: time for time, ring in seen.rings}
    cells = [
        (_WORDS[each.detector], f"{each.promised:.4g}", f"{each.now:.4g}", _limits(each), _state(each, rung))
        for each in seen.readings
    ]
    if "adwin" in rung:
        cells.append((_WORDS["adwin"], "", "", "", f"rang {rung['adwin'][:10]}"))
    now, promised = map(ratio, seen.sharpe)
    return [*cells, ("Sharpe ratio a year", promised, now, "", "")]


def _limits(reading: CardReading) -> str:
    low = "" if not math.isfinite(reading.low) or reading.low <= 0.0 else f"{reading.low:.4g}, "
    return f"{low}{reading.high:.4g}"


def _state(reading: CardReading, rung: dict[str, str]) -> str:
    if reading.rings:
        return "rings now"
    return f"rang {rung[reading.detector][:10]}" if reading.detector in rung else "as promised"


def _print(screen: Console, seen: CardSighting) -> None:
    from regimen.cli.screen.sentences import print_sentence
    from regimen.cli.screen.tables import print_table

    print_table(_HEADINGS, _cells(seen), words=_WORDED)
    for time_of, ring in seen.rings:
        print_sentence(screen, f"{time_of}  {ring.detector}: {ring.words}", label="Rang")
    for each in seen.missing:
        print_sentence(screen, each, label="Not", dim=True)
    rang = "1 detector" if len(seen.rings) == 1 else f"{len(seen.rings)} detectors"
    end = f"{rang} rang; a ring is a reason to look." if seen.rings else "Nothing rang."
    print_sentence(screen, f"{seen.bars:,} bars up to {seen.time} UTC, {seen.growth:+.1%}. {end}", label="Seen")
