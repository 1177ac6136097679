"""What one step of learning frees is kept for the next one, instead of being handed back and asked for again."""

from __future__ import annotations

import ctypes
import sys
from functools import cache

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Numbers of `mallopt` (malloc.h of glibc)."""
_MOST = 1 << 30


@cache
def keep_freed_memory() -> bool:
    """Has the process keep blocks of up to 1 GiB that it frees; returns whether its allocator can be told so.

    By default glibc maps every block of some hundred kilobytes anew and gives it back when it is freed. A step of a
    sequence model frees and takes hundreds of megabytes, and each 4 KiB of them cost a page fault: a third of the time
    of a temporal fusion transformer. No number depends on it. What the process once needed it keeps.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    return mallopt is not None and bool(mallopt(_MMAP_THRESHOLD, _MOST)) and bool(mallopt(_TRIM_THRESHOLD, _MOST))
