"""`regimen reproduce`: run it again and compare every number."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from regimen.cli.arguments import RUNS, Run, Runs


def reproduce(
    run: Run,
    runs: Runs = RUNS,
    as_json: Annotated[bool, typer.Option("--json", help="print the comparison as JSON")] = False,
) -> None:
    """Train the run again in a temporary folder and compare weights, exposures, ledger and judgement byte by byte.

    Exits 1 when anything differs. It does not count as a trial.

    Example: regimen reproduce latest
    """
    from regimen.cli.screen.progress import progress_bar
    from regimen.cli.screen.sentences import print_sentence
    from regimen.cli.screen.terminal import console

    with progress_bar() as advance:
        from regimen.records import find_run
        from regimen.runs import reproduce_run

        comparison = reproduce_run(find_run(run, runs), advance)
    if as_json:
        print(json.dumps(comparison.to_dict(), indent=1))
    else:
        screen = console()
        for note in comparison.notes:
            print_sentence(screen, note)
        if comparison.differing:
            differing = f"{len(comparison.differing)} of {comparison.files} files, first {comparison.differing[0]}"
            print_sentence(screen, differing, label="Different", style="bold red")
        else:
            same = f"all {comparison.files} files are the same, byte by byte."
            print_sentence(screen, same, label="Reproduced", style="bold green")
    if comparison.differing:
        raise typer.Exit(1)
