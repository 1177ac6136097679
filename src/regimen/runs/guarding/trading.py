"""Targets of a run become a ledger: as they are, or behind the run's safeguards."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.execution import Ledger, Tape
from regimen.records import RunConfig
from regimen.safeguards import guarded

Floats = NDArray[np.float64]


def trade(
    config: RunConfig,
    bars: Bars,
    targets: Floats,
    start: int,
    stop: int,
    confidence: Floats | None = None,
    *,
    tape: Tape | None = None,
) -> Ledger:
    """Trades a run's targets in one account, by its market and behind its safeguards where it has any.

    Args:
        config: of the run.
        bars: (time, symbol) market data.
        targets: (time, symbol) as the policy decided them.
        start, stop: bars [start, stop).
        confidence: (time, symbol) of the policy; None: not known, so the limit of confidence does not act.
        tape: of the same bars, for whoever trades them many times.

    Returns:
        The ledger; its targets are those that were let through.
    """
    market = config.market.build()
    if config.safeguards is None:
        return market.backtest(bars, targets, start, stop, tape=tape)
    return guarded(market, bars, targets, config.safeguards, start, stop, confidence, tape=tape)[0]
