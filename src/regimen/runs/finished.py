"""`finished_run`: the run of a config in a folder of its own, whether it is there, was stopped, or is yet to begin."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from regimen.records import RunConfig, RunDirectory
from regimen.runs.walk_forward import resume_run, start
from regimen.work import HERE, Mapper


def finished_run(
    config: RunConfig, place: Path, advance: Callable[[int, int, str], None], mapper: Mapper = HERE
) -> RunDirectory:
    """Returns the finished run in a folder: the one that is there, gone on with where it was stopped, or a new one.

    Args:
        config: of it; not looked at where it is finished or gone on with.
        place: its folder. What is there and is no run that has begun is removed.
        advance: progress.
        mapper: where windows are fitted.

    Raises:
        RunError: it was begun by another version.
        RegimenError: what training raises.
    """
    directory = RunDirectory(place)
    if directory.can_resume and directory.status == "finished":
        return directory
    if directory.can_resume and directory.has_begun:
        resume_run(directory, advance, mapper)
        return directory
    shutil.rmtree(place, ignore_errors=True)
    return start(config, place.parent, advance, mapper, name=place.name)[0]
