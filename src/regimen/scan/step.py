"""What a step is: the bar that it sees, the state that it carries, and where states are kept between bars."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from regimen.errors import ConfigError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Bar(NamedTuple):
    """One bar as a step sees it: its start (ns, UTC), four prices, and the volume (NaN where unknown)."""

    time: int
    open: float
    high: float
    low: float
    close: float
    volume: float


class Stateless(NamedTuple):
    """The state of a step that needs none."""

    nothing: int = 0


def _leaves(state: tuple[Any, ...], owner: str) -> Iterator[tuple[str, float]]:
    """Yields (kind, initial value) of each scalar, depth first; the kind is int, float or bool."""
    kinds = getattr(type(state), "__annotations__", None)
    if not isinstance(state, tuple) or not hasattr(state, "_fields") or kinds is None:
        raise ConfigError(f"{owner}.state", "must be an instance of a NamedTuple class", state)
    for name, value in zip(state._fields, state, strict=True):
        if isinstance(value, tuple):
            yield from _leaves(value, f"{owner}.{name}")
            continue
        kind = kinds[name]
        kind = getattr(kind, "__forward_arg__", getattr(kind, "__name__", kind))
        if kind not in ("int", "float", "bool") or not isinstance(value, (int, float)):
            raise ConfigError(f"{owner}.state.{name}", "must be declared int, float or bool", value)
        yield kind, float(value) if kind == "float" else int(value)


@dataclass(frozen=True, eq=False)
class Recurrence:
    """A step with its initial state.

    Attributes:
        name: for messages.
        step: a compiled function, ``step(state, bar, *inputs, *rings, *params)``.
        state: the initial state, a NamedTuple of int, float and bool fields, or of such NamedTuples.
        targets: for each value that it gives, the output column, or −1 to leave it out. One value is a bare
            float, several are a tuple.
        rings: lengths of the ring buffers; float64, at first all 0.0.
        params: constants, written into the compiled code.
        inputs: names of exogenous scalars, given after the bar; NaN where there is none.
    """

    name: str
    step: Callable[..., Any]
    state: tuple[Any, ...]
    targets: tuple[int, ...] = (0,)
    rings: tuple[int, ...] = ()
    params: tuple[float, ...] = ()
    inputs: tuple[str, ...] = ()

    @cached_property
    def leaves(self) -> tuple[tuple[str, float], ...]:
        """(kind, initial value) of each scalar of the state, depth first."""
        return tuple(_leaves(self.state, self.name))


@dataclass(frozen=True)
class States:
    """What the steps remember, one row a symbol.

    Attributes:
        floats: (symbol, float fields).
        ints: (symbol, int and bool fields).
        rings: (symbol, the sum of the ring lengths).
    """

    floats: Floats
    ints: Ints
    rings: Floats


@dataclass(frozen=True)
class Series:
    """One symbol's bars as contiguous columns, which become read-only; ``extras`` is (input, time)."""

    time: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    extras: Floats

    def __post_init__(self) -> None:
        for column in vars(self).values():
            column.flags.writeable = False
