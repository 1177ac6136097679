"""`regimen demo`: the whole path on bundled real data."""

from __future__ import annotations

from importlib.resources import as_file, files
from typing import Annotated

import typer

from regimen.cli.arguments import RUNS, Opens, Runs


def demo(
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE", help="overrides such as model.kind=logistic")
    ] = None,
    runs: Runs = RUNS,
    opens: Opens = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the judgement as JSON")] = False,
) -> None:
    """Train a small network on twenty years of the S&P 500, walk-forward, and judge it after costs.

    The data ships inside the package arch, which is installed with Regimen.

    Example: regimen demo seed=1
    """
    from regimen.cli.screen.progress import working
    from regimen.cli.train import train_and_show

    with working("config"), as_file(files("regimen.cli") / "demo.yaml") as path:
        from regimen.records import load_config

        config = load_config(path, overrides or [])
    train_and_show(config, runs, as_json, opens)
