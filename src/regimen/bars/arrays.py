"""Arrays to what bars are made of: times whose unit is said, and rows that name their symbol to a grid."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from regimen.errors import ConfigError, DataError

Values = NDArray[np.float64]
_UNITS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_LONGEST = 2.0**63 - 2.0**10


def times_of(time: object, unit: str | None) -> NDArray[np.datetime64]:
    """Returns times as datetime64[ns], UTC.

    Args:
        time: dates and times as numpy reads them, UTC where they name no zone; or numbers since 1970.
        unit: of numbers: s, ms, us or ns.

    Raises:
        ConfigError: the unit is none, or the times are no numbers.
        DataError: numbers without a unit, or something that is no time.
    """
    array = np.asarray(time)
    if array.ndim != 1:
        raise DataError("time", "must be one time for each bar, of shape (time,)", array.shape)
    are_numbers = array.dtype.kind in "iuf"
    if unit is not None and unit not in _UNITS:
        raise ConfigError("time_unit", "must be one of s, ms, us, ns", unit)
    if unit is not None and not are_numbers:
        raise ConfigError("time_unit", f"is for numbers, and these times are {array.dtype}: leave it out", unit)
    if not are_numbers:
        return _dates(time, array)
    if unit is None:
        first = array.ravel()[0].item() if array.size else 0
        raise DataError(
            "time", "holds numbers; time_unit='s', 'ms', 'us' or 'ns' says what they count from 1970", first
        )
    scale = _UNITS[unit]
    fits = np.abs(array.astype(np.float64)) * scale < _LONGEST  # NaN does not
    if not fits.all():
        row = int(np.argmin(fits))
        raise DataError("time_unit", f"must suit the times; row {row} is outside 1677 to 2262", array[row].item())
    scaled = np.rint(array * float(scale)) if array.dtype.kind == "f" else array.astype(np.int64) * scale
    return scaled.astype(np.int64).astype("datetime64[ns]")


def _dates(time: object, array: NDArray[np.generic]) -> NDArray[np.datetime64]:
    """Returns dates and times as datetime64[ns], UTC; numpy warns of each that names a zone, and converts it."""
    rule = "must be times, UTC, or numbers with a time_unit"
    if array.dtype.kind not in "MOUS":
        raise DataError("time", rule, str(array.dtype))
    if array.dtype.kind == "O" and any(isinstance(each, Real) for each in array):
        row = next(row for row, each in enumerate(array) if isinstance(each, Real))
        raise DataError("time", f"{rule}, not both; row {row} is a number", array[row])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            dates = np.array(time, dtype="datetime64[ns]")
    except (ValueError, TypeError, OverflowError) as error:
        raise DataError("time", f"{rule} ({error})") from None
    if array.dtype.kind == "M" and (outside := (dates.astype(array.dtype) != array) & ~np.isnat(array)).any():
        row = int(outside.argmax())
        raise DataError("time", f"must be within 1677 to 2262; row {row} is not", str(array[row]))
    return dates


def columns_of(values: Mapping[str, object]) -> dict[str, Values]:
    """Returns arrays of numbers; raises `DataError` for one that holds something else."""
    columns = {}
    for name, value in values.items():
        try:
            columns[name] = np.asarray(value, dtype=np.float64)
        except (ValueError, TypeError) as error:
            raise DataError(name, f"must be an array of numbers ({error})", type(value).__name__) from None
    return columns


def step_of(time: NDArray[np.datetime64]) -> int:
    """Returns the most frequent step between times, nanoseconds; raises `DataError` for fewer than two."""
    if len(time) < 2:
        raise DataError("bar_length", "must be given for fewer than two bars", len(time))
    steps, counts = np.unique(np.diff(time.astype(np.int64)), return_counts=True)
    return int(steps[counts.argmax()])


def grid_of(
    time: NDArray[np.datetime64], symbol: object, columns: Mapping[str, Values]
) -> tuple[NDArray[np.datetime64], tuple[str, ...], dict[str, Values]]:
    """Arranges rows that name their symbol: times that increase, names in the order of their first row, and columns.

    Args:
        time: (row,) in any order.
        symbol: (row,) names.
        columns: (row,) each.

    Returns:
        (time,) times, names, and (time, symbol) columns, NaN where a symbol has no row.

    Raises:
        DataError: a column is not as long as time, or a symbol has a time twice.
    """
    names = np.asarray(symbol).astype(str)
    for name, values in {"symbol": names, **columns}.items():
        if values.shape != time.shape:
            raise DataError(name, f"must have a value for each of the {len(time)} times", values.shape)
    known, first, codes = np.unique(names, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    stamps, rows = np.unique(time, return_inverse=True)
    cell = rows * len(known) + place[codes]
    cells, counts = np.unique(cell, return_counts=True)
    if len(cells) != len(cell):
        row = int(np.flatnonzero(cell == cells[counts > 1][0])[1])
        raise DataError("symbol", f"must not have a time twice; row {row} repeats one", f"{names[row]} {time[row]}")
    grids = {}
    for name, values in columns.items():
        grids[name] = np.full(len(stamps) * len(known), np.nan)
        grids[name][cell] = values
    shape = (len(stamps), len(known))
    return stamps, tuple(known[order].tolist()), {name: grid.reshape(shape) for name, grid in grids.items()}
