"""Bars to a data frame, to an Arrow table and to a Parquet file, from which they are read back bit for bit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from regimen.bars.bars import PRICES, Bars
from regimen.errors import DataError
from regimen.files import replacing

if TYPE_CHECKING:
    import pandas as pd

DESCRIPTION = "regimen"
"""The key of what stands beside the columns: the metadata of an Arrow schema, the ``attrs`` of a pandas frame."""


def to_frame(bars: Bars) -> pd.DataFrame:
    """Returns a frame in long form: ``timestamp`` (UTC), ``symbol`` in panels, prices, volume, extras.

    A panel has a row for each time and symbol that has a bar; a single instrument has one for each time. The frame's
    ``attrs`` say what its columns cannot, as long as its stamps stay what they are: see `describe`.
    """
    import pandas as pd

    count, width = bars.shape
    stamps = np.repeat(bars.time, width)
    data: dict[str, object] = {"timestamp": pd.DatetimeIndex(stamps, tz="UTC")}
    if width > 1:
        names = pd.Index(list(bars.symbols))
        data["symbol"] = pd.Categorical.from_codes(np.tile(np.arange(width), count), categories=names)
    for name in (*PRICES, "volume"):
        data[name] = getattr(bars, name).ravel()
    data.update({name: values.ravel() for name, values in bars.extras.items()})
    frame = pd.DataFrame(data)
    if width > 1:
        frame, stamps = frame[bars.present.ravel()].reset_index(drop=True), stamps[bars.present.ravel()]
    frame.attrs[DESCRIPTION] = describe(bars, stamps)
    return frame


def to_table(bars: Bars) -> Any:
    """Returns a pyarrow table, whose rows are the whole grid, NaN where a symbol has no bar."""
    import pyarrow as pa

    count, width = bars.shape
    stamps = np.repeat(bars.time, width)
    codes = pa.array(np.tile(np.arange(width, dtype=np.int32), count))
    columns = {
        "timestamp": pa.array(stamps).cast(pa.timestamp("ns", tz="UTC")),
        "symbol": pa.DictionaryArray.from_arrays(codes, pa.array(bars.symbols, type=pa.string())),
        **{name: pa.array(getattr(bars, name).ravel()) for name in (*PRICES, "volume")},
        **{name: pa.array(values.ravel()) for name, values in bars.extras.items()},
    }
    return pa.table(columns).replace_schema_metadata({DESCRIPTION: json.dumps(describe(bars, stamps))})


def write(bars: Bars, path: str | Path) -> None:
    """Writes Parquet that any tool reads, and `Bars.read` returns equal, fingerprint included.

    The rows are the whole grid, NaN where a symbol has no bar. The file appears whole or not at all.

    Raises:
        DataError: the path does not end in .parquet or cannot be written.
    """
    import pyarrow.parquet

    target = Path(path)
    if target.suffix.lower() != ".parquet":
        raise DataError("path", "must end in .parquet", str(path))
    table = to_table(bars)
    try:
        with replacing(target) as neighbour:
            pyarrow.parquet.write_table(table, neighbour, compression="zstd")
    except OSError as error:
        raise DataError("path", f"must be writable ({error.strerror or error})", str(path)) from None


def describe(bars: Bars, stamps: NDArray[np.datetime64]) -> dict[str, Any]:
    """Returns what the columns of bars do not say: bar length, calendar, bars a year, names.

    Args:
        bars: that are described.
        stamps: (row,) of the frame or table, by whose digest a reader sees whether its rows are still these.
    """
    return {
        "format": 1,
        "bar_length": bars.bar_length,
        "calendar": [bars.calendar.name, bars.calendar.session_bars, bars.calendar.day_end],
        "periods_per_year": bars.periods_per_year,
        "symbols": list(bars.symbols),
        "extras": list(bars.extras),
        "stamps": _digest(stamps.astype(np.int64)),
    }


def still_describes(description: Mapping[str, Any], stamps: NDArray[np.int64]) -> bool:
    """Whether a description is that of rows with these stamps, nanoseconds UTC: rows that went make it another's."""
    return description.get("stamps") == _digest(stamps)


def _digest(stamps: NDArray[np.int64]) -> str:
    return hashlib.sha256(np.ascontiguousarray(stamps).tobytes()).hexdigest()
