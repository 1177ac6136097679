"""Pure performance, risk and overfitting statistics."""

from regimen.metrics.arrangements import arrangement_p_value, best_of
from regimen.metrics.block_length import block_length
from regimen.metrics.bootstrap import (
    Interval,
    block_positions,
    bootstrap,
    interval,
    sharpe_draws,
    sharpe_interval,
)
from regimen.metrics.deflated import (
    dsr,
    effective_trials,
    expected_max_sharpe,
    minimum_track_record,
    normal_cdf,
    psr,
)
from regimen.metrics.drawdown import Drawdown, calmar, drawdown, underwater, wealth
from regimen.metrics.performance import (
    Moments,
    annual_return,
    annual_sharpe,
    deviation,
    hit_rate,
    kurtosis,
    moments,
    profit_factor,
    sharpe,
    sharpe_standard_error,
    skewness,
    sortino,
    total_return,
    volatility,
)
from regimen.metrics.seeds import iqm, iqm_interval, probability_of_improvement
from regimen.metrics.timing import exposure_deviations, forward_deviations, shares
from regimen.metrics.trading import (
    annual_turnover,
    break_even_bps,
    cost_drag,
    cost_per_trade_bps,
    gross_exposure,
)

__all__ = [
    "Drawdown",
    "Interval",
    "Moments",
    "annual_return",
    "annual_sharpe",
    "annual_turnover",
    "arrangement_p_value",
    "best_of",
    "block_length",
    "block_positions",
    "bootstrap",
    "break_even_bps",
    "calmar",
    "cost_drag",
    "cost_per_trade_bps",
    "deviation",
    "drawdown",
    "dsr",
    "effective_trials",
    "expected_max_sharpe",
    "exposure_deviations",
    "forward_deviations",
    "gross_exposure",
    "hit_rate",
    "interval",
    "iqm",
    "iqm_interval",
    "kurtosis",
    "minimum_track_record",
    "moments",
    "normal_cdf",
    "probability_of_improvement",
    "profit_factor",
    "psr",
    "shares",
    "sharpe",
    "sharpe_draws",
    "sharpe_interval",
    "sharpe_standard_error",
    "skewness",
    "sortino",
    "total_return",
    "underwater",
    "volatility",
    "wealth",
]
