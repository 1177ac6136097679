"""All that watches one account, as one step: a bar goes in, what is new to know comes out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from regimen.errors import RunError
from regimen.monitoring.alerts.alert import Alert
from regimen.monitoring.collapse import CollapseMemory, CollapseReading, CollapseReference
from regimen.monitoring.drift import DriftMemory, DriftReading, DriftReference
from regimen.monitoring.sequential import SequentialVerdict, VerdictMemory, VerdictReading

Floats = NDArray[np.float64]


class WatchMemory(NamedTuple):
    """What is remembered of the bars so far; a step gives another one and changes none."""

    drift: DriftMemory | None
    collapse: CollapseMemory | None
    verdict: VerdictMemory | None

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> WatchMemory:
        """Returns the memory that `Watch.arrays` gave, in these arrays; what they have nothing of is not watched."""

        def part(name: str, kind: Any) -> Any:
            known = any(each.startswith(f"{name}/") for each in arrays)
            return kind(*(arrays[f"{name}/{field}"] for field in kind._fields)) if known else None

        return cls(part("drift", DriftMemory), part("collapse", CollapseMemory), part("verdict", VerdictMemory))


class WatchedBar(NamedTuple):
    """One bar, as it is watched."""

    time: int
    """Close of the bar, nanoseconds since 1970."""
    row: Floats
    """(column,) or (symbol, column) what the drift reference has names for."""
    exposures: Floats
    """(symbol,) what the policy wants; NaN leaves everything as it is."""
    day: float
    """Return of the account's day, where this bar ends one; NaN elsewhere."""


class Sights(NamedTuple):
    """What a bar has shown that was not known before; None where nothing was due."""

    drift: DriftReading | None
    collapse: CollapseReading | None
    verdict: VerdictReading | None
    alerts: tuple[Alert, ...]


@final
class Watch:
    """Drift of the rows, collapse of the decisions and the verdict of the days, one step a bar.

    Timing: what is known after bar t uses bars <= t, and the days that have ended by then.

    Args:
        drift: of the training slice's rows; None: not watched.
        collapse: of the policy's decisions there; None: not watched.
        verdict: on the claim of the backtest; None: not watched.
    """

    def __init__(
        self,
        drift: DriftReference | None = None,
        collapse: CollapseReference | None = None,
        verdict: SequentialVerdict | None = None,
    ) -> None:
        self.drift, self.collapse, self.verdict = drift, collapse, verdict

    def initial(self) -> WatchMemory:
        """Returns the memory before the first bar."""
        return WatchMemory(
            None if self.drift is None else self.drift.initial(),
            None if self.collapse is None else self.collapse.initial(),
            None if self.verdict is None else self.verdict.initial(),
        )

    def observe(self, memory: WatchMemory, seen: WatchedBar) -> tuple[WatchMemory, Sights]:
        """Returns the memory after a bar, and what is new to know."""
        following = self.of_arrays({name: array.copy() for name, array in self.arrays(memory).items()})
        return following, self.advance(following, seen)

    def advance(self, memory: WatchMemory, seen: WatchedBar) -> Sights:
        """Takes a bar into a memory, in place; returns what is new to know."""
        drift, collapse, verdict = memory
        rows: DriftReading | None = None
        actions: CollapseReading | None = None
        days: VerdictReading | None = None
        alerts: list[Alert] = []
        if self.drift is not None and drift is not None:
            rows = self.drift.reading(drift) if self.drift.advance(drift, seen.row) else None
        if self.collapse is not None and collapse is not None:
            actions = self.collapse.reading(collapse) if self.collapse.advance(collapse, seen.exposures) else None
        if self.verdict is not None and verdict is not None and math.isfinite(seen.day):
            before = self.verdict.reading(verdict).contradicts
            for array, value in zip(verdict, self.verdict.observe(verdict, seen.day), strict=True):
                array[...] = value
            days = self.verdict.reading(verdict)
            if days.contradicts and not before:
                alerts.append(_contradiction(days, seen.time))
        if rows is not None and rows.rings:
            alerts.append(_drift(rows, seen.time))
        if actions is not None and actions.rings:
            alerts.append(_collapse(actions, seen.time))
        return Sights(rows, actions, days, tuple(alerts))

    def drifted(self, memory: WatchMemory) -> DriftReading | None:
        """Returns what the latest check of the rows showed; None: they are not watched, or no window is complete."""
        return None if self.drift is None or memory.drift is None else self.drift.reading(memory.drift)

    def arrays(self, memory: WatchMemory) -> dict[str, NDArray[Any]]:
        """Returns a memory as arrays by name, for a snapshot: the arrays themselves."""
        return {f"{part}/{name}": array for part, name, array in _parts(memory)}

    def of_arrays(self, arrays: Mapping[str, NDArray[Any]]) -> WatchMemory:
        """Returns the memory that `arrays` gave, in these arrays.

        Raises:
            RunError: an array is missing, or of another shape or type: it is of another watch.
        """
        expected = self._expected
        differ = sorted(
            name
            for name in expected.keys() | arrays.keys()
            if name not in arrays or name not in expected or not _alike(arrays[name], expected[name])
        )
        if differ:
            raise RunError("snapshot", "holds the memory of another watch: these arrays differ", differ)
        return WatchMemory.of(arrays)

    @cached_property
    def _expected(self) -> dict[str, NDArray[Any]]:
        return self.arrays(self.initial())


def _parts(memory: WatchMemory) -> Iterator[tuple[str, str, NDArray[Any]]]:
    for part in WatchMemory._fields:
        watched = getattr(memory, part)
        for name in () if watched is None else watched._fields:
            yield part, name, getattr(watched, name)


def _alike(one: NDArray[Any], other: NDArray[Any]) -> bool:
    return one.shape == other.shape and one.dtype == other.dtype


def _drift(reading: DriftReading, at: int) -> Alert:
    worst = ", ".join(map(str, reading.worst))
    title = (
        f"the market is not as in training: {reading.statistic:.1f} times the usual, threshold {reading.threshold:.1f}"
    )
    return Alert("drift", "warning", title, f"Furthest from their usual: {worst}.", at)


def _collapse(reading: CollapseReading, at: int) -> Alert:
    title = f"{reading.share:.1%} of decisions are the same action, threshold {reading.threshold:.1%}"
    return Alert("collapse", "critical", title, f"The entropy of the actions is {reading.entropy:.2f} of 1.", at)


def _contradiction(reading: VerdictReading, at: int) -> Alert:
    title = f"{reading.days} days of the account contradict the backtest"
    body = f"Who bet against its claim has {reading.against_claim:.0f} times what he began with. Trading halts."
    return Alert("verdict", "critical", title, body, at)
