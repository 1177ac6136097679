"""The daily returns of a run as a file that other tools read, such as quantstats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from regimen.errors import ConfigError
from regimen.execution import Ledger
from regimen.files import write_bytes
from regimen.metrics import daily_returns
from regimen.records.directory import RunDirectory, require_finished

_KINDS = (".csv", ".parquet")


def returns_table(ledger: Ledger) -> pa.Table:
    """Returns an Arrow table of one row for each day on which a bar begins: ``date``, ``return``.

    A date is midnight without a zone (the day is UTC), and a return is simple, after all costs, its bars compounded.
    """
    days, values = daily_returns(ledger.time, ledger.returns)
    return pa.table({"date": pa.array(days.astype("datetime64[ns]"), pa.timestamp("ns")), "return": np.array(values)})


def write_returns(directory: RunDirectory, path: Path) -> int:
    """Writes the out of sample daily returns of a finished run; see `returns_table`.

    Args:
        directory: of the run.
        path: a .csv file, whose dates are ``2020-02-20``, or a .parquet file.

    Returns:
        how many days.

    Raises:
        ConfigError: another kind of file.
        RunError: the run is not finished or damaged, or the file cannot be written.
    """
    if path.suffix.lower() not in _KINDS:
        raise ConfigError("returns", "must be a .csv or a .parquet file", str(path))
    require_finished(directory)
    directory.require_undamaged("ledger/*")
    table = returns_table(Ledger.read(directory.path / "ledger"))
    sink = pa.BufferOutputStream()
    if path.suffix.lower() == ".csv":
        dates = table.column("date").cast(pa.date32())
        pa.csv.write_csv(table.set_column(0, "date", dates), sink, pa.csv.WriteOptions(quoting_style="none"))
    else:
        pa.parquet.write_table(table, sink)
    write_bytes(path, sink.getvalue().to_pybytes())
    return int(table.num_rows)
