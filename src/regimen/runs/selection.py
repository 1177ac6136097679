"""What makes one state of a training better than another: how it trades the validation slice."""

from __future__ import annotations

import math

import numpy as np

from regimen.metrics import annual_sharpe
from regimen.policies import Policy, targets
from regimen.runs.prepare import Prepared
from regimen.splits import Slice


def sharpe_after_costs(prepared: Prepared, part: Slice, policy: Policy) -> float:
    """Returns the annual Sharpe ratio of a policy on a slice, after the run's costs; 0 where nothing is ever held.

    Args:
        prepared: of the run.
        part: the validation slice of a window.
        policy: in the state that is weighed.
    """
    exposures = np.full(prepared.bars.shape, np.nan)
    exposures[part.start : part.stop] = targets(policy, prepared.history, part.start, part.stop)
    ledger = prepared.config.market.build().backtest(prepared.bars, exposures, part.start, part.stop)
    value = annual_sharpe(ledger.returns, prepared.bars.periods_per_year)
    return value if math.isfinite(value) else 0.0
