"""Ctrl-C before there is anything to tidy up: the process ends at once, with one line.

Python's own way, an exception wherever the program happens to be, is lost when a library that is just being imported
swallows it, and prints a traceback when nobody is there yet to catch it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType

_CODE = 130


def end_at_once_on_interrupt() -> None:
    """From now on Ctrl-C ends the process; what it was writing is a neighbour that the next command removes."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _end)


def raise_on_interrupt() -> None:
    """From now on Ctrl-C is a ``KeyboardInterrupt`` again: there is work to be put away."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(_number: int, _frame: FrameType | None) -> None:
    tidy = "\r\x1b[2K\x1b[?25h" if sys.stderr.isatty() else ""  # takes back the spinner, gives back the cursor
    os.write(2, f"{tidy}interrupted\n".encode())
    os._exit(_CODE)
