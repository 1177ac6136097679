"""Which trials belong together, and which of them go on: batches, and the brackets of Hyperband.

Source: Li, Jamieson, DeSalvo, Rostamizadeh and Talwalkar, "Hyperband: a novel bandit-based approach to hyperparameter
optimization" (2018), algorithm 1. Deviation: the last rung is all epochs that the config says, also where those are no
power of the factor times the smallest.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from regimen.runs.search.settings import HyperbandConfig, SearchConfig


@dataclass(frozen=True)
class Group:
    """Trials that are proposed together, and compared with each other.

    Attributes:
        start, stop: places [start, stop) among the trials of the search.
        rungs: epochs after which they are compared, ascending; the last is 0, all that the config says.
    """

    start: int
    stop: int
    rungs: tuple[int, ...] = (0,)


def brackets(config: HyperbandConfig, epochs: int) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """Returns how many trials each bracket of Hyperband has, and its rungs; the one with the fewest epochs first.

    With R the ratio of all epochs to the smallest and η the factor, bracket s, from ⌊log_η R⌋ down to 0, has
    ⌈(s_max + 1) / (s + 1) · η^s⌉ trials, the first of which are compared after R · η^−s times the smallest.

    Args:
        config: the smallest number of epochs and the factor.
        epochs: of a whole training.
    """
    top = 0
    while config.smallest * config.factor ** (top + 1) <= epochs:
        top += 1
    rungs = [config.smallest * config.factor**k for k in range(top)]
    return tuple(
        (math.ceil((top + 1) / (s + 1) * config.factor**s), (*rungs[top - s :], 0)) for s in range(top, -1, -1)
    )


def groups(search: SearchConfig, total: int, epochs: int) -> Iterator[Group]:
    """Yields the groups that so many trials fall into; the last has what is left.

    Args:
        search: batch, or Hyperband.
        total: trials of the search.
        epochs: of a whole training; asked by Hyperband alone.
    """
    sizes = ((search.batch, (0,)),) if search.hyperband is None else brackets(search.hyperband, epochs)
    start, turn = 0, 0
    while start < total:
        size, rungs = sizes[turn % len(sizes)]
        yield Group(start, min(start + size, total), rungs)
        start, turn = start + size, turn + 1


def survivors(values: Mapping[int, float], factor: int, *, larger: bool) -> Sequence[int]:
    """Returns which trials go on: the best one in ``factor``, at least one; of equal ones the earlier.

    Args:
        values: by number of the trial.
        factor: of Hyperband.
        larger: whether more is better.
    """
    order = sorted(values, key=lambda number: (-values[number] if larger else values[number], number))
    return sorted(order[: max(1, len(order) // factor)])
