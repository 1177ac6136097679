"""`regimen adapt`: a finished run's newest model, adapted to its newest bars, if that is worth something."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from regimen.cli.arguments import RUNS, Run, Runs, run_name

if TYPE_CHECKING:
    from pathlib import Path

    from regimen.runs import Adaptation


def adapt(
    run: Run,
    bars: Annotated[str, typer.Option("--bars", help="data file of the newest bars", show_default=False)],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE", help="overrides of the file, e.g. data.day_first=true"),
    ] = None,
    rate: Annotated[float | None, typer.Option("--rate", help="of a step; as the run's maml has it, else 0.01")] = None,
    steps: Annotated[int | None, typer.Option("--steps", help="of adaptation; the run's, else 5")] = None,
    shots: Annotated[int | None, typer.Option("--shots", help="rows adapted to; the run's, else 20")] = None,
    runs: Runs = RUNS,
    as_json: Annotated[bool, typer.Option("--json", help="print the numbers as JSON")] = False,
) -> None:
    """Adapt a run's newest model to the last labelled bars, into a new run; refused where it gains nothing sure.

    Measured on every bar since that model began to decide, always on bars behind those that were adapted to. It is one
    trial, kept or not; the old run stays as it is. Exit code 1 where it is refused.

    Example: regimen adapt latest --bars last-20-bars.parquet
    """
    from regimen.cli.screen.progress import progress_bar

    with progress_bar() as advance:
        from regimen.records import find_run
        from regimen.runs import adapt_run

        directory = find_run(run, runs)
        result = adapt_run(directory, bars, advance, rate=rate, steps=steps, shots=shots, overrides=overrides or [])
    if as_json:
        print(json.dumps({"from": str(directory.path), **result.to_dict()}, indent=1, allow_nan=False))
    else:
        _print(result, directory.home)
    if not result.kept:
        raise typer.Exit(1)


def _print(result: Adaptation, home: Path) -> None:
    from regimen.cli.screen.sentences import print_sentence
    from regimen.cli.screen.tables import print_table
    from regimen.cli.screen.terminal import console

    (loss, new_loss), (hits, new_hits) = result.log_loss, result.accuracy
    cells = [
        ("before", f"{loss:.4f}", f"{hits:.1%}", ""),
        ("after", f"{new_loss:.4f}", f"{new_hits:.1%}", f"{result.gain:+.4f} [{result.low:+.4f}, {result.high:+.4f}]"),
    ]
    print_table(("", "log loss", "accuracy", "gain [95 %]"), cells, words=("",))
    screen = console()
    span = f"{result.rows:,} rows in {result.blocks} blocks, {result.held_out_from} to {result.held_out_to} UTC."
    print_sentence(screen, span, label="Held out")
    how = (
        f"{result.steps} steps of {result.rate:g} on {result.shots} rows of each symbol, up to {result.adapted_to} UTC."
    )
    print_sentence(screen, how, label="Adapted")
    print_sentence(screen, result.sentence, label="Result", style="bold")
    if result.run is not None:
        new = home / result.run
        print_sentence(screen, str(new), label="New run")
        print_sentence(screen, f"regimen signal {run_name(new)} --bars FILE   (what it holds now)", label="Next")
