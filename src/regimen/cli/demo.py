"""`regimen demo`: the whole path on bundled real data."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated

import typer


def demo(
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE", help="overrides such as model.kind=logistic")
    ] = None,
    runs: Annotated[Path, typer.Option("--runs", help="folder of runs and of the trial ledger")] = Path("runs"),
    as_json: Annotated[bool, typer.Option("--json", help="print the judgement as JSON")] = False,
) -> None:
    """Train a small network on twenty years of the S&P 500, walk-forward, and judge it after costs.

    The data ships inside the arch package (pip install --no-deps arch; `make demo` does it).

    Example: regimen demo seed=1
    """
    from regimen.cli.train import train_and_show
    from regimen.runs import load_config

    with as_file(files("regimen.cli") / "demo.yaml") as path:
        config = load_config(path, overrides or [])
    train_and_show(config, runs, as_json)
