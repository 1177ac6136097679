"""The progress bar of long commands: on standard error, and only where a person watches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from threading import Timer

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from regimen.cli.screen.interrupt import raise_on_interrupt
from regimen.cli.screen.terminal import console

Advance = Callable[[int, int, str], None]
"""Called with (steps done, steps in all, what is being done)."""

_SILENT = 0.7
"""Seconds that a command may take, where no person watches, before it says what it does."""


@contextmanager
def working(words: str) -> Iterator[None]:
    """Says what is being done: at once to a person, as one plain line after a moment to a pipe or a log."""
    screen = console(error=True)
    if screen.is_terminal:
        with screen.status(words, spinner="line"):
            yield
        return
    # written as it is: a console would import more of itself, and wait for the import that takes so long
    timer = Timer(_SILENT, lambda: print(f"[0/1] {words}", file=sys.stderr, flush=True))
    timer.daemon = True
    with suppress(RuntimeError):  # there is no room for a thread: what follows will say so
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def progress_bar() -> Iterator[Advance]:
    """Yields a function that moves the bar. Without a terminal each new message is one plain line instead.

    With its first call the work begins that Ctrl-C has to put away.
    """
    screen = console(error=True)
    with _bar(screen) if screen.is_terminal else _lines(screen) as show:

        def advance(done: int, total: int, message: str) -> None:
            raise_on_interrupt()
            show(done, total, message)

        yield advance


@contextmanager
def _lines(screen: Console) -> Iterator[Advance]:
    last = ""
    with ExitStack() as starting:
        starting.enter_context(working("starting"))

        def line(done: int, total: int, message: str) -> None:
            nonlocal last
            stage = message.split(" · ")[0]
            if stage != last:
                starting.close()
                screen.print(f"[{done}/{total}] {stage}", markup=False)
                last = stage

        yield line


class _Left(TimeRemainingColumn):
    """How long it will still take, once that is known."""

    def render(self, task: Task) -> Text:
        known = None if task.total is None else task.time_remaining
        return Text.assemble("· ", super().render(task), " left") if known else Text("")


@contextmanager
def _bar(screen: Console) -> Iterator[Advance]:
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        _Left(),
        console=screen,
        transient=True,
    ) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda done, total, message: bar.update(task, completed=done, total=total, description=message)
