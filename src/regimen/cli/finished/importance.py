"""`regimen importance`: which features of a run mattered, and which are noise."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from regimen.cli.arguments import RUNS, Run, Runs, run_name

if TYPE_CHECKING:
    from regimen.runs import FeatureImportance


def importance(
    run: Run,
    windows: Annotated[
        str, typer.Option("--windows", help="last, all, or numbers such as 1,3: whose training slices are used")
    ] = "last",
    folds: Annotated[int, typer.Option("--folds", help="purged folds of each training slice")] = 5,
    shifts: Annotated[int, typer.Option("--shifts", help="shifts of each feature that may matter, at least")] = 99,
    rows: Annotated[int, typer.Option("--rows", help="most rows of a fold that are scored, evenly spread")] = 5000,
    alone: Annotated[
        bool, typer.Option("--alone/--no-alone", help="also fit the model on each feature alone (slow)")
    ] = True,
    runs: Runs = RUNS,
    as_json: Annotated[bool, typer.Option("--json", help="print the result as JSON")] = False,
) -> None:
    """Measure how much the log loss rises on held out rows when a feature is shifted in time, and what it says alone.

    Everything happens inside training slices, by purged folds: no test row is looked at, and it is no new trial. It is
    kept in the run's folder (importance.json); the report shows it.

    Example: regimen importance latest --windows all --no-alone
    """
    from regimen.cli.screen.progress import progress_bar

    with progress_bar() as advance:
        from regimen.records import find_run
        from regimen.runs import importance_of

        directory = find_run(run, runs)
        count = len(directory.manifest()["windows"])
        chosen = _numbers(windows, count)
        measured = importance_of(directory, advance, windows=chosen, folds=folds, shifts=shifts, rows=rows, alone=alone)
    path = directory.path / "importance.json"
    if as_json:
        print(json.dumps({"run": str(directory.path), "file": str(path), **measured.to_dict()}, indent=1))
        return
    from regimen.cli.screen.sentences import print_sentence
    from regimen.cli.screen.terminal import console

    _print_table("group, moved together", measured.groups, alone=False)
    _print_table("feature", measured.features, alone=alone)
    screen = console()
    unit = "log loss in 1e-4 nats a row; the rise ± a 95 % interval over the folds"
    unit += "; alone: the gain over a column that says nothing, ± its standard error" if alone else ""
    print_sentence(screen, unit, label="Unit")
    print_sentence(screen, f"{measured.skill_in_words}, on {measured.rows:,} held out rows", label="Model")
    for note in measured.notes:
        print_sentence(screen, note, label="Note")
    print_sentence(screen, measured.sentence, label="Result", style="bold")
    print_sentence(screen, str(path), label="Kept in")
    print_sentence(screen, f"regimen report {run_name(directory.path)}   (a picture of it)", label="Next")


def _numbers(text: str, count: int) -> list[int]:
    from regimen.errors import ConfigError

    named = {"last": [count], "all": list(range(1, count + 1))}
    try:
        return named[text] if text in named else [int(word) for word in text.split(",")]
    except ValueError:
        raise ConfigError("--windows", "must be last, all, or numbers with commas between them", text) from None


def _print_table(heading: str, rows: Sequence[FeatureImportance], *, alone: bool) -> None:
    from regimen.cli.screen.tables import print_table

    cells = [
        (
            row.name,
            _with_error(row.rise, (row.high - row.low) / 2.0),
            f"{row.p:.3f}",
            f"{row.q:.3f}",
            *((_with_error(row.alone, row.alone_error),) if alone else ()),
            row.verdict,
        )
        for row in rows
    ]
    headings = (heading, "rise", "p", "q", *(("alone",) if alone else ()), "verdict")
    styles = ["" if row.verdict == "noise" else "bold" for row in rows]
    print_table(headings, cells, words=(heading, "verdict"), styles=styles)


def _with_error(value: float, error: float) -> str:
    return f"{1e4 * value:+,.1f} ± {1e4 * error:,.1f}"
