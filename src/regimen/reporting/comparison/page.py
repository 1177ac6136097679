"""The page of a comparison: one HTML file that needs no network, in the look of the report."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from markupsafe import Markup

from regimen.charts import Figure, Key, Line, Words, heights_at, line_chart, multiple, responsive, tick_number
from regimen.files import write_text
from regimen.numerals import count, number, percent, span
from regimen.reporting.comparison.chart import IntervalRow, interval_rows
from regimen.reporting.comparison.comparison import Comparison, Contender, Reference, seconds
from regimen.reporting.page import fill_page

COLOURS = 8
"""Colours of the style sheet; further runs take them again, dashed."""
_REACH = "95 % of the judged seed's Sharpe ratio over resampled returns"


def style_of(position: int) -> str:
    """The style of the run at a position: eight colours, then the same dashed."""
    return f"m{position % COLOURS + 1}" + (" again" if position >= COLOURS else "")


def render(comparison: Comparison, links: Mapping[str, str] | None = None) -> str:
    """Returns the page.

    Args:
        comparison: what it shows.
        links: address of a run's own report, by id.
    """
    passes = [one.verdict == "evidence" for one in comparison.contenders]
    rows = [
        {**_cells(one), "style": style_of(position), "link": (links or {}).get(one.run, "")}
        for position, one in enumerate(comparison.contenders)
    ]
    reference = comparison.reference
    return fill_page(
        "compare.html.jinja",
        styles=("report.css", "compare.css"),
        comparison=comparison,
        title=_title(comparison),
        tone="caution" if comparison.differences else "good" if any(passes) else "neutral",
        sign="✓" if any(passes) else "–",
        badge=_badge(sum(passes)),
        rows=rows,
        reference={
            "label": reference.label,
            "sharpe": number(reference.sharpe),
            "interval": span(reference.sharpe_interval),
            "total_return": percent(reference.total_return, plus=True),
            "drawdown": percent(reference.max_drawdown),
            "turnover": number(reference.turnover, 1),
        },
        several=len(comparison.contenders) > 1,
        trials=count(comparison.trials),
        intervals=_intervals(comparison),
        equity=_equity(comparison),
    )


def write(comparison: Comparison, path: Path, links: Mapping[str, str] | None = None) -> None:
    """Writes the page whole or not at all.

    Raises:
        RunError: the file cannot be written.
    """
    write_text(path, render(comparison, links))


def _title(comparison: Comparison) -> str:
    many = len(comparison.contenders)
    where = dict(comparison.facts).get("Data", "").split(".")[0]
    return f"{many} run{'' if many == 1 else 's'}" + (f" on {where}" if where else "")


def _badge(winners: int) -> str:
    return "No evidence" if winners == 0 else f"{winners} with evidence"


def _cells(one: Contender) -> dict[str, str]:
    frozen = math.isfinite(one.trainable) and one.trainable < one.parameters
    return {
        "label": one.label,
        "run": one.run,
        "total_return": percent(one.total_return, plus=True),
        "sharpe": number(one.sharpe),
        "interval": span(one.sharpe_interval),
        "iqm": number(one.iqm),
        "iqm_interval": span(one.iqm_interval),
        "worst": number(one.worst),
        "best": number(one.best),
        "drawdown": percent(one.max_drawdown),
        "turnover": number(one.turnover, 1),
        "dsr": number(one.dsr),
        "dsr_then": number(one.dsr_then),
        "hold": number(one.better_than_hold),
        "first": number(one.better_than_first),
        "seeds": count(len(one.seeds)),
        "parameters": count(one.parameters),
        "trainable": count(one.trainable) if frozen else "",
        "seconds": seconds(one.seconds),
        "verdict": one.verdict,
        "verdict_then": "" if one.verdict == one.verdict_then else one.verdict_then,
    }


def _intervals(comparison: Comparison) -> Figure:
    reference = comparison.reference
    rows = [
        IntervalRow(
            label=one.label,
            style=style_of(position),
            centre=one.iqm,
            inner=one.iqm_interval,
            outer=one.sharpe_interval,
            dots=tuple(one.seeds.values()) if len(one.seeds) > 1 else (),
        )
        for position, one in enumerate(comparison.contenders)
    ]
    unknown = (math.nan, math.nan)
    rows.append(IntervalRow(reference.label, "hold", reference.sharpe, unknown, reference.sharpe_interval))
    ends = ", ".join(f"{one.label} {number(one.iqm)}" for one in comparison.contenders)
    words = Words("intervals", "Sharpe ratio by run", f"{ends}; buy and hold {number(reference.sharpe)}.")
    picture = responsive(
        lambda width: interval_rows(words, rows, width, write=tick_number, mark=(reference.sharpe, "hold"))
    )
    keys = (
        Key("dot ink", "IQM over seeds, whiskers its 95 % interval"),
        Key("dot other", "A seed"),
        Key("band reach-key", _REACH),
        Key("hold upright", "Buy and hold", number(reference.sharpe)),
    )
    note = (
        "Annual, after costs. The whiskers say how far other seeds could have moved the mean (with fewer than five "
        "they are too narrow), the pale bar what another stretch of the same market could have done."
    )
    return Figure("Sharpe ratio", note, Markup(picture), keys)


def _equity(comparison: Comparison) -> Figure:
    reference = comparison.reference
    drawn = [Line("hold upright", reference.time, reference.equity)]
    drawn += [Line(style_of(position), one.time, one.equity) for position, one in enumerate(comparison.contenders)]
    ends = [(one.label, _last(one)) for one in comparison.contenders]
    multiples = ", ".join(f"{label} {multiple(end)}" for label, end in ends)
    words = Words("equity", "Equity of all runs", f"Multiples of the starting equity at the end: {multiples}.")
    heights = heights_at(440, 360, 300)
    picture = responsive(
        lambda width: line_chart(
            words, drawn, width, heights[width], write=tick_number, log=True, heavy=1.0, include=[1.0]
        )
    )
    keys = [Key(style_of(position), label, multiple(end)) for position, (label, end) in enumerate(ends)]
    keys.append(Key("hold upright", reference.label, multiple(_last(reference))))
    note = "Multiple of the starting equity after costs, the judged seed of each run; logarithmic."
    return Figure("Equity", note, Markup(picture), tuple(keys))


def _last(one: Contender | Reference) -> float:
    known = one.equity[np.isfinite(one.equity)]
    return float(known[-1]) if len(known) else math.nan
