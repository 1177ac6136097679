"""The one door to numba: compiled functions that keep their Python types and are cached on disk.

numba's cache is pickles and machine code: to read it is to run it. So it is read only from a folder into which
nobody else can have written.
"""

from __future__ import annotations

import inspect
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core.errors import NumbaError as CompileError

__all__ = [
    "COMPILER",
    "CompileError",
    "is_private",
    "jit",
    "jit_inner",
    "jit_loose",
    "jit_step",
    "jit_step_uncached",
    "jit_uncached",
]

F = TypeVar("F", bound=Callable[..., object])

COMPILER = f"numba {numba.__version__}"


def jit(function: F) -> F:
    """Compiles a function in nopython mode, caches it on disk, and follows IEEE rules for division by zero.

    There is no fast-math: a sum is added in the order that it is written in, so that one bar at a time and a
    million bars in one call give the same bits. Where there is no place for a cache (a function typed into an
    interpreter, a read-only installation), or only one that others may write to, the function works without.
    """
    return _cached(function, {})


def jit_loose(function: F) -> F:
    """Like `jit`, but sums may be added in another order, and a product and its sum be rounded once.

    So the processor works on many numbers at once. For training only, where the same machine has to give the same bits,
    and not one bar the bits of a million.
    """
    return _cached(function, {"fastmath": {"reassoc", "contract", "nsz"}})


def jit_inner(function: F) -> F:
    """Like `jit`, for a loop that compiled code alone calls: Python cannot, which saves a third of its compilation."""
    return _cached(function, _INNER)


def jit_uncached(function: F) -> F:
    """Like `jit`, but compiles in every process."""
    return cast(F, numba.njit(**_RULES)(function))


def jit_step(function: F) -> F:
    """Like `jit`, for a step that a loop calls once per bar with many arrays: it is merged into the loop.

    It is compiled without numba's memory manager, as on a GPU: it cannot allocate (numba refuses to compile
    that), and it counts no references to the arrays that it is given, which would cost more than the step
    itself (measured on the account step: 34 instead of 180 ns a bar).
    """
    return _cached(function, _STEP)


def jit_step_uncached(function: F) -> F:
    """Like `jit_step`, but compiles in every process (sixty features: 0.23 instead of 0.47 µs a bar), for compiled code
    alone: Python cannot call it.
    """
    return cast(F, numba.njit(**_RULES, **_STEP, **_INNER)(function))


_RULES: dict[str, Any] = {"error_model": "numpy", "nogil": True, "no_cfunc_wrapper": True}
_STEP: dict[str, Any] = {"forceinline": True, "_nrt": False}
_INNER: dict[str, Any] = {"no_cpython_wrapper": True}


def is_private(folder: Path) -> bool:
    """Whether a folder belongs to this user or to root, and nobody else may write to it."""
    if os.name != "posix":
        return True  # the folders of a profile are its user's
    state = folder.lstat()
    loose = state.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISDIR(state.st_mode) and state.st_uid in (os.getuid(), 0) and not loose


def _cached(function: F, options: dict[str, Any]) -> F:
    try:
        compiled = numba.njit(cache=True, **_RULES, **options)(function)
    except RuntimeError:  # numba: "no locator available"
        return cast(F, numba.njit(**_RULES, **options)(function))
    cache = getattr(compiled, "stats", None)  # none where numba is told not to compile, or to play a GPU
    if cache is not None and not _is_safe(Path(cache.cache_path), Path(inspect.getfile(function)).parent):
        return cast(F, numba.njit(**_RULES, **options)(function))
    return cast(F, compiled)


def _is_safe(cache: Path, source: Path) -> bool:
    """Whether who can write to the cache could as well write to the source beside it, or is this user alone."""
    if os.name != "posix" or cache.parent != source:
        return is_private(cache) and is_private(cache.parent)
    kept, beside = cache.lstat(), source.stat()
    looser = kept.st_mode & ~beside.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISDIR(kept.st_mode) and kept.st_uid in (os.getuid(), 0, beside.st_uid) and not looser
