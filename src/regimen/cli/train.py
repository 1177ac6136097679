"""`regimen train` and `regimen resume`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from regimen.runs import RunConfig


def train(
    config: Annotated[Path, typer.Argument(help="YAML file of the run", show_default=False)],
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE", help="overrides such as training.epochs=5")
    ] = None,
    runs: Annotated[Path, typer.Option("--runs", help="folder of runs and of the trial ledger")] = Path("runs"),
    as_json: Annotated[bool, typer.Option("--json", help="print the judgement as JSON")] = False,
) -> None:
    """Train a policy walk-forward, trade it out of sample, judge it, write runs/<id>.

    Example: regimen train examples/btc-1h.yaml data.path=btcusdt-1h.parquet training.epochs=5
    """
    from regimen.runs import load_config

    train_and_show(load_config(config, overrides or []), runs, as_json)


def train_and_show(config: RunConfig, runs: Path, as_json: bool) -> None:
    """Starts a run and prints its verdict."""
    from regimen.cli.progress import progress_bar
    from regimen.cli.verdict import print_judgement
    from regimen.runs import start

    with progress_bar() as advance:
        directory, judgement = start(config, runs, advance)
    print_judgement(judgement, as_json=as_json, run=directory.path, report=directory.path / "report.html")


def resume(
    run: Annotated[Path, typer.Argument(help="folder of the run that was stopped", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="print the judgement as JSON")] = False,
) -> None:
    """Go on with a run that was stopped; it ends with the same bytes as if it never had been.

    Example: regimen resume runs/btc-1h-20261120-131500-3fa2c1
    """
    from regimen.cli.progress import progress_bar
    from regimen.cli.verdict import print_judgement
    from regimen.runs import RunDirectory, resume_run

    directory = RunDirectory.open(run)
    with progress_bar() as advance:
        judgement = resume_run(directory, advance)
    print_judgement(judgement, as_json=as_json, run=directory.path, report=directory.path / "report.html")
