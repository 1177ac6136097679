"""One line that says how far the work is: rewritten in place in a terminal and in a notebook, absent elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

Advance = Callable[[int, int, str], None]
"""Called with (steps done, steps in all, what is being done)."""

_PAUSE = 0.1
"""Seconds between two lines: more often nobody can read."""
_WIDTH = 100


@contextmanager
def advancing(progress: bool | Advance | None = None) -> Iterator[Advance]:
    """Yields the function that work calls as it goes on; with the end of the block the line is gone.

    Args:
        progress: None shows a line where a person watches, True everywhere, False nowhere; a function is called itself.
    """
    if callable(progress):
        yield progress
        return
    notebook = _notebook()
    if not (notebook is not None or sys.stderr.isatty() if progress is None else progress):
        yield lambda _done, _total, _message: None
        return
    write = _on_stream(sys.stderr) if notebook is None else _in_cell(notebook)
    began = last = time.monotonic()

    def advance(done: int, total: int, message: str) -> None:
        nonlocal last
        now = time.monotonic()
        if began < last and now - last < _PAUSE and done < total:
            return
        last = now
        write(f"{100 * done // max(total, 1):3d} %  {now - began:5.0f} s  {message}"[:_WIDTH])

    try:
        yield advance
    finally:
        write("")


def _on_stream(stream: TextIO) -> Callable[[str], None]:
    """Returns what writes a line over the one before it."""
    length = 0

    def write(line: str) -> None:
        nonlocal length
        stream.write(f"\r{line:<{length}}" if line else f"\r{'':<{length}}\r")
        stream.flush()
        length = len(line)

    return write


def _in_cell(notebook: Any) -> Callable[[str], None]:
    """Returns what shows a line as the output of a cell, in the place of the one before it."""
    shown = notebook.display.display({"text/plain": ""}, raw=True, display_id=True)
    return lambda line: shown.update({"text/plain": line}, raw=True)


def _notebook() -> Any:
    """Returns IPython where this is the kernel of a notebook; it is never imported here: a kernel has done so."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return ipython if type(shell).__name__ == "ZMQInteractiveShell" else None
