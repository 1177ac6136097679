"""`from_ledger`: the trajectory of a backtest that was already run."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regimen.envs import FLOOR
from regimen.errors import DataError
from regimen.execution import Ledger
from regimen.features import FeatureFrame
from regimen.observation import ACCOUNT
from regimen.replay.trajectories import Trajectories


def from_ledger(ledger: Ledger, frame: FeatureFrame) -> Trajectories:
    """Returns one episode with what a `VectorMarket` of the same features would have shown and paid.

    *Timing:* as there. The observation of bar t is the features, position, cash and drawdown at its close; the action
    is the target decided then, or the one in force where it was kept (0 before the first, and once the symbol has
    ended); the reward is the log growth of the equity to the close of t + 1, with the same floor at ruin. The episode
    begins at the first bar at which some symbol has all its features; symbols without them show 0. It is cut at the
    last bar, or terminated by ruin.

    Args:
        ledger: of any market, latency included.
        frame: features of the ledger's bars, row t known at the close of bar t.

    Returns:
        Continuous actions (step, symbol): target exposures of the account, already shared among symbols.

    Raises:
        DataError: features of other times or symbols; fewer than two bars with features; an infinite feature.
    """
    if not np.array_equal(frame.time, ledger.time) or frame.symbols != ledger.symbols:
        raise DataError("features", "must be of the times and symbols of the ledger", frame.symbols)
    equity = ledger.equity
    ready = ~np.isnan(frame.values).any(axis=2) & ledger.bars.present
    gone = np.flatnonzero(equity <= 0.0)
    stop = int(gone[0]) if len(gone) else len(ledger) - 1
    known = ready.any(axis=1)
    start = int(known.argmax())
    if not known.any() or start >= stop:
        raise DataError("features", "must be known at least one bar before the ledger ends", (start, stop))
    solvent = equity > 0.0
    account = np.zeros((*ledger.bars.shape, len(ACCOUNT)))
    account[..., 0] = ledger.exposure
    account[..., 1] = np.divide(ledger.cash, equity, out=np.zeros_like(equity), where=solvent)[:, None]
    peak = np.maximum.accumulate(np.maximum(equity, ledger.start_equity))
    account[..., 2] = np.where(solvent, 1.0 - equity / peak, 1.0)[:, None]
    seen = np.concatenate([np.where(ready[..., None], frame.values, 0.0), account], axis=2)
    observations = seen.reshape(len(ledger), -1).astype(np.float32)
    names = (*frame.names, *ACCOUNT)
    columns = names if len(ledger.symbols) == 1 else tuple(f"{s}.{name}" for s in ledger.symbols for name in names)
    worth = np.log(np.maximum(equity, FLOOR * ledger.start_equity))
    ends = np.zeros((2, stop - start), np.bool_)
    ends[0 if len(gone) else 1, -1] = True
    return Trajectories(
        observations=observations[start:stop],
        actions=_in_force(ledger)[start:stop].astype(np.float32),
        rewards=np.diff(worth)[start:stop],
        terminated=ends[0],
        truncated=ends[1],
        final_observations=observations[stop : stop + 1],
        columns=columns,
    )


def _in_force(ledger: Ledger) -> NDArray[np.float64]:
    """Returns the targets with each NaN replaced by the last number before it; 0 before the first and after the end."""
    targets = ledger.targets
    ended = ledger.time[:, None] > ledger.bars.listing[:, 1]
    rows = np.where(np.isnan(targets), -1, np.arange(len(targets))[:, None])
    last = np.maximum.accumulate(rows, axis=0)
    values = np.take_along_axis(targets, np.maximum(last, 0), axis=0)
    return np.where((last < 0) | ended, 0.0, values)
