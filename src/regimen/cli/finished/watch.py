"""`regimen watch`: a finished run on newer bars, beside what it promised."""

from __future__ import annotations

import json
import math
import time
from typing import TYPE_CHECKING, Annotated

import typer

from regimen.cli.arguments import RUNS, Run, Runs
from regimen.cli.finished.newer_bars import FALSE_ALARMS, FalseAlarms, NewerBars, NewerFeed, NewerOverrides, file_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.table import Table

    from regimen.monitoring import CardReading
    from regimen.runs import CardSighting

_WORDS = {
    "volatility": "range of a bar",
    "loss": "log loss of due rows",
    "confidence": "confidence less hits",
    "coverage": "misses of intervals",
    "features": "drift of the features",
    "profit": "bet against its claim",
    "adwin": "ADWIN of the loss",
}
"""What is said of each detector."""


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
    """Watch a run on newer bars: drift, calibration, coverage and profit, beside what training and backtest showed.

    A terminal shows the bars as they come; a pipe gets the last table. Exit code 1 where anything rang. It is no trial.

    Example: regimen watch latest --feed replay:btcusdt-1h.parquet
    """
    from regimen.cli.screen.progress import progress_bar
    from regimen.cli.screen.terminal import console

    screen = console()
    live = screen.is_terminal and not as_json and seconds > 0.0
    with progress_bar() as advance:
        from regimen.monitoring import ChangesConfig
        from regimen.records import find_run
        from regimen.runs import watch_run
        from regimen.settings import validated

        changes = validated(ChangesConfig, {"level": false_alarms}, "--false-alarms: ")
        file, directory = file_of(feed, bars), find_run(run, runs)
        frames = watch_run(directory, file, changes, advance, overrides=overrides or [], frames=120 if live else 1)
        seen = next(frames)
    if live:
        seen = _shown(screen, seen, frames, seconds)
    if as_json:
        print(json.dumps({"run": str(directory.path), **seen.to_dict()}, indent=1, allow_nan=False))
    else:
        _print(screen, seen)
    if seen.rings:
        raise typer.Exit(1)


def _shown(screen: Console, seen: CardSighting, frames: Iterator[CardSighting], seconds: float) -> CardSighting:
    """Shows what is seen as it comes; returns the last of it."""
    from rich.live import Live

    with Live(_table(seen), console=screen, transient=True) as shown:
        for following in frames:
            time.sleep(seconds / 120)
            seen = following
            shown.update(_table(seen))
    return seen


def _table(seen: CardSighting) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    title = f"{seen.time} UTC · bar {seen.bars:,} of {seen.of:,} · {seen.growth:+.1%} · {len(seen.rings)} rang"
    table = Table(title=title, title_justify="left", header_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for number, heading in enumerate(_HEADINGS):
        table.add_column(heading, justify="right" if 0 < number < 4 else "left", no_wrap=True)
    for cells in _cells(seen):
        table.add_row(*cells)
    return table


_HEADINGS = ("", "promised", "now", "rings beyond", "")


def _cells(seen: CardSighting) -> list[tuple[str, str, str, str, str]]:
    rung = {ring.detector: time for time, ring in seen.rings}
    cells = [
        (_WORDS[each.detector], f"{each.promised:.4g}", f"{each.now:.4g}", _limits(each), _state(each, rung))
        for each in seen.readings
    ]
    if "adwin" in rung:
        cells.append((_WORDS["adwin"], "", "", "", f"rang {rung['adwin'][:10]}"))
    now, promised = (("–" if math.isnan(value) else f"{value:+.2f}") for value in seen.sharpe)
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

    cells = [("", *row[1:]) if not row[0] else row for row in _cells(seen)]
    print_table(("watched", *_HEADINGS[1:4], "state"), cells, words=("watched", "state"))
    for time_of, ring in seen.rings:
        print_sentence(screen, f"{time_of}  {ring.detector}: {ring.words}", label="Rang")
    for each in seen.missing:
        print_sentence(screen, each, label="Not", dim=True)
    rang = "1 detector" if len(seen.rings) == 1 else f"{len(seen.rings)} detectors"
    end = f"{rang} rang; a ring is a reason to look." if seen.rings else "Nothing rang."
    print_sentence(screen, f"{seen.bars:,} bars up to {seen.time} UTC, {seen.growth:+.1%}. {end}", label="Seen")
