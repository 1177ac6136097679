"""What several commands take: a run, the folder of runs, one source of data, and whether a page is opened."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from regimen.cli import completion

Run = Annotated[
    str,
    typer.Argument(
        help="id of a run or its first letters, latest, or a run's folder",
        show_default=False,
        autocompletion=completion.runs,
    ),
]
Runs = Annotated[Path, typer.Option("--runs", help="folder of runs and of the trial ledger")]
RUNS = Path("runs")
"""The folder of runs, unless it is said otherwise."""
Opens = Annotated[bool, typer.Option("--open", help="open the page in the browser")]

UpToNow = Annotated[
    str | None,
    typer.Option("--bars", help="data file up to now; the run's own data when left out", show_default=False),
]
DataOverrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="KEY=VALUE", help="overrides of data, e.g. data.day_first=true"),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="FILE.html", help="page to write", show_default=False),
]
Where = Annotated[
    str,
    typer.Option(
        "--compute", metavar="WHERE", help="local, processes:N, ray or ray://HOST:PORT; no result depends on it"
    ),
]
WHERE = "local"


def run_name(folder: Path) -> str:
    """Returns what a person types to mean a run from here: its id where it is in `RUNS`, and otherwise its folder."""
    return folder.name if folder.parent.resolve() == RUNS.resolve() else shlex.quote(str(folder))


def require_one_source(overrides: Sequence[str]) -> None:
    """Refuses further files behind the one that a command takes: a shell has put them in the place of a pattern.

    Raises:
        ConfigError: a word that is a file and no override.
    """
    also = next((word for word in overrides if "=" not in word and Path(word).exists()), None)
    if also is not None:
        from regimen.errors import ConfigError

        rule = "takes one file, a folder, or a pattern in quotes such as 'prices/*.csv'"
        raise ConfigError("command line", rule, also)
