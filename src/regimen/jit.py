"""The one door to numba: compiled functions that keep their Python types and are cached on disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from numba.core.errors import NumbaError as CompileError

__all__ = ["COMPILER", "CompileError", "jit", "jit_step", "jit_step_uncached", "jit_uncached"]

F = TypeVar("F", bound=Callable[..., object])

COMPILER = f"numba {numba.__version__}"


def jit(function: F) -> F:
    """Compiles a function in nopython mode, caches it on disk, and follows IEEE rules for division by zero.

    There is no fast-math: a sum is added in the order that it is written in, so that one bar at a time and a
    million bars in one call give the same bits. Where there is no place for a cache (a function typed into an
    interpreter, a read-only installation) the function works without.
    """
    return _cached(function, {})


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
    """Like `jit_step`, but compiles in every process (sixty features: 0.23 instead of 0.47 µs a bar)."""
    return cast(F, numba.njit(**_RULES, **_STEP)(function))


_RULES: dict[str, Any] = {"error_model": "numpy", "nogil": True}
_STEP: dict[str, Any] = {"forceinline": True, "_nrt": False}


def _cached(function: F, options: dict[str, Any]) -> F:
    try:
        return cast(F, numba.njit(cache=True, **_RULES, **options)(function))
    except RuntimeError:  # numba: "no locator available"
        return cast(F, numba.njit(**_RULES, **options)(function))
