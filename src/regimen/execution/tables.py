"""The ledger as Arrow tables: columns that exist already are wrapped, not copied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from regimen.execution.columns import FILL_COLUMNS, FILL_COSTS, REASONS

if TYPE_CHECKING:
    from regimen.execution.backtest import Recorder
    from regimen.execution.ledger import Ledger

Floats = NDArray[np.float64]
STAMP = pa.timestamp("ns", tz="UTC")


def _floats(values: Floats) -> pa.Array:
    return pa.Array.from_buffers(pa.float64(), len(values), [None, pa.py_buffer(values)])


def _stamps(values: NDArray[np.int64]) -> pa.Array:
    return pa.Array.from_buffers(STAMP, len(values), [None, pa.py_buffer(values)])


def _names(codes: NDArray[np.int32], names: tuple[str, ...]) -> pa.Array:
    indices = pa.Array.from_buffers(pa.int32(), len(codes), [None, pa.py_buffer(codes)])
    return pa.DictionaryArray.from_arrays(indices, pa.array(names, pa.string()), safe=False)


def fills_table(recorder: Recorder, symbols: tuple[str, ...], kinds: tuple[str, ...]) -> pa.Table:
    """Returns the recorder's fills, with the costs of these kinds; see `Ledger.fills` for the columns."""
    n, fills = recorder.filled, recorder.fills
    kept = [(k, name) for k, name in enumerate(FILL_COLUMNS) if name in kinds or name not in FILL_COSTS]
    columns = {
        "time": _stamps(fills.times[:n]),
        "symbol": _names(fills.codes[0, :n], symbols),
        **{name: _floats(fills.values[k, :n]) for k, name in kept},
        "reason": _names(fills.codes[1, :n], REASONS),
    }
    return pa.table(columns)


def fills_between(fills: pa.Table, first: np.datetime64, last: np.datetime64) -> pa.Table:
    """Returns the fills whose bar starts in [first, last]; they are in order of time, so this is a slice."""
    times = fills.column("time").cast(pa.int64()).to_numpy()
    low = int(np.searchsorted(times, np.int64(first.astype("datetime64[ns]").astype(np.int64)), side="left"))
    high = int(np.searchsorted(times, np.int64(last.astype("datetime64[ns]").astype(np.int64)), side="right"))
    return fills.slice(low, high - low)


def account_table(ledger: Ledger) -> pa.Table:
    """Returns the account of a ledger, one row for each bar."""
    columns = {"equity": ledger.equity, "cash": ledger.cash, "returns": ledger.returns}
    columns |= {"turnover": ledger.turnover, **ledger.costs}
    return pa.table({"time": pa.array(ledger.time, STAMP), **{k: pa.array(v) for k, v in columns.items()}})


def marks_table(ledger: Ledger) -> pa.Table:
    """Returns the marks of a ledger; see `Ledger.marks`."""
    bars, symbols = ledger.units.shape
    stamps = ledger.time.view(np.int64)
    if symbols == 1:
        codes = np.zeros(bars, np.int32)
    else:
        stamps = np.repeat(stamps, symbols)
        codes = np.tile(np.arange(symbols, dtype=np.int32), bars)
    return pa.table(
        {
            "time": _stamps(stamps),
            "symbol": _names(codes, ledger.symbols),
            "units": _floats(ledger.units.reshape(-1)),
            "price": _floats(ledger.prices.reshape(-1)),
            "exposure": _floats(ledger.exposure.reshape(-1)),
            "target": _floats(ledger.targets.reshape(-1)),
        }
    )
