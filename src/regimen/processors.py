"""How many processors this process may use, and work on compiled code shared out among them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_MOST = 4


def processors() -> int:
    """Returns how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_threads(function: Callable[[Item], Result], items: Iterable[Item], *, worth: bool = True) -> Iterator[Result]:
    """Yields ``function(item)`` of each item in their order, up to four at a time.

    It pays for what spends its time in compiled code that lets go of the interpreter. Each result is that of the
    function alone, so their bits do not depend on the number of processors.

    Args:
        function: of one item.
        items: what it is called with.
        worth: whether the work is long enough to be shared out.
    """
    threads = min(_MOST, processors())
    if threads == 1 or not worth:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(threads, thread_name_prefix="regimen") as pool:
        yield from pool.map(function, items)


def beside(function: Callable[[], Result], *, worth: bool = True) -> Callable[[], Result]:
    """Begins a function beside what the caller goes on with; returns what waits for its result, or raises its error.

    Args:
        function: without arguments.
        worth: whether the work is long enough to be done beside; else it is done when it is asked for.
    """
    if processors() == 1 or not worth:
        return function
    pool = ThreadPoolExecutor(1, thread_name_prefix="regimen")
    waiting = pool.submit(function)
    pool.shutdown(wait=False)
    return waiting.result
