"""Tells memory that ran out from every other failure, whichever library met it."""

from __future__ import annotations

import errno
import re

_MESSAGES = re.compile(r"can't allocate memory|cannot allocate memory|not enough memory|out of memory|bad_alloc", re.I)
_NO_STACK = "Failed to launch worker thread"
"""pyarrow's message where there is no memory for the stack of one more thread; its class is an error of any kind."""


def ran_out(error: BaseException) -> bool:
    """Whether an error means that there was not enough memory: PyTorch says so with a plain `RuntimeError`."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if isinstance(error, MemoryError) or _NO_STACK in str(error):
        return True
    return isinstance(error, RuntimeError) and bool(_MESSAGES.search(str(error)))
