"""`Feature`: one compiled step, its initial state and the names of what it gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from regimen.errors import ConfigError
from regimen.reprs import short
from regimen.scan import TABLE, Recurrence, tables


@dataclass(frozen=True, eq=False)
class Feature:
    """One causal feature: ``step(state, bar, *inputs, *rings, *params) -> (state, value or tuple)``.

    Attributes:
        names: the columns that the step gives, in the order of its output; one name means a bare float.
        group: the group that the columns belong to.
        step: the compiled step (`regimen.jit.jit`); it sees this bar and its own past, nothing else.
        state: the initial state: an instance of a NamedTuple class with int, float and bool fields.
        rings: lengths of the ring buffers; each arrives as its own float64 array, at first all 0.0.
        params: constants of the step, written into the compiled code.
        inputs: names of extra columns of the bars; a column that the bars do not have arrives as NaN.
        warmup: bars before the first value, i.e. the 0-based row of the first finite output.
        about: one line: what the columns measure, and their unit.

    Raises:
        ConfigError: no name, a bad warm-up, or a state that is not a NamedTuple of scalars.
    """

    names: tuple[str, ...]
    group: str
    step: Callable[..., Any]
    state: tuple[Any, ...]
    rings: tuple[int, ...] = ()
    params: tuple[float, ...] = ()
    inputs: tuple[str, ...] = ()
    warmup: int = 0
    about: str = ""

    def __post_init__(self) -> None:
        if not self.names or not all(name.isidentifier() for name in self.names):
            raise ConfigError("feature.names", "must be at least one name of letters, digits and _", self.names)
        if self.warmup < 0:
            raise ConfigError(f"features.{self.names[0]}.warmup", "must not be negative", self.warmup)
        if any(length < 1 for length in self.rings):
            raise ConfigError(f"features.{self.names[0]}.rings", "must be lengths of at least 1", self.rings)
        self.recurrence.leaves  # noqa: B018  (checks the state)

    def __repr__(self) -> str:
        return short(self, f"{', '.join(self.names)}; group {self.group}, warm-up {self.warmup}")

    @property
    def recurrence(self) -> Recurrence:
        """What the scan engine needs to know of this feature, all columns in order."""
        return self.recurrence_to(tuple(range(len(self.names))))

    @property
    def tables(self) -> dict[str, int]:
        """How many numbers each table holds that the step brings along, by its name; see `regimen.scan.tables`."""
        own = {"params": len(self.params), "state": len(self.recurrence.leaves)}
        return tables(self.step) | {name: count for name, count in own.items() if count >= TABLE}

    def recurrence_to(self, targets: tuple[int, ...]) -> Recurrence:
        """Like `recurrence`, with the output column of each value, −1 for a value that is left out."""
        return Recurrence(self.names[0], self.step, self.state, targets, self.rings, self.params, self.inputs)
