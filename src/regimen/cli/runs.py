"""`regimen runs`: what has been tried."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from regimen.cli.lines import say

app = typer.Typer(help="List, show and compare runs; list trials.", no_args_is_help=True, rich_markup_mode=None)
Root = Annotated[Path, typer.Option("--runs", help="folder of runs and of the trial ledger")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]


@app.command("list", short_help="the runs of a folder with their verdicts")
def list_runs(root: Root = Path("runs"), as_json: AsJson = False) -> None:
    """List the runs of a folder with their verdicts.

    Example: regimen runs list
    """
    from rich.table import Table

    from regimen.cli.terminal import console
    from regimen.runs import list_runs as listing

    rows = listing(root)
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    table = Table(header_style="bold")
    for heading in ("run", "model", "data", "status", "Sharpe", "DSR", "verdict"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(_shown(row[key]) for key in ("run", "model", "data", "status", "sharpe", "dsr", "verdict")))
    console().print(table)


@app.command("trials", short_help="every fit and every evaluation ever recorded")
def trials(root: Root = Path("runs"), as_json: AsJson = False) -> None:
    """List every fit and every evaluation that was ever recorded; nothing is ever removed.

    Example: regimen runs trials
    """
    from rich.table import Table

    from regimen.cli.terminal import console
    from regimen.errors import RunError
    from regimen.runs import TrialLedger

    if not root.is_dir():
        raise RunError("runs", "must be a folder of runs", str(root))
    rows = TrialLedger(root / "trials.sqlite").rows()
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    table = Table(header_style="bold")
    for heading in ("id", "at", "kind", "run", "part", "model", "seed", "bars", "sharpe"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(
            *(_shown(row[key]) for key in ("id", "at", "kind", "run", "part", "model", "seed", "bars", "sharpe"))
        )
    console().print(table)


@app.command("compare", short_help="one table and one picture for several runs")
def compare(
    runs: Annotated[
        list[str] | None, typer.Argument(metavar="RUN...", help="folders of runs, or ids in --runs", show_default=False)
    ] = None,
    root: Root = Path("runs"),
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE.html", help="page to write; compare.html in the folder of runs"),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="compare runs of other data, spans or costs, and mark it")
    ] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="print the table as Markdown")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare finished runs of the same data, test span and costs; write a page with the picture.

    Every deflated Sharpe ratio counts all trials that are recorded now. The first run is the one that P > first means.

    Example: regimen runs compare runs/btc-1h-*
    """
    from regimen.cli.comparison import print_comparison
    from regimen.runs.compare import compare_runs, find_runs, write_comparison
    from regimen.validation.compare import markdown

    directories = find_runs(runs or [], root)
    comparison = compare_runs(directories, force=force)
    page = out or directories[0].home / "compare.html"
    write_comparison(comparison, directories, page)
    if as_json:
        print(json.dumps({**comparison.to_dict(), "page": str(page)}, indent=1, allow_nan=False))
    elif as_markdown:
        say(markdown(comparison))
    else:
        print_comparison(comparison, page)


@app.command("show", short_help="a run's verdict and where its parts are")
def show(
    run: Annotated[Path, typer.Argument(help="folder of a run", show_default=False)], as_json: AsJson = False
) -> None:
    """Show a run's verdict and where its parts are.

    Example: regimen runs show runs/<id>
    """
    from regimen.cli.verdict import print_judgement
    from regimen.runs import RunDirectory, read_json, require_finished

    directory = RunDirectory.open(run)
    require_finished(directory)
    judgement = read_json(directory.path / "judgement.json")
    print_judgement(judgement, as_json=as_json, run=directory.path, report=directory.path / "report.html")


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    from rich.markup import escape

    return f"{value:.3f}" if isinstance(value, float) else escape(str(value))
