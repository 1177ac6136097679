"""`regimen report`: the HTML report of a run, and its verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from regimen.cli.arguments import RUNS, Opens, Run, Runs


def report(
    run: Run,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="file to write; report.html in the run's folder by default"),
    ] = None,
    runs: Runs = RUNS,
    rejudge: Annotated[bool, typer.Option("--rejudge", help="judge again, with all trials recorded by now")] = False,
    opens: Opens = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the judgement as JSON")] = False,
) -> None:
    """Write one HTML file that needs no network, and print the verdict.

    Example: regimen report latest -o btc.html
    """
    from regimen.cli.screen.progress import progress_bar

    with progress_bar() as advance:
        advance(0, 1, "report")
        from regimen.cli.screen.verdict import print_judgement
        from regimen.records import find_run, write_report

        directory = find_run(run, runs)
        if rejudge:
            from regimen.runs import rejudge_run  # with it comes what trains

            rejudge_run(directory, advance)
        judgement, path = write_report(directory, output)
    print_judgement(judgement, as_json=as_json, run=directory.path, report=path, opens=opens)
