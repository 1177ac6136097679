"""`regimen retrain`: a finished run over newer bars, trained again when due, replaced only by what is better."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from regimen.cli.arguments import RUNS, WHERE, Run, Runs, Where
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
    from regimen.runs import Happened, Retrained


def retrain(
    run: Run,
    overrides: NewerOverrides = None,
    when: Annotated[
        str, typer.Option("--when", metavar="WHEN", help="drift: when it is proved; every:30d: by the calendar")
    ] = "drift",
    feed: NewerFeed = None,
    bars: NewerBars = None,
    by: Annotated[
        str, typer.Option("--by", metavar="WHAT", help="what is compared: loss, growth; auto: loss if there is one")
    ] = "auto",
    level: Annotated[float, typer.Option("--level", help="chance of promoting what is no better")] = 0.05,
    false_alarms: FalseAlarms = FALSE_ALARMS,
    shadows: Annotated[int, typer.Option("--shadows", help="challengers beside the champion at once")] = 2,
    runs: Runs = RUNS,
    compute: Where = WHERE,
    as_json: Annotated[bool, typer.Option("--json", help="print everything as JSON")] = False,
) -> None:
    """Walk a run over newer bars; train challengers when drift is proved or by the calendar, promote only what wins.

    A challenger is the same config, trained on the bars up to then: a run beside the others and a trial. It runs beside
    the champion on the same bars until one of the two is proved better. Called again, it goes on where it stopped. A
    live feed is followed until it ends, or Ctrl-C ends it.

    Example: regimen retrain latest --when every:30d --bars btcusdt-1h.parquet

    Example: regimen retrain latest --when drift --feed replay:btcusdt-1h.parquet --false-alarms 0.02

    Example: my-feed | regimen retrain latest --bars up-to-now.parquet --feed -
    """
    from regimen.cli.screen.progress import progress_bar

    with progress_bar() as advance:
        from regimen.monitoring import ChangesConfig
        from regimen.records import find_run
        from regimen.runs import RetrainSettings, retrain_feed, retrain_run
        from regimen.settings import validated
        from regimen.work import Compute

        changes = validated(ChangesConfig, {"level": false_alarms}, "--false-alarms: ")
        settings = RetrainSettings.parsed(when=when, level=level, by=by, shadows=shadows, changes=changes)
        source, directory = Source.of(feed, bars), find_run(run, runs)
        with Compute.parse(compute).mapper() as mapper:
            if source.feed is None:
                assert source.file is not None
                result = retrain_run(
                    directory, source.file, settings, advance, overrides=overrides or [], mapper=mapper
                )
            else:
                result = retrain_feed(
                    directory,
                    listened(source.feed),
                    settings,
                    advance,
                    refuse,
                    _tell,
                    bars=source.file,
                    overrides=overrides or [],
                    mapper=mapper,
                )
    if as_json:
        print(json.dumps({"from": str(directory.path), **result.to_dict()}, indent=1, allow_nan=False))
    else:
        _print(result, str(directory.path))


def _tell(happened: Happened) -> None:
    from regimen.cli.screen.lines import say

    say(f"{happened.time}  {happened.kind} {happened.run}: {happened.words}", error=True)


def _print(result: Retrained, home: str) -> None:
    from regimen.cli.screen.sentences import print_sentence
    from regimen.cli.screen.tables import print_table
    from regimen.cli.screen.terminal import console

    screen = console()
    names = _short_names(result)
    if result.happened:
        cells = [
            (each.time, each.kind, names[each.run], names[each.champion], each.words.replace(" ", "\u00a0", 0))
            for each in result.happened
        ]
        shown = [(*row[:4], _renamed(row[4], names)) for row in cells]
        print_table(
            ("close of, UTC", "what", "run", "champion", "why"), shown, words=("what", "run", "champion", "why")
        )
    rows = [
        (
            kept.name,
            f"{kept.growth:+.2%}",
            ratio(kept.sharpe),
            f"{kept.drawdown:.1%}",
            f"{kept.turnover:.0f}",
            "" if kept.loss is None else f"{kept.loss:.4f}",
        )
        for kept in result.accounts
    ]
    print_table(("account", "growth/y", "Sharpe", "drawdown", "turnover/y", "log loss"), rows, words=("account",))
    if result.detectors:
        print_sentence(screen, f"{', '.join(result.detectors)}.", label="Watched")
    for each in result.missing:
        print_sentence(screen, each, label="Not", dim=True)
    print_sentence(screen, f"by {result.by}, {result.first} to {result.last} UTC.", label="Judged")
    print_sentence(screen, result.sentence, label="Result", style="bold")
    print_sentence(screen, f"{home}/report.html", label="Report")


def _short_names(result: Retrained) -> dict[str, str]:
    """Returns what runs are called in the table: challengers c1, c2, ...; the first champion as it is."""
    runs = {each.run for each in result.happened} | {each.champion for each in result.happened}
    trained = {each.run for each in result.happened if each.kind == "retrain"}
    return {run: f"c{run.rsplit('-', 1)[-1]}" if run in trained else run for run in runs}


def _renamed(words: str, names: dict[str, str]) -> str:
    for run in sorted(names, key=len, reverse=True):
        words = words.replace(run, names[run])
    return words
