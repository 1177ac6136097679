"""`regimen calibrate`: the judge itself on markets whose truth is known."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from regimen.cli.arguments import RUNS, WHERE, Runs, Where

if TYPE_CHECKING:
    from regimen.runs.calibration import JudgeCalibration


def calibrate(
    markets: Annotated[
        int | None,
        typer.Option(
            "--markets", help="of each kind; by default 400 without an edge, 200 with one", show_default=False
        ),
    ] = None,
    best_of: Annotated[
        list[int] | None,
        typer.Option("--best-of", help="trials of which the best is judged; may be repeated", show_default=False),
    ] = None,
    kinds: Annotated[
        list[str] | None,
        typer.Option("--kinds", help="only this kind of market; may be repeated", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="of the markets and of the strategies that are tried")] = 0,
    compute: Where = WHERE,
    runs: Runs = RUNS,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="print the tables as Markdown")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Judge the best of many strategies on markets without an edge and with one; print how often there is "evidence".

    Every strategy is backtested with costs and counted in a trial ledger, where the judge reads the trials. Without an
    edge there may be "evidence" in 5 % of the markets at most; with one, as often as the rules allow in theory.
    Exits 1 where a rate is not what is promised. The same command goes on where it was stopped.

    Example: regimen calibrate

    Example: regimen calibrate --markets 50 --best-of 1 --best-of 100 --kinds martingale --kinds planted-1-5y
    """
    from regimen.cli.screen.progress import progress_bar, working

    with working("judge"):
        from regimen.runs.calibration import BEST_OF, markdown
        from regimen.runs.calibration import calibrate as run_calibration
        from regimen.work import Compute

        workers = Compute.parse(compute)
    with progress_bar() as advance:
        calibration = run_calibration(runs, kinds or (), markets, best_of or BEST_OF, seed, advance, workers)
    if as_json:
        print(json.dumps(calibration.to_dict(), indent=1, allow_nan=False))
    elif as_markdown:
        from regimen.cli.screen.lines import say

        say(markdown(calibration.rates))
    else:
        _show(calibration)
    if not calibration.holds:
        raise typer.Exit(1)


def _show(calibration: JudgeCalibration) -> None:
    from regimen.cli.screen.sentences import print_sentence
    from regimen.cli.screen.tables import print_table
    from regimen.cli.screen.terminal import console
    from regimen.runs.calibration import LEGEND, missed, tables

    screen = console()
    for headings, rows in tables(calibration.rates):
        print_table(headings, rows, words=("market",))
    for label, meaning in LEGEND.items():
        print_sentence(screen, meaning, label=label, dim=True)
    for sentence in missed(calibration.rates):
        print_sentence(screen, sentence, label="Missed", style="bold red")
    if calibration.holds:
        screen.print("Every rate is what is promised.")
    print_sentence(screen, str(calibration.file), label="File")
