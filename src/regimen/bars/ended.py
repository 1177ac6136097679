"""The check of a panel for symbols that end before it does."""

from __future__ import annotations

import numpy as np

from regimen.bars.config import DataConfig
from regimen.bars.listing import has_ended
from regimen.bars.ordered import Ordered
from regimen.bars.report import Finding


def ends_early(rows: Ordered, _config: DataConfig) -> Finding | None:
    """Symbols of a panel whose last bar lies before the panel's; see `regimen.bars.listing.has_ended`."""
    if len(rows.table.symbols) == 1:
        return None
    good = np.flatnonzero(rows.good)
    times, row = np.unique(rows.time[good], return_inverse=True)
    edges = np.flatnonzero(np.diff(rows.symbol[good])) + 1
    parts = np.split(np.arange(len(good)), edges) if len(good) else []
    ended = [good[part[-1]] for part in parts if has_ended(row[part], len(times) - 1)]
    sentence = "{count} symbol(s) have their last bar before the panel ends: what is held of them is then paid out at "
    sentence += "its price, or as market.delisting says"
    return rows.find("ends_early", "warn", np.array(ended, dtype=np.intp), sentence)
