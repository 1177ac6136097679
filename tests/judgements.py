"""A made-up judgement, as a file and as an object."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from regimen.judging import Judgement


def row(name: str, label: str, **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "name": name,
        "label": label,
        "total_return": 0.2134,
        "annual_return": 0.0217,
        "volatility": 0.1432,
        "sharpe": 0.391,
        "sharpe_interval": [-0.321, 1.103],
        "sharpe_interval_kind": "bootstrap",
        "sharpe_per_bar": 0.02461,
        "sortino": 0.553,
        "calmar": 0.0771,
        "max_drawdown": 0.2836,
        "drawdown_bars": 812,
        "recovery_bars": None,
        "underwater_bars": 1207,
        "hit_rate": 0.5149,
        "profit_factor": 1.073,
        "skew": -0.213,
        "kurtosis": 6.117,
        "turnover": 14.23,
        "exposure": 0.6342,
        "cost_drag": 0.00417,
        "costs": {"commission": 0.00311, "spread": 0.00106},
        "break_even_bps": 6.31,
        "break_even_extra_bps": 4.83,
        "cost_paid_bps": 1.48,
        "psr": 0.883,
        "dsr": 0.412,
        "trials": 14,
    }
    return {**values, **changes}


def stored(**changes: Any) -> dict[str, Any]:
    """A judgement.json of an earlier version: without timing, charges, information and constant."""
    times = [f"20{year:02d}-01-01T00:00:00Z" for year in range(1, 9)]
    unknown: dict[str, Any] = dict.fromkeys(("sharpe", "sharpe_per_bar", "sortino", "psr", "dsr", "trials"))
    unknown["sharpe_interval"] = [None, None]
    values: dict[str, Any] = {
        "verdict": {
            "level": "no evidence",
            "sentence": "No evidence of an edge: the Deflated Sharpe Ratio is 0.41.",
            "rules": [
                {
                    "name": "deflated",
                    "passed": False,
                    "value": 0.41,
                    "required": ">= 0.95",
                    "sentence": "It is 0.41.",
                },
                {
                    "name": "long enough",
                    "passed": True,
                    "value": 1480,
                    "required": ">= 250",
                    "sentence": "It is.",
                },
            ],
        },
        "alarms": [],
        "rows": [
            row("policy", "Policy"),
            row("flat", "Flat", **unknown),
            row("buy_and_hold", "Buy and hold", sharpe=0.517, total_return=0.9182),
            row("random", "Random timing (median)", sharpe=0.211, psr=None, dsr=None, trials=None),
            row("one_bar_late", "Policy, one bar late", sharpe=0.377),
        ],
        "random": {
            "draws": 300,
            "draws_requested": None,
            "capped": False,
            "p_value": 0.23,
            "p_trials": 0.97,
            "arrangements": 1000,
            "rank": 0.77,
            "sharpe": {"median": 0.211, "low": -0.402, "high": 0.807},
            "total_return": {"median": 0.1011, "low": -0.2022, "high": 0.5033},
            "sentence": "The policy beats 77 % of 300 random timings.",
        },
        "trials": {
            "count": 14,
            "effective": 6.4,
            "measured": None,
            "sharpe_variance": 0.00217,
            "sharpe_variance_used": 0.00218,
            "expected_max_sharpe": 0.613,
            "dsr_effective": 0.521,
        },
        "interval": {
            "level": 0.95,
            "draws": 2000,
            "block_length": 4.1,
            "method": "stationary bootstrap, percentile",
        },
        "minimum_track_record": {"bars": 4100, "years": 16.2},
        "behaviour": {
            "trades": 210,
            "positions": 88,
            "modal_exposure": 1.0,
            "modal_share": 0.63,
            "long_share": 0.64,
            "short_share": 0.01,
            "flat_share": 0.35,
            "changes": 93.0,
            "action_entropy": 0.71,
            "histogram": {"centres": [-1.0, -0.5, 0.0, 0.5, 1.0], "share": [0.01, 0.0, 0.36, 0.0, 0.63]},
            "directional_accuracy": 0.5234,
            "chance_accuracy": 0.5171,
            "directional_bars": 2203,
        },
        "sample": {
            "start": "2001-03-05T00:00:00Z",
            "end": "2008-12-31T00:00:00Z",
            "bars": 1480,
            "years": 7.8,
            "symbols": 1,
            "periods_per_year": 252.0,
            "calendar": "sessions",
            "fingerprint": "9f2c6b1de0a94c7fb0c5a2d3e4f5968778695a4b3c2d1e0f9f2c6b1de0a94c7f",
            "source": "sp500",
        },
        "zero_cost": False,
        "ruined": False,
        "decay": {"first_half_sharpe": 0.611, "second_half_sharpe": 0.173},
        "periods": [
            {
                "start": "2001-03-05T00:00:00Z",
                "end": "2001-12-31T00:00:00Z",
                "bars": 208,
                "total_return": 0.0123,
                "sharpe": 0.134,
                "max_drawdown": 0.0567,
                "turnover": 12.34,
                "exposure": 0.61,
                "buy_and_hold_return": -0.0678,
            }
        ],
        "curves": {
            "time": times,
            "equity": {
                "policy": list(np.linspace(1, 1.2134, 8)),
                "flat": [1.0] * 8,
                "buy_and_hold": list(np.linspace(1, 1.9182, 8)),
                "random_median": list(np.linspace(1, 1.1011, 8)),
                "random_low": list(np.linspace(1, 0.8, 8)),
                "random_high": list(np.linspace(1, 1.5, 8)),
            },
            "drawdown": {"policy": [0.0, 0.1] * 4, "buy_and_hold": [0.0, 0.3] * 4},
        },
        "seed": 0,
    }
    return json.loads(json.dumps({**values, **changes}))  # type: ignore[no-any-return]


def judgement(**changes: Any) -> Judgement:
    return Judgement.from_dict(stored(**changes))
