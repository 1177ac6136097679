"""`regimen bench`: measure speed with the scripts in `benchmarks/`."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Annotated

import typer

import regimen

_FOLDER = Path(regimen.__file__).parents[2] / "benchmarks"


def bench(
    what: Annotated[
        str,
        typer.Argument(help="features, execution, bars, training, models, envs, agents …", show_default=False),
    ],
    arguments: Annotated[list[str] | None, typer.Argument(help="passed on to the benchmark")] = None,
) -> None:
    """Measure the speed of one room (medians of several runs), beside public libraries where they are installed.

    The benchmarks stand beside the package, so this needs a checkout.

    Example: regimen bench features
    """
    from regimen.errors import RunError

    script = _FOLDER / f"{what}.py"
    if not _FOLDER.is_dir():
        raise RunError("bench", "needs a checkout of the repository; the installed package has no benchmarks", what)
    if not script.is_file():
        known = ", ".join(sorted(path.stem for path in _FOLDER.glob("*.py")))
        raise RunError("bench", f"must be one of {known}", what)
    sys.argv = [str(script), *(arguments or [])]
    runpy.run_path(str(script), run_name="__main__")
