"""Pure performance, risk and overfitting statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.metrics.arrangements import arrangement_p_value
    from regimen.metrics.blocks import block_length
    from regimen.metrics.coverage import MonthlyCoverage, monthly_coverage
    from regimen.metrics.deflated import (
        best_of,
        dsr,
        effective_trials,
        expected_max_sharpe,
        minimum_track_record,
        normal_cdf,
        psr,
    )
    from regimen.metrics.drawdowns import Drawdown, calmar, drawdown
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
    from regimen.metrics.resampling import Interval, block_positions, bootstrap, interval, sharpe_draws, sharpe_interval
    from regimen.metrics.seeds import iqm, iqm_interval, probability_of_improvement
    from regimen.metrics.timing import exposure_deviations, forward_deviations, shares
    from regimen.metrics.trading import annual_turnover, break_even_bps, cost_drag, cost_per_trade_bps, gross_exposure
    from regimen.metrics.wealth_curves import underwater, wealth

__all__ = [
    "Drawdown",
    "Interval",
    "Moments",
    "MonthlyCoverage",
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
    "monthly_coverage",
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

__getattr__, __dir__ = lazily(
    __name__,
    {
        "Drawdown": ".drawdowns",
        "Interval": ".resampling",
        "Moments": ".performance",
        "MonthlyCoverage": ".coverage",
        "annual_return": ".performance",
        "annual_sharpe": ".performance",
        "annual_turnover": ".trading",
        "arrangement_p_value": ".arrangements",
        "best_of": ".deflated",
        "block_length": ".blocks",
        "block_positions": ".resampling",
        "bootstrap": ".resampling",
        "break_even_bps": ".trading",
        "calmar": ".drawdowns",
        "cost_drag": ".trading",
        "cost_per_trade_bps": ".trading",
        "deviation": ".performance",
        "drawdown": ".drawdowns",
        "dsr": ".deflated",
        "effective_trials": ".deflated",
        "expected_max_sharpe": ".deflated",
        "exposure_deviations": ".timing",
        "forward_deviations": ".timing",
        "gross_exposure": ".trading",
        "hit_rate": ".performance",
        "interval": ".resampling",
        "iqm": ".seeds",
        "iqm_interval": ".seeds",
        "kurtosis": ".performance",
        "minimum_track_record": ".deflated",
        "moments": ".performance",
        "monthly_coverage": ".coverage",
        "normal_cdf": ".deflated",
        "probability_of_improvement": ".seeds",
        "profit_factor": ".performance",
        "psr": ".deflated",
        "shares": ".timing",
        "sharpe": ".performance",
        "sharpe_draws": ".resampling",
        "sharpe_interval": ".resampling",
        "sharpe_standard_error": ".performance",
        "skewness": ".performance",
        "sortino": ".performance",
        "total_return": ".performance",
        "underwater": ".wealth_curves",
        "volatility": ".performance",
        "wealth": ".wealth_curves",
    },
)
