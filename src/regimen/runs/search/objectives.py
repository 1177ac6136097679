"""What a search may aim at, as columns of its tables."""

from __future__ import annotations

from regimen.reporting.ablation import Column

COLUMNS: dict[str, Column] = {
    "sharpe": Column("sharpe", "net Sharpe", 1, 2, "annual, after costs, of all bars traded inside the training span"),
    "turnover": Column("turnover", "turnover a year", -1, 0, "traded notional in multiples of the equity"),
    "skill": Column(
        *("skill", "log-loss skill · 10⁴", 1, 1),
        "log loss of always saying the training rows' class shares less that of the forecasts, 10⁻⁴ nats",
    ),
}
"""By name; each is the mean over seeds, and +1 where more is better."""
