"""`regimen runs`: what has been tried."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from regimen.cli import completion
from regimen.cli.arguments import RUNS, Opens, Run, Runs, run_name
from regimen.cli.screen.browser import open_page
from regimen.cli.screen.lines import say, with_blanks

app = typer.Typer(help="List, show and compare runs; list trials.", no_args_is_help=True, rich_markup_mode=None)
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]


@app.command("list", short_help="list the runs of a folder with their verdicts")
def list_runs(root: Runs = RUNS, as_json: AsJson = False) -> None:
    """List the runs of a folder with their verdicts; interrupted and damaged runs are marked.

    Example: regimen runs list
    """
    from regimen.cli.screen.progress import working
    from regimen.cli.screen.sentences import print_sentence
    from regimen.cli.screen.tables import print_table
    from regimen.cli.screen.terminal import console

    with working("runs"):
        from regimen.records import list_runs as listing

        rows = listing(root)
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    columns = ("run", "name", "model", "status", "Sharpe", "DSR", "verdict")
    cells = [[_shown(row[heading.lower()]) for heading in columns] for row in rows]
    for row, shown in zip(rows, cells, strict=True):
        for column in (-2, -1):  # its DSR is stale, and so may its verdict be
            shown[column] += "" if row["trials_now"] is None else " *"
    print_table(columns, cells, words=("run", "name", "model", "status", "verdict"))
    screen = console()
    for row in rows:
        if row["problem"] is not None:
            print_sentence(screen, f"{row['run']} {row['problem']}", label="Damaged", style="bold red")
        if row["trials_now"] is not None:
            print_sentence(
                screen,
                f"* {row['run']}: {row['verdict']} by {row['trials']} of now {row['trials_now']} trials; "
                f"by all of them {row['verdict_now']}, and the DSR is {_shown(row['dsr_now'])} "
                f"(regimen report {run_name(root / row['run'])} --rejudge)",
            )
    following = "regimen runs show RUN" if rows else "regimen train FILE"
    print_sentence(screen, following, label="Next")


@app.command("trials", short_help="list every fit and every evaluation ever recorded")
def trials(root: Runs = RUNS, as_json: AsJson = False) -> None:
    """List every fit and every evaluation that was ever recorded; nothing is ever removed.

    Example: regimen runs trials
    """
    from regimen.cli.screen.progress import working
    from regimen.cli.screen.tables import print_table
    from regimen.errors import RunError

    if not root.is_dir():
        raise RunError("runs", "must be a folder of runs", str(root))
    with working("trials"):
        from regimen.records import TrialLedger

        ledger = TrialLedger(root / "trials.sqlite")
        rows = ledger.rows()
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    for note in ledger.notes():
        say(note, error=True)
    columns = ("id", "at (UTC)", "kind", "run", "part", "model", "seed", "bars", "Sharpe")
    cells = [[_shown(row[heading.split()[0].lower()]) for heading in columns] for row in rows]
    for shown in cells:
        shown[1] = shown[1][:16].replace("T", " ")
    print_table(columns, cells, words=("at (UTC)", "kind", "run", "model"))


@app.command("compare", short_help="compare several runs in one table and one picture")
def compare(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN...",
            help="ids of runs or their first letters, latest, or folders",
            show_default=False,
            autocompletion=completion.runs,
        ),
    ] = None,
    root: Runs = RUNS,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE.html", help="page to write; compare.html in the folder of runs"),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="compare runs of different data, spans or costs, and mark the differences")
    ] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="print the table as Markdown")] = False,
    opens: Opens = False,
    as_json: AsJson = False,
) -> None:
    """Compare finished runs of the same data, test span and costs; write a page with the picture.

    Every deflated Sharpe ratio counts all trials that are recorded now. The first run is the one that P > first means.

    Example: regimen runs compare runs/*
    """
    from regimen.cli.screen.progress import working

    with working("comparison"):
        from regimen.cli.screen.comparison import print_comparison
        from regimen.records import compare_runs, find_runs, write_comparison
        from regimen.reporting.comparison import markdown

        directories = find_runs(runs or [], root)
        comparison = compare_runs(directories, force=force)
        page = out or directories[0].home / "compare.html"
        write_comparison(comparison, directories, page)
    if as_json:
        print(json.dumps({**comparison.to_dict(), "page": str(page)}, indent=1, allow_nan=False))
    elif as_markdown:
        say(with_blanks(markdown(comparison)))
    else:
        print_comparison(comparison, page)
    if opens:
        open_page(page)


@app.command("show", short_help="show a run's verdict and where its files are")
def show(run: Run, root: Runs = RUNS, as_json: AsJson = False) -> None:
    """Show a run's verdict and where its files are.

    Example: regimen runs show latest
    """
    from regimen.cli.screen.progress import working

    with working("run"):
        from regimen.cli.screen.verdict import print_judgement
        from regimen.records import find_run, judgement_now

        directory = find_run(run, root)
        judgement = judgement_now(directory)
    print_judgement(judgement, as_json=as_json, run=directory.path, report=directory.path / "report.html")


@app.command("clean", short_help="list or remove what killed commands left behind")
def clean(
    root: Runs = RUNS,
    remove: Annotated[bool, typer.Option("--remove", help="remove it")] = False,
    as_json: AsJson = False,
) -> None:
    """List what killed commands left: half-written files, unfinished backtests, temporary runs.

    Interrupted runs are kept: `regimen resume` continues them.

    Example: regimen runs clean --remove
    """
    from regimen.cli.screen.progress import working

    with working("leftovers"):
        from regimen.records import find_leftovers

        leftovers = find_leftovers(root)
        for each in leftovers if remove else ():
            each.remove()
    if as_json:
        rows = [{"path": str(each.path), "what": each.what, "bytes": each.bytes} for each in leftovers]
        print(json.dumps({"removed": remove, "found": rows}, indent=1))
        return
    for each in leftovers:
        say(f"{'removed: ' if remove else ''}{each.path}: {each.what}, {each.bytes:,} bytes")
    if not leftovers:
        say("No killed command has left anything behind.")
    elif not remove:
        say("`regimen runs clean --remove` removes it.")


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
