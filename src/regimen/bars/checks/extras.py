"""The checks of the extra columns that stand beside the prices in a file."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regimen.bars.bars import PRICES
from regimen.bars.checks.ordered import Ordered
from regimen.bars.checks.plausible import FARTHEST, funding_in_percent, impossible
from regimen.bars.checks.report import Finding
from regimen.bars.config import DataConfig

_RELIED_ON = ("funding_rate", "adjustment")
"""What the account pays, and what prices are multiplied by: a value that cannot be is no warning there."""


def impossible_extras(rows: Ordered, _config: DataConfig) -> Finding | None:
    """Extra columns with values that cannot be what the column is called; `infinite` finds those that are infinite."""
    faults: list[tuple[bool, NDArray[np.bool_], str]] = []
    for name, values in rows.columns.items():
        if name in (*PRICES, "volume"):
            continue
        bad, rule = impossible(name, values)
        bad &= ~np.isinf(values)
        if name == "adjustment":
            bad = (bad | np.isnan(values)) & rows.good
        if name == "adj_close" and not bad.any():
            bad, rule = _jumps(rows, values), f"within a factor of {FARTHEST:,.0f} from bar to bar against the close"
        if bad.any():
            lowest, highest = np.fmin.reduce(values[bad]), np.fmax.reduce(values[bad])
            sentence = f"{{count}} value(s) of {name} are not {rule} (from {lowest:g} to {highest:g})"
            faults.append((name in _RELIED_ON, bad, sentence))
    if not faults:
        return None
    refuse, bad, sentence = max(faults, key=lambda each: each[0])
    return rows.find("impossible_extras", "refuse" if refuse else "warn", bad, sentence)


def _jumps(rows: Ordered, adjusted: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(row,): whether adjusted close / close moved by a factor that neither splits nor dividends make."""
    ratio = np.log(adjusted / rows.columns["close"])
    far = np.zeros(len(ratio), dtype=np.bool_)
    far[1:] = rows.same & (np.abs(np.diff(ratio)) > np.log(FARTHEST))
    return far


def percent_funding(rows: Ordered, _config: DataConfig) -> Finding | None:
    """Funding rates beside the prices that look like percent."""
    rates = rows.columns.get("funding_rate")
    if rates is None:
        return None
    known = np.flatnonzero(np.isfinite(rates))
    odd = funding_in_percent("funding_rate", rows.time[known], rows.symbol[known], rates[known])
    return None if odd is None else rows.find(odd.name, "warn", known[odd.positions], odd.sentence)
