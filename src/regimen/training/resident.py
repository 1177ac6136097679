"""The training rows on the device, whole and once: what keeps it busy is that nothing is sent to it a batch."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regimen.seams import Batch, Inputs, RowTable
from regimen.windows import SeriesWindows


@final
@dataclass(frozen=True, eq=False)
class Resident:
    """Inputs, or a series and the places of its windows, on the device that trains.

    A window is ``length x inputs`` numbers of the series in one run, so a batch of windows is taken as rows of a
    matrix that overlap in memory; the windows themselves are nowhere.

    Attributes:
        runs: (run, ...) float32: rows; or the overlapping runs of a series, a view.
        first: (n,) int64 the run of each window; None: row k is run k.
        shape: of one row as the model sees it.
        y, weights: as in `Batch`, of all rows.
        targets: (n, target) float32; None where nothing is learned besides the class.
        names: of the targets.
        time, symbol: as in `Batch`, of all rows.
    """

    runs: Tensor
    first: Tensor | None
    shape: tuple[int, ...]
    y: Tensor
    weights: Tensor
    targets: Tensor | None
    names: tuple[str, ...]
    time: Tensor | None = None
    symbol: Tensor | None = None

    @classmethod
    def of(
        cls,
        x: Inputs,
        y: Any,
        weights: Any,
        targets: Mapping[str, NDArray[np.floating]],
        device: torch.device,
        table: RowTable | None = None,
    ) -> Resident:
        """Sends rows to a device; on the CPU float32 rows stay where they are."""
        first = None
        if isinstance(x, SeriesWindows):
            series = _sent(x.series, np.float32, device)
            run, width = x.length * series.shape[1], series.shape[1]
            runs = series.as_strided((len(series) - x.length + 1, run), (width, 1))
            first = _sent(x.ends - (x.length - 1), np.int64, device)
        else:
            runs = _sent(x, np.float32, device)
        return cls(
            runs,
            first,
            tuple(x.shape[1:]),
            _sent(y, np.int64, device),
            _sent(np.ones(len(x)) if weights is None else weights, np.float32, device),
            _sent(np.stack([*targets.values()], axis=1), np.float32, device) if targets else None,
            tuple(targets),
            None if table is None else _sent(table.time, np.int64, device),
            None if table is None else _sent(table.symbol, np.int64, device),
        )

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.y)

    @property
    def device(self) -> torch.device:
        """Where they are."""
        return self.y.device

    @property
    def length(self) -> int:
        """Inputs in a window; 1 without windows."""
        return self.shape[0] if len(self.shape) > 1 else 1

    def take(self, rows: Tensor) -> Batch:
        """Returns the chosen rows (k,), copied."""
        places = rows if self.first is None else self.first.index_select(0, rows)
        return Batch(
            self.runs.index_select(0, places).view(len(rows), *self.shape),
            self.y.index_select(0, rows),
            self.weights.index_select(0, rows),
            {}
            if self.targets is None
            else dict(zip(self.names, self.targets.index_select(0, rows).unbind(1), strict=True)),
            time=None if self.time is None else self.time.index_select(0, rows),
            symbol=None if self.symbol is None else self.symbol.index_select(0, rows),
        )


def _sent(array: Any, dtype: type[np.generic], device: torch.device) -> Tensor:
    with warnings.catch_warnings():
        # A read-only array is fine: the loop takes rows out of it and never writes into it.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        tensor = torch.from_numpy(np.asarray(array, dtype=dtype))
    if device.type == "cuda":  # from pinned memory the copy overlaps with the work that is there
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)
