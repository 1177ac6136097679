"""What one step of learning frees is kept for the next one, instead of being handed back and asked for again."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Numbers of `mallopt` (malloc.h of glibc)."""
_MOST = 1 << 30


@cache
def keep_freed_memory() -> bool:
    """Has the process keep blocks of up to 1 GiB that it frees; returns whether its allocator can be told so.

    By default glibc maps every block of some hundred kilobytes anew and gives it back when it is freed. A step of a
    sequence model frees and takes hundreds of megabytes, and each 4 KiB of them cost a page fault: a third of the time
    of a temporal fusion transformer. No number depends on it. What the process once needed it keeps, until
    `hand_back_memory`.
    """
    mallopt = _of_libc("mallopt")
    return mallopt is not None and bool(mallopt(_MMAP_THRESHOLD, _MOST)) and bool(mallopt(_TRIM_THRESHOLD, _MOST))


def hand_back_memory() -> bool:
    """Gives what is kept and not in use back to the system; returns whether there was anything to give."""
    trim = _of_libc("malloc_trim")
    return trim is not None and bool(trim(0))


def _of_libc(name: str) -> Callable[..., int] | None:
    """Returns a function of glibc; musl and other systems do not have it."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
