"""`Slice`: the rows of a span that one purpose may use; only a splitter of this room can make one."""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from regimen.errors import SplitError
from regimen.reprs import many, short

Role = Literal["train", "validation", "test", "held_out"]
T = TypeVar("T", bound=np.generic)
_SPLITTER = object()


@dataclass(frozen=True, eq=False)
class Slice:
    """Rows of a (time, symbol) table that may be used for one purpose.

    Made by `regimen.splits.walk_forward`, `regimen.splits.purged_folds` or `regimen.splits.combinatorial`; the
    constructor refuses everybody else, so that nothing can be fitted on a whole series by accident.

    Attributes:
        role: ``train`` (may be fitted on), ``validation`` (early stopping), ``test`` (judged) or ``held_out`` (a fold
            of a training slice: measured, and never judged).
        start, stop: positions [start, stop) of the span in the series.
        usable: (stop − start, symbol) bool: the rows of the span that are not purged, embargoed or missing.
        length: bars in the whole series.
        spans: the stretches [start, stop) of bars that it is made of, in time: one, but for a training or test slice
            that other bars are cut out of. Whoever walks through its bars, and does not take its rows, walks in these.
    """

    role: Role
    start: int
    stop: int
    usable: NDArray[np.bool_]
    length: int
    spans: tuple[tuple[int, int], ...] = ()
    rows: int = field(init=False)
    token: InitVar[object] = None

    def __post_init__(self, token: object) -> None:
        if token is not _SPLITTER:
            raise SplitError("slice", "must be made by a splitter (regimen.splits.walk_forward), never by hand")
        object.__setattr__(self, "rows", int(self.usable.sum()))
        object.__setattr__(self, "spans", self.spans or ((self.start, self.stop),))
        self.usable.flags.writeable = False

    def __repr__(self) -> str:
        return short(self, f"{self.role}: bars {self.start:,} to {self.stop:,}, {many(self.rows, 'row')}")

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(time, symbol) bool over the whole series: the usable rows."""
        whole = np.zeros((self.length, self.usable.shape[1]), dtype=np.bool_)
        whole[self.start : self.stop] = self.usable
        return whole

    @property
    def positions(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Time positions and symbol positions of the usable rows, each (rows,), in the order of `take`."""
        times, symbols = np.nonzero(self.usable)
        return times + self.start, symbols

    def take(self, values: NDArray[T]) -> NDArray[T]:
        """Returns the usable rows of a whole-series table: (time, symbol, ...) to (rows, ...), time-major.

        Raises:
            SplitError: the table does not have the shape (time, symbol, ...) of the series that was split.
        """
        shape = (self.length, self.usable.shape[1])
        if values.shape[:2] != shape:
            raise SplitError("slice.take", f"needs a table of the shape (time, symbol, ...) = {shape}", values.shape)
        return values[self.start : self.stop][self.usable]

    def among(self, rows: NDArray[np.bool_]) -> Slice:
        """Returns the slice of those of its rows that are marked in a whole-series table (time, symbol): never more."""
        return make_slice(self.role, self.start, self.usable & rows[self.start : self.stop], self.length, self.spans)

    def until(self, stop: int) -> Slice:
        """Returns the slice of its rows before position ``stop``: never more.

        Raises:
            SplitError: a position outside of the slice.
        """
        if not self.start < stop <= self.stop:
            raise SplitError("slice.until", f"must be a position within bars {self.start} to {self.stop}", stop)
        spans = tuple((first, min(last, stop)) for first, last in self.spans if first < stop)
        return make_slice(self.role, self.start, self.usable[: stop - self.start].copy(), self.length, spans)


def make_slice(
    role: Role, start: int, usable: NDArray[np.bool_], length: int, spans: tuple[tuple[int, int], ...] = ()
) -> Slice:
    """Makes a slice; for the splitters of this room."""
    return Slice(role, start, start + len(usable), usable, length, spans, token=_SPLITTER)
