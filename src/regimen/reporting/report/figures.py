"""The figures of a report: which series are drawn, in which style, with which legend."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from regimen.charts import (
    Figure,
    Key,
    Line,
    Words,
    bars,
    drawdown_figure,
    equity_figure,
    exposure_figures,
    heights_at,
    line_chart,
    nice_ticks,
    responsive,
    tick_number,
    tick_percent,
)
from regimen.metrics import underwater
from regimen.numerals import number, percent
from regimen.reporting.report.flows import costs_figure, turnover_figure
from regimen.reporting.report.seeds import seed_figures
from regimen.reporting.report.trials import trial_sharpes

if TYPE_CHECKING:
    from regimen.reporting.report.document import ReportDocument

Series = NDArray[np.float64]

_MOST_WINDOWS = 24


def _times(stamps: Sequence[str]) -> Series:
    return np.array([stamp.removesuffix("Z") for stamp in stamps], dtype="datetime64[ns]").astype(np.float64)


def _numbers(values: Sequence[float | None]) -> Series:
    return np.array([math.nan if value is None else value for value in values], dtype=np.float64)


def clock(document: ReportDocument) -> Series:
    """(time,) the document's own clock in nanoseconds; empty without one."""
    if document.time is None:
        return np.zeros(0)
    return document.time.astype("datetime64[ns]").astype(np.float64)


def curves(document: ReportDocument) -> dict[str, tuple[Series, Series]]:
    """The equity curves by name with their clocks: the document's, else the judgement's shorter ones."""
    drawn = document.judgement.curves
    by_name: dict[str, tuple[Series, Series]] = {}
    if drawn.time:
        at = _times(drawn.time)
        by_name = {name: (at, np.array(values, dtype=np.float64)) for name, values in drawn.equity.items()}
    if document.time is not None:
        at = clock(document)
        by_name |= {name: (at, np.asarray(values, dtype=np.float64)) for name, values in document.equity.items()}
    return {name: curve for name, curve in by_name.items() if np.isfinite(curve[1]).any()}


def _equity(document: ReportDocument) -> Figure | None:
    return equity_figure(curves(document))


def _drawdown(document: ReportDocument) -> Figure | None:
    falls: dict[str, tuple[Series, Series]] = {}
    drawn = document.judgement.curves
    if drawn.time:
        at = _times(drawn.time)
        falls = {name: (at, np.array(values, dtype=np.float64)) for name, values in drawn.drawdown.items()}
    if document.time is not None:
        for name, values in document.equity.items():
            whole = np.concatenate([[1.0], np.asarray(values, dtype=np.float64)])
            falls[name] = (clock(document), underwater(whole)[1:])
    return drawdown_figure(falls)


def _exposures(document: ReportDocument) -> list[Figure]:
    if document.exposure is None or document.time is None or len(document.time) == 0:
        return []
    return exposure_figures(clock(document), document.exposure)


def _histogram(document: ReportDocument) -> Figure | None:
    centres, shares = document.judgement.behaviour.centres, document.judgement.behaviour.histogram
    if not shares or len(centres) != len(shares):
        return None
    labels = [(at + 0.5, percent(centre, 0)) for at, centre in enumerate(centres) if at % 5 == 0]
    values = list(shares)
    common = max(range(len(values)), key=lambda position: values[position])
    sentence = f"The most common target lies near {percent(centres[common], 0)}."
    words = Words("targets", "Distribution of the targets", sentence)
    heights = heights_at(170, 170, 160)
    picture = responsive(
        lambda width: bars(words, labels, [("policy", values)], width, heights[width], write=tick_percent)
    )
    return Figure("Target exposures", "Share of bars and symbols with each target in force.", Markup(picture))


def _trials(document: ReportDocument, sharpes: Sequence[float]) -> Figure | None:
    if len(sharpes) < 5 or max(sharpes) - min(sharpes) <= 0:
        return None
    ticks = nice_ticks(min(sharpes), max(sharpes), 8)
    step = ticks[1] - ticks[0]
    first, last = math.floor(min(sharpes) / step), math.floor(max(sharpes) / step) + 1
    edges = step * np.arange(first, last + 1)
    counts = np.histogram(np.array(sharpes), bins=edges)[0]
    labels = [(float(position), number(edge)) for position, edge in enumerate(edges)]
    own = document.judgement.policy.sharpe
    mark = None
    if edges[0] <= own <= edges[-1]:
        mark = (float((own - edges[0]) / step), "policy")
    words = Words(
        "trial-sharpes",
        "Sharpe ratios of all trials",
        f"{len(sharpes)} trials between {number(min(sharpes))} and {number(max(sharpes))}.",
    )
    heights = heights_at(170, 170, 160)
    picture = responsive(
        lambda width: bars(
            words, labels, [("neutral", counts.tolist())], width, heights[width], write=tick_number, mark=mark
        )
    )
    keys = (Key("block neutral", "Trials"), *((Key("policy", "This run", number(own)),) if mark else ()))
    return Figure(
        "Sharpe ratios of the trials",
        "Annual Sharpe ratio after costs, number of trials.",
        Markup(picture),
        keys,
    )


def _training(document: ReportDocument) -> list[tuple[str, Markup]]:
    return [
        picture
        for position, row in enumerate(document.training[:_MOST_WINDOWS])
        if (picture := _course(row, position)) is not None
    ]


def _course(row: Mapping[str, Any], position: int) -> tuple[str, Markup] | None:
    """One window's training: losses by epoch or round, or an agent's mean reward by environment step."""
    first = _numbers(row.get("train_loss") or row.get("reward") or [])
    if not len(first):
        return None
    validation = _numbers(row.get("validation_loss") or [])
    steps = row.get("steps")
    places = np.arange(1.0, len(first) + 1) if steps is None else np.array(steps, dtype=np.float64)
    unit = "step" if steps is not None else "round" if "best_round" in row else "epoch"
    best = row.get("best_steps" if steps is not None else f"best_{unit}")
    lines = [Line("flat", places, first)]
    if len(validation):
        lines.append(Line("hold", np.arange(1.0, len(validation) + 1), validation))
    last = int(places[-1])
    sentence = f"{unit} {best:,} of {last:,}" if best else f"{last:,} {unit}s"
    name, what = f"Window {row.get('window', position)}", f"{'loss' if steps is None else 'reward'} by {unit}"
    chart = line_chart(
        Words(f"loss-{position}", f"{name}: {what}", sentence + "."),
        lines,
        232,
        150,
        write=lambda value: f"{value:.3g}",
        is_time=False,
        marks=[float(best)] if best else [],
    )
    return f"{name} · {sentence}", Markup(chart)


def figures(document: ReportDocument) -> Mapping[str, Any]:
    """All figures by name; one whose series are absent is None or empty."""
    make: dict[str, Callable[[ReportDocument], Any]] = {
        "equity": _equity,
        "drawdown": _drawdown,
        "exposures": _exposures,
        "turnover": turnover_figure,
        "costs": costs_figure,
        "targets": _histogram,
        "seeds": seed_figures,
        "training": _training,
    }
    pictures = {name: draw(document) for name, draw in make.items()}
    return pictures | {
        "trials": _trials(document, trial_sharpes(document)),
        "learns": any(row.get("steps") for row in document.training),
        "more_training": max(0, len(document.training) - _MOST_WINDOWS),
    }
