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
    returns: Annotated[
        Path | None,
        typer.Option("--returns", metavar="FILE", help="also write daily returns: a .csv or .parquet file"),
    ] = None,
    opens: Opens = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the judgement as JSON")] = False,
) -> None:
    """Write one HTML file that needs no network, and print the verdict.

    --returns writes dates and daily returns after costs, as quantstats and pandas read them.

    Example: regimen report latest -o btc.html

    Example: regimen report latest --returns btc-returns.csv
    """
    from regimen.cli.screen.progress import progress_bar

    with progress_bar() as advance:
        advance(0, 1, "report")
        from regimen.cli.screen.verdict import print_judgement
        from regimen.records import find_run, write_report, write_returns

        directory = find_run(run, runs)
        if returns is not None:
            write_returns(directory, returns)
        if rejudge:
            from regimen.runs import rejudge_run  # with it comes what trains

            rejudge_run(directory, advance)
        judgement, path = write_report(directory, output)
    print_judgement(judgement, as_json=as_json, run=directory.path, report=path, opens=opens)
