"""The report's section on seeds: a dot for each seed, and the table behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from regimen.reporting.charts.figure import Figure, Key, tick_number, tick_percent
from regimen.reporting.charts.frame import Words, Write
from regimen.reporting.charts.plots import responsive
from regimen.reporting.charts.strips import Strip, dot_strip
from regimen.reporting.numerals import count, number, percent, span
from regimen.reporting.report.verdict import finite

if TYPE_CHECKING:
    from regimen.reporting.report.document import ReportDocument

_SUMMARY = (("IQM", "iqm"), ("Median", "median"), ("Worst", "worst"), ("Best", "best"))


def _several(document: ReportDocument) -> Mapping[str, Any] | None:
    """The judgement's seeds, where there is more than one."""
    seeds = document.judgement.get("seeds") or {}
    return seeds if len(seeds.get("rows") or ()) > 1 else None


def seed_table(document: ReportDocument) -> dict[str, Any] | None:
    """The rows of the table, the rows of the summary, and a sentence; None with one seed."""
    seeds = _several(document)
    if seeds is None:
        return None
    rows = [
        {
            "seed": str(row.get("seed", "")),
            "own": row.get("seed") == seeds.get("headline"),
            "total_return": percent(row.get("total_return"), plus=True),
            "annual_return": percent(row.get("annual_return"), plus=True),
            "sharpe": number(row.get("sharpe")),
            "drawdown": percent(row.get("max_drawdown")),
            "turnover": number(row.get("turnover"), 1),
            "exposure": percent(row.get("exposure"), 0),
        }
        for row in seeds["rows"]
    ]
    sharpe, total = seeds.get("sharpe") or {}, seeds.get("total_return") or {}
    summary = [
        {"label": label, "total_return": percent(total.get(key), plus=True), "sharpe": number(sharpe.get(key))}
        for label, key in _SUMMARY
    ]
    interval = f"{percent(seeds.get('level'), 0)} interval {span([sharpe.get('low'), sharpe.get('high')])}"
    lead = (
        f"The same training with {count(len(rows))} seeds, all on the judged bars. Over them the Sharpe ratio has an "
        f"interquartile mean of {number(sharpe.get('iqm'))} ({interval}) and is {number(sharpe.get('worst'))} at worst."
    )
    if seeds.get("headline") is not None:
        lead += f" The rest of this page is about seed {seeds['headline']}."
    return {"rows": rows, "summary": summary, "lead": lead}


def seed_figures(document: ReportDocument) -> list[Figure]:
    """A strip of dots for the Sharpe ratio and one for the net return."""
    seeds = _several(document)
    if seeds is None:
        return []
    level = percent(seeds.get("level"), 0)

    def figure(key: str, title: str, note: str, write: Write, spell: Write) -> Figure | None:
        summary = seeds.get(key) or {}
        values = [finite(row.get(key)) for row in seeds["rows"]]
        low, high, centre = (finite(summary.get(name)) for name in ("low", "high", "iqm"))
        known = [value for value in values if value is not None]
        if low is None or high is None or centre is None or len(known) < len(values):
            return None
        headline = [row.get("seed") == seeds.get("headline") for row in seeds["rows"]]
        own = headline.index(True) if any(headline) else None
        strip = Strip(known, own, centre, (low, high))
        words = Words(f"seeds-{key}", title, f"{len(known)} seeds from {spell(min(known))} to {spell(max(known))}.")
        picture = responsive(lambda width: dot_strip(words, strip, width, write=write))
        keys = [Key("dot other", "Seed")]
        if own is not None:
            keys.insert(0, Key("dot policy", "The judged seed", spell(known[own])))
        keys += [Key("centre", "IQM", spell(centre)), Key("band random", f"its {level} interval")]
        return Figure(title, note, Markup(picture), tuple(keys))

    strips = (
        figure("sharpe", "Sharpe ratio by seed", "Annual, after costs.", tick_number, number),
        figure("total_return", "Net return by seed", "Over the whole sample, after costs.", tick_percent, percent),
    )
    return [drawn for drawn in strips if drawn is not None]
