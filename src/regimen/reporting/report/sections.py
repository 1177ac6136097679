"""The words and tables of a report: plain values in, formatted cells out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from regimen.numerals import count, day, number, percent, significant
from regimen.reporting.glossary import definitions, humanised
from regimen.reporting.report.behaviour import behaviour_facts, collapse_facts
from regimen.reporting.report.exhibits import exhibit_sections
from regimen.reporting.report.regimes import regime_section
from regimen.reporting.report.seeds import seed_table, shaded, window_returns
from regimen.reporting.report.trials import trial_section
from regimen.reporting.report.verdict import all_statistics, beside_controls, finite, remarks, verdict_text

if TYPE_CHECKING:
    from regimen.judging import PeriodRow, SymbolProfits
    from regimen.reporting.report.document import ReportDocument, TrainedWindow

_SAMPLE = {
    "start": "Judged from",
    "end": "Judged to",
    "bars": "Bars judged",
    "symbols": "Symbols",
    "periods_per_year": "Bars a year",
}
"""What the judgement's sample says, in words that tell it from the whole file."""

_MOST_SYMBOLS = 40
_MOST_MONTHS = 1200


def _window_rows(windows: Sequence[TrainedWindow]) -> list[dict[str, str]]:
    rows = _period_rows([window.row for window in windows])
    return [row | _trained(window) for row, window in zip(rows, windows, strict=True)]


def _trained(window: TrainedWindow) -> dict[str, str]:
    dates = f"{_date(window.row, window.train_start)} – {_date(window.row, window.train_end)}"
    return {"number": count(window.number), "trained": dates if window.train_start else ""}


def _period_rows(rows: Sequence[PeriodRow]) -> list[dict[str, str]]:
    return [
        {
            "number": count(position + 1),
            # the table must fit the page; the hour matters only where spans are short
            "trained": "",
            "start": _date(row, row.start),
            "end": _date(row, row.end),
            "bars": count(row.bars),
            "total_return": percent(row.total_return, plus=True),
            "buy_and_hold": percent(row.buy_and_hold_return, plus=True),
            "sign": _sign(row.total_return),
            "sharpe": number(row.sharpe),
            "drawdown": percent(row.max_drawdown),
            "turnover": number(row.turnover, 1),
            "exposure": percent(row.exposure, 0),
        }
        for position, row in enumerate(rows)
    ]


def _date(row: PeriodRow, moment: str) -> str:
    """The moment without its hour, in rows that span a week or more."""
    long = np.datetime64(row.end[:10], "D") - np.datetime64(row.start[:10], "D") >= np.timedelta64(7, "D")
    return day(moment[:10] if long else moment)


def _sign(value: object) -> str:
    known = finite(value)
    return "" if not known else "gain" if known > 0 else "loss"


def _months(document: ReportDocument) -> list[dict[str, Any]]:
    """Compounded return of each calendar month and year of the policy, from its full equity curve."""
    equity = document.equity.get("policy")
    if equity is None or document.time is None or len(equity) == 0:
        return []
    months = document.time.astype("datetime64[M]").astype(np.int64)
    last = np.append(np.flatnonzero(np.diff(months)), len(months) - 1)
    if len(last) > _MOST_MONTHS:
        return []
    closes = np.asarray(equity, dtype=np.float64)[last]
    before = np.append(1.0, closes[:-1])
    changes = np.divide(closes, before, out=np.full(len(closes), np.nan), where=before > 0) - 1.0
    years: dict[int, dict[str, Any]] = {}
    for month, change, start, end in zip(months[last].tolist(), changes.tolist(), before, closes, strict=True):
        row = years.setdefault(1970 + month // 12, {"cells": [None] * 12, "start": float(start), "end": float(end)})
        row["end"] = float(end)
        row["cells"][month % 12] = change
    largest = max((abs(change) for change in changes.tolist() if math.isfinite(change)), default=0.0)

    table = []
    for year, row in years.items():
        whole = row["end"] / row["start"] - 1.0 if row["start"] > 0 else None
        cells = [shaded(value, largest) for value in row["cells"]]
        table.append({"year": str(year), "cells": cells, "whole": percent(whole, plus=True)})
    return table


def _symbols(document: ReportDocument) -> dict[str, Any]:
    if document.exposure is None or len(document.symbols) < 2 or len(document.exposure) == 0:
        return {"rows": [], "more": 0, "profits": ""}
    exposures = np.nan_to_num(np.asarray(document.exposure, dtype=np.float64))
    gross, net, share = np.abs(exposures).mean(axis=0), exposures.mean(axis=0), (exposures != 0).mean(axis=0)
    order = np.argsort(-gross, kind="stable")[:_MOST_SYMBOLS]
    largest = float(gross.max()) or 1.0
    profits = None if document.profits is None else document.profits.rows
    rows = [
        {
            "symbol": str(document.symbols[position]),
            "gross": percent(gross[position], 2),
            "net": percent(net[position], 2, plus=True),
            "held": percent(share[position], 0),
            "bar": f"{100 * gross[position] / largest:.0f}",
            "pnl": "" if profits is None else percent(profits[position].pnl, 2, plus=True),
            "sign": "" if profits is None else _sign(profits[position].pnl),
            "costs": "" if profits is None else percent(profits[position].costs, 2),
            "fills": "" if profits is None else count(profits[position].fills),
        }
        for position in order.tolist()
    ]
    more = max(0, len(document.symbols) - len(rows))
    return {"rows": rows, "more": more, "profits": _profit_sentence(document.profits)}


def _profit_sentence(profits: SymbolProfits | None) -> str:
    if profits is None:
        return ""
    earned = [row.pnl for row in profits.rows]
    total, best = math.fsum(earned), max(profits.rows, key=lambda row: row.pnl)
    worst = min(profits.rows, key=lambda row: row.pnl)
    gains = sum(pnl > 0.0 for pnl in earned)
    return (
        "P&L is a share of the equity at the start, after the costs of the symbol's own fills: "
        f"{percent(total, plus=True)} in all, and {percent(profits.holding, plus=True)} for borrowing, financing and "
        f"funding, which are booked for all together. {count(gains)} of {count(len(earned))} symbols gained; the "
        f"most {best.symbol} ({percent(best.pnl, plus=True)}), the least {worst.symbol} "
        f"({percent(worst.pnl, plus=True)})."
    )


def _data(document: ReportDocument) -> list[tuple[str, str]]:
    facts = {_SAMPLE.get(key, humanised(key)): value for key, value in sorted(vars(document.judgement.sample).items())}
    facts |= {humanised(key): value for key, value in document.data.items()}
    if facts.get("File") == facts.get("Source"):
        facts.pop("Source", None)
    shown: list[tuple[str, str]] = []
    for key, value in facts.items():
        if isinstance(value, str) and len(value) >= 19 and value[4:5] == "-" and value[10:11] == "T":
            text = day(value) + " UTC" if "00:00:00" not in value else day(value)
        elif isinstance(value, list | tuple):
            text = ", ".join(str(item) for item in value)
        else:
            text = significant(value)
        shown.append((key, text))
    return shown


def _findings(document: ReportDocument) -> list[dict[str, Any]]:
    return [
        {
            "name": humanised(str(finding.get("name", ""))),
            "severity": "refused" if finding.get("severity") == "refuse" else "warning",
            "count": count(finding.get("count")),
            "sentence": finding.get("sentence", ""),
            "rows": ", ".join(str(row) for row in (finding.get("stamps") or finding.get("rows") or ())),
        }
        for finding in document.findings
    ]


def _environment(document: ReportDocument) -> list[tuple[str, str]]:
    facts: list[tuple[str, str]] = []
    for key, value in document.environment.items():
        if isinstance(value, Mapping):
            facts += [(str(name), str(item)) for name, item in value.items()]
        else:
            facts.append((humanised(str(key)), str(value)))
    return facts


def sections(document: ReportDocument) -> dict[str, Any]:
    """All tables and texts by name, ready for the page."""
    judgement = document.judgement
    sample = judgement.sample
    heading = [f"{day(sample.start)} – {day(sample.end)}", f"{count(sample.bars)} bars out of sample"]
    if sample.symbols != 1:
        heading.append(f"{count(sample.symbols)} symbols")
    windows = _window_rows(document.windows)
    return {
        "heading": heading,
        "created": day(document.created),
        "verdict": verdict_text(document),
        "alarms": [alarm.sentence for alarm in judgement.alarms],
        "without_costs": judgement.zero_cost,
        "ruined": judgement.ruined,
        "beside": beside_controls(document),
        "random_sentence": judgement.random.sentence,
        "statistics": all_statistics(document),
        "remarks": remarks(document),
        "behaviour": behaviour_facts(document),
        "collapse": collapse_facts(document),
        "regimes": regime_section(document),
        "seeds": seed_table(document),
        "seed_windows": window_returns(document),
        "windows": windows,
        "windows_trained": any(row["trained"] for row in windows),
        "windows_hold": any(window.row.buy_and_hold_return is not None for window in document.windows),
        "periods": _period_rows(judgement.periods),
        "months": _months(document),
        "month_names": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
        "held": _symbols(document),
        "exhibits": exhibit_sections(document.exhibits),
        "data": _data(document),
        "findings": _findings(document),
        "trials": trial_section(document),
        "environment": _environment(document),
        "definitions": definitions(judgement),
        "periods_per_year": number(sample.periods_per_year, 0),
        "columns": sum(len(names) for names in document.features.values()),
    }
