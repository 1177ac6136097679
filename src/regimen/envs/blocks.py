"""Lanes shared out among threads: one block of neighbours each, on compiled code that lets go of the interpreter."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise

from regimen.processors import processors

_WORTH = 512
"""Accounts times symbols that are worth waking a thread for (about 20 µs)."""


@lru_cache(maxsize=1)
def _pool(process: int) -> ThreadPoolExecutor:  # a forked process must not wait for its parent's threads
    return ThreadPoolExecutor(max(1, processors() - 1), thread_name_prefix=f"regimen-lanes-{process}")


def blocks(lanes: int, symbols: int, threads: int) -> tuple[tuple[int, int], ...]:
    """Cuts lanes into at most ``threads`` neighbouring blocks [first, stop), fewer where the work is small."""
    parts = max(1, min(threads, lanes, lanes * symbols // _WORTH))
    edges = [lanes * k // parts for k in range(parts + 1)]
    return tuple(pairwise(edges))


def over(parts: tuple[tuple[int, int], ...], work: Callable[[int, int], object]) -> None:
    """Calls ``work(first, stop)`` for every block, the first on the calling thread, and waits for all."""
    first, *others = parts
    waiting = [_pool(os.getpid()).submit(work, *part) for part in others]
    work(*first)
    for future in waiting:
        future.result()
