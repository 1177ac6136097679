"""The progress bar of long commands: on standard error, and only where a person watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from regimen.cli.terminal import console

Advance = Callable[[int, int, str], None]
"""Called with (steps done, steps in all, what is being done)."""


@contextmanager
def progress_bar(quiet: bool = False) -> Iterator[Advance]:
    """Yields a function that moves the bar. Without a terminal each new message is one plain line instead."""
    screen = console(error=True)
    if quiet:
        yield lambda _done, _total, _message: None
        return
    if not screen.is_terminal:
        last = ""

        def line(done: int, total: int, message: str) -> None:
            nonlocal last
            stage = message.split(" · ")[0]
            if stage != last:
                screen.print(f"[{done}/{total}] {stage}", markup=False)
                last = stage

        yield line
        return
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("·"),
        TimeRemainingColumn(),
        TextColumn("left"),
        console=screen,
        transient=True,
    ) as bar:
        task = bar.add_task("starting", total=None)

        def advance(done: int, total: int, message: str) -> None:
            bar.update(task, completed=done, total=total, description=message)

        yield advance
