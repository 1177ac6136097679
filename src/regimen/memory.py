"""Tells memory that ran out from every other failure, whichever library met it."""

from __future__ import annotations

import errno
import re

_MESSAGES = re.compile(r"can't allocate memory|cannot allocate memory|not enough memory|out of memory|bad_alloc", re.I)


def ran_out(error: BaseException) -> bool:
    """Whether an error means that there was not enough memory: PyTorch says so with a plain `RuntimeError`."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and bool(_MESSAGES.search(str(error))))
