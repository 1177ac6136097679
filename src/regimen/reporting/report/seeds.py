"""The report's section on seeds: a dot for each seed, and the table behind it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from regimen.charts import (
    Figure,
    Key,
    Strip,
    Words,
    Write,
    dot_strip,
    fan_figure,
    responsive,
    tick_number,
    tick_percent,
)
from regimen.numerals import count, day, number, percent, span

if TYPE_CHECKING:
    from regimen.judging import Distribution, SeedRow, Seeds
    from regimen.reporting.report.document import ReportDocument


def _several(document: ReportDocument) -> Seeds | None:
    """The judgement's seeds, where there is more than one."""
    seeds = document.judgement.seeds
    return seeds if seeds is not None and len(seeds.rows) > 1 else None


def seed_table(document: ReportDocument) -> dict[str, Any] | None:
    """The rows of the table, the rows of the summary, and a sentence; None with one seed."""
    seeds = _several(document)
    if seeds is None:
        return None
    rows = [
        {
            "seed": str(row.seed),
            "own": row.seed == seeds.headline,
            "total_return": percent(row.total_return, plus=True),
            "annual_return": percent(row.annual_return, plus=True),
            "sharpe": number(row.sharpe),
            "drawdown": percent(row.max_drawdown),
            "turnover": number(row.turnover, 1),
            "exposure": percent(row.exposure, 0),
        }
        for row in seeds.rows
    ]
    sharpe, total = seeds.summary.sharpe, seeds.summary.total_return
    summary = [
        {"label": label, "total_return": percent(returned, plus=True), "sharpe": number(ratio)}
        for label, returned, ratio in (
            ("IQM", total.iqm, sharpe.iqm),
            ("Median", total.median, sharpe.median),
            ("Worst", total.worst, sharpe.worst),
            ("Best", total.best, sharpe.best),
        )
    ]
    interval = f"{percent(seeds.summary.level, 0)} interval {span([sharpe.low, sharpe.high])}"
    lead = (
        f"The same training with {count(len(rows))} seeds, all on the judged bars. Over them the Sharpe ratio has an "
        f"interquartile mean of {number(sharpe.iqm)} ({interval}) and is {number(sharpe.worst)} at worst. "
        f"The rest of this page is about seed {seeds.headline}."
    )
    return {"rows": rows, "summary": summary, "lead": lead}


def window_returns(document: ReportDocument) -> dict[str, Any] | None:
    """The net return of each seed in each window, for a table; None where that is not known, or there is one window."""
    seeds = _several(document)
    if seeds is None or seeds.fan is None or len(seeds.fan.starts) < 2:
        return None
    known = [abs(value) for row in seeds.fan.windows for value in row if math.isfinite(value)]
    largest = max(known, default=0.0) or 1.0
    return {
        "heads": [day(start[:10]) for start in seeds.fan.starts],
        "rows": [
            {
                "seed": str(row.seed),
                "own": row.seed == seeds.headline,
                "cells": [shaded(value, largest) for value in returns],
            }
            for row, returns in zip(seeds.rows, seeds.fan.windows, strict=True)
        ],
    }


def shaded(value: float | None, largest: float) -> dict[str, str]:
    """A return in per cent as a cell of a table that is shaded by it."""
    if value is None:
        return {"text": "", "sign": "", "shade": "0"}
    shade = 0.0 if not math.isfinite(value) or not largest else abs(value) / largest
    sign = "" if not math.isfinite(value) or value == 0 else "gain" if value > 0 else "loss"
    return {"text": number(100 * value, 1, plus=True), "sign": sign, "shade": f"{math.sqrt(shade):.2f}"}


def _fan(document: ReportDocument) -> Figure | None:
    seeds = _several(document)
    if seeds is None or seeds.fan is None:
        return None
    clock, starts = (
        np.array([stamp.removesuffix("Z") for stamp in stamps], dtype="datetime64[ns]").astype(np.float64)
        for stamps in (seeds.fan.time, seeds.fan.starts)
    )
    return fan_figure(clock, np.array(seeds.fan.equity), marks=starts[1:].tolist())


def seed_figures(document: ReportDocument) -> list[Figure]:
    """The fan of their equity, and a strip of dots for the Sharpe ratio and one for the net return."""
    seeds = _several(document)
    if seeds is None:
        return []
    level = percent(seeds.summary.level, 0)

    def figure(
        key: str,
        title: str,
        note: str,
        summary: Distribution,
        score: Callable[[SeedRow], float],
        write: Write,
        spell: Write,
    ) -> Figure | None:
        values = [score(row) for row in seeds.rows]
        if not all(math.isfinite(value) for value in (summary.low, summary.high, summary.iqm, *values)):
            return None
        headline = [row.seed == seeds.headline for row in seeds.rows]
        own = headline.index(True) if any(headline) else None
        strip = Strip(values, own, summary.iqm, (summary.low, summary.high))
        words = Words(f"seeds-{key}", title, f"{len(values)} seeds from {spell(min(values))} to {spell(max(values))}.")
        picture = responsive(lambda width: dot_strip(words, strip, width, write=write))
        keys = [Key("dot other", "Seed")]
        if own is not None:
            keys.insert(0, Key("dot policy", "The judged seed", spell(values[own])))
        keys += [Key("centre", "IQM", spell(summary.iqm)), Key("band random", f"its {level} interval")]
        return Figure(title, note, Markup(picture), tuple(keys))

    strips = (
        figure(
            "sharpe",
            "Sharpe ratio by seed",
            "Annual, after costs.",
            seeds.summary.sharpe,
            lambda row: row.sharpe,
            tick_number,
            number,
        ),
        figure(
            "total_return",
            "Net return by seed",
            "Over the whole sample, after costs.",
            seeds.summary.total_return,
            lambda row: row.total_return,
            tick_percent,
            percent,
        ),
    )
    return [drawn for drawn in (_fan(document), *strips) if drawn is not None]
