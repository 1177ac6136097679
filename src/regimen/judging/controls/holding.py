"""Controls that only hold: the market that lets them, why they could not, and what is held at old prices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from regimen.execution import Ledger, MarketConfig


def holding_market(config: MarketConfig) -> MarketConfig:
    """Returns the market of buy and hold and of constants: the policy's, in which a ``rebalance_band`` stops nothing.

    A band wider than a target would keep the control from ever buying it: of 97 symbols each gets 1 %. So where
    there is a band the control trades when its target changes, once, and holds.
    """
    if config.rebalance_band == 0.0:
        return config
    return config.model_copy(update={"rebalance": "on_change", "rebalance_band": 0.0})


def not_held(ledger: Ledger) -> str:
    """Returns what buy and hold could not buy at all, and why, in a sentence; empty where it bought everything.

    A symbol whose first order falls due after the last bar, or after its own, is left out.

    Args:
        ledger: of the control.
    """
    bars, config = ledger.bars, ledger.market
    trades = bars.present & (bars.volume != 0.0)
    counts = dict.fromkeys(("has no volume", "costs more a lot than its share", "found no room"), 0)
    bought = (ledger.units != 0.0).any(axis=0)
    asked = 0
    for s in range(len(bars.symbols)):
        wanted = np.flatnonzero(~np.isnan(ledger.targets[:, s]))
        due = bars.listed[:, s].copy()
        due[: (wanted[0] if len(wanted) else len(bars)) + config.latency_bars] = False
        if not due.any():
            continue
        asked += 1
        open_ = bars.open[due & trades[:, s], s]
        if bought[s]:
            continue
        if len(open_) == 0:
            counts["has no volume"] += 1
        elif config.lot_size * open_.min() > np.nanmax(np.abs(ledger.targets[:, s])) * ledger.equity.max():
            counts["costs more a lot than its share"] += 1
        else:
            counts["found no room"] += 1
    missing = sum(counts.values())
    if missing == 0:
        return ""
    reason = max(counts, key=lambda name: counts[name])
    what = "nothing" if missing == asked else f"{asked - missing} of {asked} symbols"
    symbol = "the symbol" if missing == 1 else f"each of {counts[reason]} of them"
    return f"Buy and hold could buy {what}: {symbol} {reason}."


def stale_share(ledger: Ledger) -> float:
    """Returns the mean share of the equity that stood in symbols without a bar, at their last known prices."""
    present = ledger.bars.present
    if present.all():
        return 0.0
    return float(np.where(present, 0.0, np.abs(ledger.exposure)).sum(axis=1).mean())
