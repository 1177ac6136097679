"""Bars to a data frame and to a Parquet file, from which they are read back bit for bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from regimen.bars.bars import PRICES, Bars
from regimen.errors import DataError
from regimen.files import replacing

if TYPE_CHECKING:
    import pandas as pd


def to_frame(bars: Bars) -> pd.DataFrame:
    """Returns a frame in long form: ``timestamp`` (UTC), ``symbol`` in panels, prices, volume, extras.

    A panel has a row for each time and symbol that has a bar; a single instrument has one for each time.
    """
    import pandas as pd

    count, width = bars.shape
    data: dict[str, object] = {"timestamp": pd.DatetimeIndex(np.repeat(bars.time, width), tz="UTC")}
    if width > 1:
        names = pd.Index(list(bars.symbols))
        data["symbol"] = pd.Categorical.from_codes(np.tile(np.arange(width), count), categories=names)
    for name in (*PRICES, "volume"):
        data[name] = getattr(bars, name).ravel()
    data.update({name: values.ravel() for name, values in bars.extras.items()})
    frame = pd.DataFrame(data)
    return frame[bars.present.ravel()].reset_index(drop=True) if width > 1 else frame


def write(bars: Bars, path: str | Path) -> None:
    """Writes Parquet that any tool reads, and `Bars.read` returns equal, fingerprint included.

    The rows are the whole grid, NaN where a symbol has no bar. The file appears whole or not at all.

    Raises:
        DataError: the path does not end in .parquet or cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet

    target = Path(path)
    if target.suffix.lower() != ".parquet":
        raise DataError("path", "must end in .parquet", str(path))
    count, width = bars.shape
    stamps = pa.array(np.repeat(bars.time, width)).cast(pa.timestamp("ns", tz="UTC"))
    codes = pa.array(np.tile(np.arange(width, dtype=np.int32), count))
    columns = {
        "timestamp": stamps,
        "symbol": pa.DictionaryArray.from_arrays(codes, pa.array(bars.symbols, type=pa.string())),
        **{name: pa.array(getattr(bars, name).ravel()) for name in (*PRICES, "volume")},
        **{name: pa.array(values.ravel()) for name, values in bars.extras.items()},
    }
    left = {
        "format": 1,
        "bar_length": bars.bar_length,
        "calendar": [bars.calendar.name, bars.calendar.session_bars, bars.calendar.day_end],
        "periods_per_year": bars.periods_per_year,
        "symbols": list(bars.symbols),
        "extras": list(bars.extras),
    }
    table = pa.table(columns).replace_schema_metadata({"regimen": json.dumps(left)})
    try:
        with replacing(target) as neighbour:
            pyarrow.parquet.write_table(table, neighbour, compression="zstd")
    except OSError as error:
        raise DataError("path", f"must be writable ({error.strerror or error})", str(path)) from None
