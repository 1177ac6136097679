"""What several commands take: a run, and the folder of runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Run = Annotated[
    str, typer.Argument(help="id of a run or its first letters, latest, or a run's folder", show_default=False)
]
Runs = Annotated[Path, typer.Option("--runs", help="folder of runs and of the trial ledger")]
RUNS = Path("runs")
"""The folder of runs, unless it is said otherwise."""
