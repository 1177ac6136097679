"""More rows to learn from, beside those of a training slice: as a model sees them, scaled, with class and targets."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from regimen.errors import DataError, SplitError
from regimen.seams import Inputs
from regimen.splits import Slice
from regimen.windows import SeriesWindows

Floats = NDArray[np.float64]


class LearnedRows(NamedTuple):
    """Rows as a model learns from them.

    Attributes:
        x: (n, feature) scaled, or windows (n, window, feature).
        y: (n,) int64 class.
        targets: by name (n,), what is learned besides the class.
    """

    x: Inputs
    y: NDArray[np.int64]
    targets: Mapping[str, NDArray[np.floating]] = MappingProxyType({})


class Samples(Protocol):
    """A way to make rows that might have been, fitted on the rows of one training slice."""

    def rows(self, number: int, seed: int) -> LearnedRows:
        """Returns so many rows, with the names and the kinds of targets that it was fitted on."""


class MakesSamples(Protocol):
    """The config of a way to make rows."""

    @property
    def learns(self) -> Literal["rows", "windows"]:
        """What it makes."""


def misfit(config: MakesSamples, context: int | None) -> str | None:
    """Returns the rule that made rows break for a model, None where they fit.

    Args:
        config: makes rows, or windows of rows.
        context: rows that the model sees at once; None: an agent, which trades through bars.
    """
    if context is None:
        return "must make paths of bars for an agent, which trades through them"
    if config.learns == "rows" and context > 1:
        return f"must be timegan for a model that sees windows of {context} rows"
    if config.learns == "windows" and context == 1:
        return "must be tabddpm for a model that sees single rows"
    return None


def require_training_rows(data: LearnedRows, part: Slice, dimensions: int) -> None:
    """Refuses what a generator of rows must not be fitted on, or cannot be.

    Args:
        data: the rows.
        part: where they come from.
        dimensions: 2 for rows, 3 for windows of rows.

    Raises:
        SplitError: anything but a training slice.
        DataError: fewer than two rows, rows of another shape, or a number that is not finite.
    """
    if part.role != "train":
        raise SplitError("augment.fit", "must see the training slice only", part.role)
    if len(data.y) < 2:
        raise DataError("augment.fit", "needs at least two rows", len(data.y))
    if data.x.ndim != dimensions or len(data.x) != len(data.y):
        shape = "(n, feature)" if dimensions == 2 else "(n, window, feature)"
        raise DataError("augment.fit", f"must see {shape}, and a class for each", data.x.shape)
    for name, values in {"x": moments(data.x), **data.targets}.items():
        if not np.isfinite(values).all():
            raise DataError(f"augment.fit: {name}", "must be finite: drop the rows that are not warm")


def moments(x: Inputs) -> NDArray[np.floating]:
    """Returns the rows (row, feature) that inputs show, each moment of a series once: those of no window are left out.

    The series behind windows may hold what comes after their slice; only what some window shows is looked at.
    """
    if not isinstance(x, SeriesWindows):
        return x.reshape(-1, x.shape[-1])
    return x.series[shown(x)]


def shown(x: SeriesWindows) -> NDArray[np.bool_]:
    """Returns which rows of the series some window shows, (row,)."""
    edges = np.zeros(len(x.series) + 1, dtype=np.int64)
    np.add.at(edges, x.ends - x.length + 1, 1)
    np.add.at(edges, x.ends + 1, -1)
    visible: NDArray[np.bool_] = np.cumsum(edges)[:-1] > 0
    return visible
