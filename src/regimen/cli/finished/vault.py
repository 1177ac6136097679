"""`regimen vault`: the last span of a run's data, which nothing has read, locked or opened for one look."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from regimen.cli.arguments import RUNS, Opens, Run, Runs, run_name
from regimen.cli.screen.lines import say

app = typer.Typer(
    help="A last span that one look spends: lock it for a market, or open it and judge a run on it, once.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("lock", short_help="keep every run of the market out of the span")
def lock(
    run: Run,
    runs: Runs = RUNS,
    as_json: Annotated[bool, typer.Option("--json", help="print the record as JSON")] = False,
) -> None:
    """Lock a run's vault (data.vault of its config) for its market: no run is trained or traded on those bars.

    It is written into the trial ledger, where nothing is ever removed, and holds until the vault is opened.

    Example: regimen vault lock latest
    """
    from regimen.cli.screen.progress import working

    with working("vault"):
        from regimen.records import find_run
        from regimen.runs import lock_vault

        directory = find_run(run, runs)
        record = lock_vault(directory)
    if as_json:
        print(json.dumps(asdict(record), indent=1))
        return
    from regimen.cli.screen.sentences import print_sentence
    from regimen.cli.screen.terminal import console

    screen = console()
    print_sentence(screen, f"{record.span}, for every run on this market.", label="Locked", style="bold")
    print_sentence(screen, f"regimen vault open {run_name(directory.path)}   (one look, for ever)", label="Next")


@app.command("open", short_help="judge a run on the span, once")
def open_(
    run: Run,
    again: Annotated[
        bool, typer.Option("--again", help="look once more; every later report of the market says so")
    ] = False,
    runs: Runs = RUNS,
    opens: Opens = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the judgement as JSON")] = False,
) -> None:
    """Judge a run's newest model on its vault, which nothing has read, and write down for ever that it was opened.

    One look is one trial, and so is it judged. Whoever was there before, by any run of the market, spent it.

    Example: regimen vault open latest
    """
    from regimen.cli.screen.progress import progress_bar

    with progress_bar() as advance:
        from regimen.cli.screen.verdict import print_judgement
        from regimen.records import find_run
        from regimen.runs import open_vault

        directory = find_run(run, runs)
        lost = directory.trials.lost()
        if lost:
            say(lost, error=True)
        folder, judgement = open_vault(directory, advance, again=again)
    print_judgement(judgement, as_json=as_json, run=folder, report=folder / "report.html", opens=opens)
