"""One row of the judge's table: everything measured on one ledger."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import reduce
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from regimen import metrics
from regimen.numerals import number, percent, span
from regimen.reprs import short

if TYPE_CHECKING:
    import pandas as pd

    from regimen.execution import Ledger


@dataclass(frozen=True)
class Row:
    """What a policy or a control brought. Returns are fractions, ratios annual; NaN = undefined.

    Attributes:
        name, label: for programs and for people.
        total_return, annual_return: compounded; the annual one geometric.
        volatility, sharpe, sortino, calmar: annual, see `regimen.metrics`.
        sharpe_interval: low and high end of the 95 % interval.
        sharpe_interval_kind: "bootstrap", "draws" (the 2.5 and 97.5 % quantiles of the random control) or
            "none".
        sharpe_per_bar: not annual.
        max_drawdown: positive fraction.
        drawdown_bars, recovery_bars, underwater_bars: from the peak to the trough; from there back to the
            peak (None: never); the longest stretch below a peak.
        hit_rate, profit_factor: of bars.
        skew, kurtosis: of the per-bar returns; kurtosis is raw.
        turnover: annual, multiples of equity.
        exposure: mean gross.
        cost_drag: annual return that all costs took; ``costs`` the same by kind (negative = received).
        break_even_bps: trading cost per unit of traded notional at which the net return is zero.
        break_even_extra_bps: how much of it is left beyond ``cost_paid_bps``, the trading cost that was paid.
        psr: probability that the Sharpe ratio is above 0, without deflation.
        dsr: the Deflated Sharpe Ratio of the timing over ``trials`` trials; of the policy and its drawn actions only:
            nobody selected a control.
    """

    name: str
    label: str
    total_return: float
    annual_return: float
    volatility: float
    sharpe: float
    sharpe_interval: tuple[float, float]
    sharpe_interval_kind: Literal["bootstrap", "draws", "none"]
    sharpe_per_bar: float
    sortino: float
    calmar: float
    max_drawdown: float
    drawdown_bars: int
    recovery_bars: int | None
    underwater_bars: int
    hit_rate: float
    profit_factor: float
    skew: float
    kurtosis: float
    turnover: float
    exposure: float
    cost_drag: float
    costs: dict[str, float]
    break_even_bps: float
    break_even_extra_bps: float
    cost_paid_bps: float
    psr: float
    dsr: float
    trials: int | None

    def __repr__(self) -> str:
        low, high = self.sharpe_interval
        earned = f"net return {self.total_return:.1%}, drawdown {self.max_drawdown:.1%}"
        return short(self, f"{self.name}: {earned}, Sharpe {self.sharpe:.2f} ({low:.2f} to {high:.2f})")

    def to_dict(self) -> dict[str, object]:
        """Returns plain values in the order of the attributes; NaN stays."""
        return {**vars(self), "sharpe_interval": list(self.sharpe_interval), "costs": dict(self.costs)}


def measure(ledger: Ledger, name: str, label: str, curve: NDArray[np.float64] | None = None) -> Row:
    """Measures a ledger, without an interval and without deflation.

    Args:
        ledger: what is measured.
        name, label: of the row.
        curve: `regimen.metrics.wealth` of its returns, where that is known already.
    """
    # imported with the first ledger, so that what only reads a judgement loads no compiler
    from regimen.execution import FILL_COSTS

    returns, periods_per_year = ledger.returns, ledger.bars.periods_per_year
    before = np.concatenate(([ledger.start_equity], ledger.equity[:-1]))
    fall = metrics.drawdown(metrics.wealth(returns) if curve is None else curve)
    logs = metrics.log_growth(returns)
    annual = metrics.annual_return(returns, periods_per_year, logs)
    moments = metrics.moments(returns)
    ratio, skew, kurtosis = moments.sharpe, moments.skewness, moments.kurtosis
    charged = {kind: paid for kind, paid in ledger.costs.items() if not len(paid) or paid.any()}
    drags = dict.fromkeys(ledger.costs, 0.0)
    drags |= {kind: metrics.cost_drag(paid, before, periods_per_year) for kind, paid in charged.items()}
    of_fills = [paid for kind, paid in charged.items() if kind in FILL_COSTS]
    trading = reduce(np.add, of_fills) if of_fills else np.zeros(len(returns))
    paid = metrics.cost_per_trade_bps(trading, before, ledger.turnover)
    extra = metrics.break_even_bps(returns, ledger.turnover, logs)
    return Row(
        name=name,
        label=label,
        total_return=metrics.total_return(returns, logs),
        annual_return=annual,
        volatility=moments.deviation * math.sqrt(periods_per_year),
        sharpe=ratio * math.sqrt(periods_per_year),
        sharpe_interval=(math.nan, math.nan),
        sharpe_interval_kind="none",
        sharpe_per_bar=ratio,
        sortino=metrics.sortino(returns, periods_per_year),
        calmar=metrics.calmar(annual, fall.depth),
        max_drawdown=fall.depth,
        drawdown_bars=fall.bars,
        recovery_bars=fall.recovery_bars,
        underwater_bars=fall.longest,
        hit_rate=metrics.hit_rate(returns),
        profit_factor=metrics.profit_factor(returns),
        skew=skew,
        kurtosis=kurtosis,
        turnover=metrics.annual_turnover(ledger.turnover, periods_per_year),
        exposure=metrics.gross_exposure(ledger.exposure),
        cost_drag=sum(drags.values()),
        costs=drags,
        break_even_bps=paid + extra,
        break_even_extra_bps=extra,
        cost_paid_bps=paid,
        psr=metrics.psr(ratio, len(returns), skew, kurtosis),
        dsr=math.nan,
        trials=None,
    )


def table(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """Returns the table of a verdict in words: its headings, then a line for each row."""
    headings = ("", "Net return", "Sharpe", "95 % interval", "Max. drawdown", "Turnover a year", "PSR", "DSR")
    lines = [
        (
            row.label,
            percent(row.total_return, plus=True),
            number(row.sharpe),
            span(row.sharpe_interval),
            percent(row.max_drawdown),
            number(row.turnover, 1),
            number(row.psr),
            number(row.dsr),
        )
        for row in rows
    ]
    return [headings, *lines]


def frame(rows: Sequence[Row]) -> pd.DataFrame:
    """Returns rows as a pandas frame with their names as index; see `regimen.judging.Judgement.to_frame`."""
    import pandas as pd

    ends = [{"sharpe_low": row.sharpe_interval[0], "sharpe_high": row.sharpe_interval[1]} for row in rows]
    fields = [row.to_dict() | interval for row, interval in zip(rows, ends, strict=True)]
    return pd.DataFrame(fields).drop(columns=["costs", "sharpe_interval"]).set_index("name")


def with_interval(row: Row, interval: metrics.Interval) -> Row:
    """Returns the row with the bootstrap interval of its annual Sharpe ratio."""
    return replace(row, sharpe_interval=(interval.low, interval.high), sharpe_interval_kind="bootstrap")


def _median(values: Sequence[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return float(np.median(finite)) if finite else math.nan


def median_row(rows: Sequence[Row], name: str, label: str) -> Row:
    """Returns the row of medians over draws, each column by itself; undefined values are left out of theirs.

    ``sharpe_interval`` is the 2.5 and 97.5 % quantile of the draws. The PSR of a median is not defined.
    """
    first = rows[0]
    medians: dict[str, object] = {}
    for column in fields(Row):
        values = [getattr(row, column.name) for row in rows]
        if isinstance(getattr(first, column.name), float):
            medians[column.name] = _median(values)
        elif column.name in ("drawdown_bars", "underwater_bars"):
            medians[column.name] = round(_median(values))
    sharpes = [row.sharpe for row in rows if math.isfinite(row.sharpe)]
    low, high = np.quantile(sharpes, [0.025, 0.975]) if sharpes else (math.nan, math.nan)
    medians.update(
        name=name,
        label=label,
        sharpe_interval=(float(low), float(high)),
        sharpe_interval_kind="draws",
        recovery_bars=None,
        costs={kind: _median([row.costs[kind] for row in rows]) for kind in first.costs},
        psr=math.nan,
    )
    return replace(first, **medians)  # type: ignore[arg-type]
