"""What a shell offers while a command is typed: the runs of the folder, the names of models and venues.

Whatever goes wrong offers nothing: a half-typed line is no place for an error.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import typer


def runs(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Returns the runs whose id begins so, the latest first, each with its name; and ``latest``."""
    from regimen.errors import RegimenError
    from regimen.records import LATEST, names_of_runs

    offered = [(LATEST, "the run that was started last")]
    with suppress(RegimenError, OSError):
        offered += names_of_runs(Path(ctx.params.get("runs") or ctx.params.get("root") or "runs"))
    return [(run, name) for run, name in offered if run.startswith(incomplete)]


def models(incomplete: str) -> list[str]:
    """Returns the names of models that begin so."""
    from regimen.records import model_names

    return [name for name in model_names() if name.startswith(incomplete)]


def venues(incomplete: str) -> list[str]:
    """Returns the names of venues that begin so."""
    from regimen.execution import VENUES

    return [name for name in VENUES if name.startswith(incomplete)]
