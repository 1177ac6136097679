"""The report's section on regimes: what was earned in which state of the market."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regimen.numerals import count, number, percent, span

if TYPE_CHECKING:
    from regimen.judging import RegimeRow
    from regimen.reporting.report.document import ReportDocument

HEADS = (
    *("State", "Bars", "Share", "P&L", "Net return", "Sharpe", "95 % interval", "Direction right", "by chance"),
    *("Market", "its volatility"),
)
"""Heads of a table of states."""


def regime_section(document: ReportDocument) -> dict[str, Any] | None:
    """The tables, one for each partition of the bars; None where the judgement has none."""
    regimes = document.judgement.regimes
    if not regimes:
        return None
    total = sum(row.pnl for row in regimes[0].rows)
    return {
        "lead": "What the policy earned after costs in which state of its market. P&L is a share of the equity at the "
        f"start; in each table it adds up to {percent(total, plus=True)}.",
        "heads": HEADS,
        "tables": [
            {"title": each.title, "sentence": each.sentence, "rows": [_cells(row) for row in each.rows]}
            for each in regimes
        ],
    }


def _cells(row: RegimeRow) -> tuple[str, ...]:
    return (
        row.name,
        count(row.bars),
        percent(row.share, 0),
        percent(row.pnl, plus=True),
        percent(row.total_return, plus=True),
        number(row.sharpe),
        span(row.sharpe_interval),
        percent(row.directional_accuracy),
        percent(row.chance_accuracy),
        percent(row.market_return, plus=True),
        percent(row.market_volatility, 0),
    )
