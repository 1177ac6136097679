"""A ledger on disk: Parquet tables and one JSON file, in a folder that is whole or absent."""

from __future__ import annotations

import json
import math
import os
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from regimen.arrow import data_errors, to_numpy
from regimen.bars import Bars, Calendar
from regimen.errors import DataError, RegimenError, RunError
from regimen.execution.config import MarketConfig
from regimen.execution.ledger import Ledger
from regimen.execution.tables import account_table

FORMAT = 1
HEAD = "ledger.json"
_PRICES = ("open", "high", "low", "close", "volume")
_COUNTS = ("clips", "liquidations", "unpriced")


def _bars_table(bars: Bars) -> pa.Table:
    columns = {name: getattr(bars, name) for name in _PRICES}
    columns |= {f"extra:{name}": values for name, values in bars.extras.items()}
    return pa.table({name: pa.array(values.ravel()) for name, values in columns.items()})


def _head(ledger: Ledger) -> dict[str, Any]:
    bars = ledger.bars
    return {
        "format": FORMAT,
        "fingerprint": bars.fingerprint,
        "symbols": bars.symbols,
        "bar_length": bars.bar_length,
        "calendar": asdict(bars.calendar),
        "periods_per_year": bars.periods_per_year,
        "listing": bars.listing.astype(np.int64).tolist(),
        "source": bars.source,
        "market": ledger.market.model_dump(mode="json"),
        "start_equity": ledger.start_equity,
        "ruined": ledger.ruined,
        **{name: getattr(ledger, name) for name in _COUNTS},
    }


def write(ledger: Ledger, folder: Path) -> None:
    """Writes account, fills, marks and bars as Parquet and the rest as ``ledger.json``.

    The folder appears complete or not at all; a ledger that is there already is replaced.

    Raises:
        RunError: the place cannot be written to, the disk is full, or the folder holds something else.
    """
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        if folder.exists() and not (folder / HEAD).is_file() and any(folder.iterdir()):
            raise RunError("ledger folder", "must be absent, empty or hold a ledger", str(folder))
        part.mkdir(parents=True)
        pq.write_table(account_table(ledger), part / "account.parquet")
        pq.write_table(ledger.fills, part / "fills.parquet")
        pq.write_table(ledger.marks, part / "marks.parquet")
        pq.write_table(_bars_table(ledger.bars), part / "bars.parquet")
        (part / HEAD).write_text(json.dumps(_head(ledger), indent=2) + "\n", encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        part.rename(folder)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise RunError("ledger folder", f"must be writable ({reason})", str(folder)) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _read_table(path: Path) -> pa.Table:
    return pq.ParquetFile(path).read()  # `read_table` imports pandas, which takes longer than a report


def _times(column: pa.ChunkedArray) -> NDArray[np.datetime64]:
    if not (pa.types.is_timestamp(column.type) and column.type.unit == "ns"):
        column = column.cast(pa.timestamp("ns"))  # imports more of pyarrow than all the rest of a ledger
    ticks = pa.chunked_array([chunk.view(pa.int64()) for chunk in column.chunks], pa.int64())
    return to_numpy(ticks).view("datetime64[ns]")


def _column(table: pa.Table, name: str, shape: tuple[int, ...] = (-1,)) -> NDArray[np.float64]:
    values: NDArray[np.float64] = to_numpy(table.column(name)).reshape(shape)
    values.flags.writeable = False
    return values


def _read_bars(folder: Path, head: dict[str, Any], time: NDArray[np.datetime64]) -> Bars:
    table = _read_table(folder / "bars.parquet")
    shape = (len(time), len(head["symbols"]))
    extras = [name for name in table.column_names if name.startswith("extra:")]
    return Bars(
        time=time,
        symbols=tuple(head["symbols"]),
        bar_length=head["bar_length"],
        calendar=Calendar(**head["calendar"]),
        periods_per_year=head.get("periods_per_year", math.nan),
        extras={name.removeprefix("extra:"): _column(table, name, shape) for name in extras},
        source=head["source"],
        listing=np.array(head.get("listing", []), "int64").reshape(-1, 2).astype("datetime64[ns]"),
        **{name: _column(table, name, shape) for name in _PRICES},
    )


def read(folder: Path, bars: Bars | None = None) -> Ledger:
    """Reads a ledger that `write` wrote; every array comes back with the same bits.

    Args:
        folder: where it was written.
        bars: its bars, if they are at hand: then they are compared by fingerprint and not read again.

    Raises:
        RunError: no ledger there, one of another format, or a damaged one.
        DataError: bars that are not the ledger's own.
    """
    if not (folder / HEAD).is_file():
        raise RunError("ledger folder", f"must hold {HEAD}", str(folder))
    try:
        head = json.loads((folder / HEAD).read_text(encoding="utf-8"))
        if head["format"] != FORMAT:
            raise RunError("ledger", f"must be of format {FORMAT}", head["format"])
        account = _read_table(folder / "account.parquet")
        marks = _read_table(folder / "marks.parquet")
        if bars is None:
            bars = _read_bars(folder, head, _times(account.column("time")))
        if bars.fingerprint != head["fingerprint"]:
            raise DataError("bars", "must be those of the ledger (another fingerprint)", bars.fingerprint)
        market = MarketConfig(**head["market"])
        ledger = Ledger(
            bars=bars,
            market=market,
            equity=_column(account, "equity"),
            cash=_column(account, "cash"),
            units=_column(marks, "units", bars.shape),
            targets=_column(marks, "target", bars.shape),
            turnover=_column(account, "turnover"),
            costs={name: _column(account, name) for name in market.costs.kinds},
            start_equity=head["start_equity"],
            fills=_read_table(folder / "fills.parquet"),
            ruined=head["ruined"],
            **{name: head[name] for name in _COUNTS},
        )
        ledger.remember(_column(account, "returns"), _column(marks, "price", bars.shape))
        return ledger
    except RegimenError:
        raise
    except data_errors(OSError, ArithmeticError, ValueError, KeyError, TypeError) as error:  # damaged, or a file lacks
        raise RunError("ledger", f"must be complete and undamaged ({error})", str(folder)) from None
