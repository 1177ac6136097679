"""The rows that a model is trained on and watched with, checked once before the loop starts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimen.errors import DataError
from regimen.seams import Inputs, RowTable
from regimen.windows import SeriesWindows

_THREE = ("SELL", "HOLD", "BUY")


@dataclass(frozen=True)
class TrainingData:
    """Training rows, and the purged tail of the training slice that early stopping watches.

    A panel is flattened by the caller: one row is one (time, symbol). Nothing here is copied or changed;
    rows may overlap in memory (`SeriesWindows`, or any view).

    Attributes:
        x_train: (n, inputs) scaled features, finite; or windows (n, window, inputs) for a sequence model.
        y_train: (n,) class of each row, 0 … classes-1.
        x_val: (m, inputs), or None: no validation, the last epoch is kept.
        y_val: (m,).
        weights: (n,) weight of each training row's loss, not negative; None means 1.
        targets_train: by name (n,), what is learned besides the class; finite.
        targets_val: (m,), of the same names.
        rows: where the training rows come from, for what asks for it (weights, a curriculum); None: unknown.
        rows_val: where the validation rows come from.
        groups: positions of the columns of each named group of features; empty: unknown.
        own: training rows of the market itself, which come before those of augmented paths; None: all.
    """

    x_train: Inputs
    y_train: NDArray[Any]
    x_val: Inputs | None = None
    y_val: NDArray[Any] | None = None
    weights: NDArray[np.floating] | None = None
    targets_train: Mapping[str, NDArray[np.floating]] = field(default_factory=dict)
    targets_val: Mapping[str, NDArray[np.floating]] = field(default_factory=dict)
    rows: RowTable | None = None
    rows_val: RowTable | None = None
    groups: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    own: int | None = None

    def check(
        self, inputs: int, classes: int, *, allow_missing_classes: bool, window: int = 1, targets: Sequence[str] = ()
    ) -> None:
        """Refuses rows that cannot be trained on.

        Args:
            inputs: columns of a row.
            classes: number of classes.
            allow_missing_classes: train even though a class never occurs.
            window: rows that the model sees at once; 1: a row without a time axis.
            targets: names of what it learns besides the class.

        Raises:
            DataError: naming the array, the rule and the first offending row or class.
        """
        _check_rows("x_train", self.x_train, "y_train", self.y_train, inputs, classes, window)
        if (self.x_val is None) != (self.y_val is None):
            raise DataError("x_val, y_val", "must be given together")
        if self.x_val is not None and self.y_val is not None:
            _check_rows("x_val", self.x_val, "y_val", self.y_val, inputs, classes, window)
            _check_targets("targets_val", self.targets_val, len(self.x_val), (*targets, *self.targets_train))
        _check_targets("targets_train", self.targets_train, len(self.x_train), targets)
        if self.rows is not None:
            _check_table("rows", self.rows, len(self.x_train))
        if self.rows_val is not None:
            _check_table("rows_val", self.rows_val, 0 if self.x_val is None else len(self.x_val))
        if self.weights is not None:
            _check_weights(self.weights, len(self.x_train))
        if not allow_missing_classes:
            counts = self.counts(classes)
            for number in np.flatnonzero(counts == 0):
                raise DataError(
                    "y_train",
                    f"must contain every class, but class {class_name(int(number), classes)} never occurs "
                    "(training.allow_missing_classes=true trains without it)",
                )

    def counts(self, classes: int) -> NDArray[np.int64]:
        """Returns the number of training rows of each class."""
        return np.bincount(np.asarray(self.y_train, dtype=np.int64), minlength=classes)

    def fingerprint(self, first: Sequence[str] = (), *, with_rows: bool = False) -> str:
        """Returns a SHA-256 over all rows, by which a checkpoint knows its own data.

        Args:
            first: the targets that a model learns, in its own order; further ones follow by their names.
            with_rows: where all rows come from, and what groups their columns are of, counts too, because something
                asks for it.
        """
        digest = hashlib.sha256()
        further = sorted({*self.targets_train, *self.targets_val}.difference(first))
        names = [name for name in (*first, *further) if name in self.targets_train]
        columns = [
            np.stack([part[name] for name in names], axis=1) if part else None
            for part in (self.targets_train, self.targets_val)
        ]
        digest.update("".join(further).encode())
        if with_rows and self.groups:
            digest.update(repr(sorted(self.groups.items())).encode())
        tables = [column for table in (self.rows, self.rows_val) if with_rows for column in table or ()]
        arrays = _arrays(self.x_train, self.y_train, self.x_val, self.y_val, self.weights, *columns, *tables)
        for array in arrays:
            if array is None:
                digest.update(b"none")
                continue
            digest.update(f"{array.dtype}{array.shape}".encode())
            for start in range(0, len(array), 65_536):  # in blocks, so that a view of windows is never copied whole
                digest.update(np.ascontiguousarray(array[start : start + 65_536]).data)
        return digest.hexdigest()


def class_name(number: int, classes: int) -> str:
    """Returns ``0 (SELL)``, ``1 (HOLD)``, ``2 (BUY)`` for three classes, otherwise the number alone."""
    return f"{number} ({_THREE[number]})" if classes == len(_THREE) else str(number)


def _arrays(*parts: Inputs | NDArray[Any] | None) -> Iterator[NDArray[Any] | None]:
    """Yields the arrays behind the parts, a series and not its windows."""
    for part in parts:
        if isinstance(part, SeriesWindows):
            yield part.series
            yield part.ends
            yield np.array(part.length)[None]
        else:
            yield part


def _check_rows(x_name: str, x: Inputs, y_name: str, y: NDArray[Any], inputs: int, classes: int, window: int) -> None:
    if x.ndim < 2 or x.shape[-1] != inputs:
        raise DataError(x_name, f"must be rows of {inputs} columns", x.shape)
    if window > 1 and x.shape[1:] != (window, inputs):
        raise DataError(x_name, f"must be windows of {window} rows of {inputs} columns", x.shape)
    if len(x) == 0:
        raise DataError(x_name, "must have at least one row", x.shape)
    if y.shape != (len(x),):
        raise DataError(y_name, f"must have one label for each of the {len(x)} rows of {x_name}", y.shape)
    if y.dtype.kind not in "iu":
        raise DataError(y_name, "must hold whole numbers", str(y.dtype))
    outside = (y < 0) | (y >= classes)
    if outside.any():
        row = int(np.argmax(outside))
        raise DataError(y_name, f"must hold classes 0 to {classes - 1} (row {row})", int(y[row]))
    known = x.series if isinstance(x, SeriesWindows) else x
    for start in range(0, len(known), 65_536):
        block = known[start : start + 65_536]
        finite = np.isfinite(block).reshape(len(block), -1).all(axis=1)
        if not finite.all():
            row = start + int(np.argmin(finite))
            raise DataError(x_name, f"must be finite (row {row}): drop the rows that are not warm")


def _check_targets(name: str, targets: Mapping[str, NDArray[np.floating]], rows: int, wanted: Sequence[str]) -> None:
    missing = [each for each in wanted if each not in targets]
    if missing:
        raise DataError(name, f"must hold {', '.join(missing)}, learned besides the class", list(targets))
    for each, values in targets.items():
        if values.shape != (rows,):
            raise DataError(f"{name}: {each}", f"must have one value for each of the {rows} rows", values.shape)
        finite = np.isfinite(values)
        if not finite.all():
            raise DataError(f"{name}: {each}", f"must be finite (row {int(np.argmin(finite))})")


def _check_table(which: str, table: RowTable, rows: int) -> None:
    for name, values in table._asdict().items():
        if values is not None and values.shape != (rows,):
            raise DataError(f"{which}: {name}", f"must have one value for each of the {rows} rows", values.shape)


def _check_weights(weights: NDArray[np.floating], rows: int) -> None:
    if weights.shape != (rows,):
        raise DataError("weights", f"must have one value for each of the {rows} training rows", weights.shape)
    bad = ~(np.isfinite(weights) & (weights >= 0.0))
    if bad.any():
        row = int(np.argmax(bad))
        raise DataError("weights", f"must be finite and not negative (row {row})", float(weights[row]))
    if not (weights > 0.0).any():
        raise DataError("weights", "must not all be zero")
