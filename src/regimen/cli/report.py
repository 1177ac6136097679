"""`regimen report`: the HTML report of a run, and its verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    run: Annotated[Path, typer.Argument(help="folder of a finished run", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="file to write; report.html in the run's folder by default"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the judgement as JSON")] = False,
) -> None:
    """Write one HTML file that needs no network, and print the verdict.

    Example: regimen report runs/<id> -o btc.html
    """
    from regimen.cli.verdict import print_judgement
    from regimen.runs import RunDirectory, write_report

    directory = RunDirectory.open(run)
    judgement, path = write_report(directory, output)
    print_judgement(judgement, as_json=as_json, run=directory.path, report=path)
