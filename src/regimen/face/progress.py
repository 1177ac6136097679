"""One line that says how far the work is: rewritten in place in a terminal and in a notebook, absent elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

Advance = Callable[[int, int, str], None]
"""Called with (steps done, steps in all, what is being done)."""

_PAUSE = 0.1
"""Seconds between two lines: more often nobody can read."""
_WIDTH = 100


@contextmanager
def advancing(progress: bool | Advance | None = None) -> Iterator[Advance]:
    """Yields the function that work calls as it goes on.

    Args:
        progress: None shows a line where a person watches, True everywhere, False nowhere; a function is called itself.
    """
    if callable(progress):
        yield progress
        return
    shown = _is_watched() if progress is None else progress
    if not shown:
        yield lambda _done, _total, _message: None
        return
    line = _Line(sys.stdout if _in_notebook() else sys.stderr)
    try:
        yield line.show
    finally:
        line.end()


class _Line:
    def __init__(self, stream: TextIO) -> None:
        self.stream, self.began, self.last = stream, time.monotonic(), 0.0
        self.written = 0

    def show(self, done: int, total: int, message: str) -> None:
        now = time.monotonic()
        if now - self.last < _PAUSE and done < total:
            return
        self.last = now
        text = f"{100 * done // max(total, 1):3d} %  {now - self.began:5.0f} s  {message}"[:_WIDTH]
        self._write(text)

    def end(self) -> None:
        self._write("")
        self.stream.write("\r")
        self.stream.flush()

    def _write(self, text: str) -> None:
        self.stream.write("\r" + text.ljust(self.written))
        self.stream.flush()
        self.written = len(text)


def _is_watched() -> bool:
    return _in_notebook() or sys.stderr.isatty()


def _in_notebook() -> bool:
    """Whether this is the kernel of a notebook; IPython is asked only where it is there already."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"
