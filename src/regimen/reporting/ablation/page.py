"""The page of an ablation: one HTML file that needs no network, in the look of the report."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from regimen.charts import Figure, Key, Words, responsive, tick_number
from regimen.files import write_text
from regimen.metrics import PairedDifference
from regimen.numerals import count
from regimen.reporting.ablation.ablation import Ablation
from regimen.reporting.ablation.tables import table, worth_table
from regimen.reporting.ablation.worth import Worth, written
from regimen.reporting.comparison.chart import IntervalRow, interval_rows
from regimen.reporting.page import fill_page

_ALONE, _AMONG = "m1", "m2"
"""Colours of the style sheet."""


def render(ablation: Ablation) -> str:
    """Returns the page."""
    helps = sum(worth.says == "helps" for worth in ablation.verdicts)
    harms = sum(worth.says == "harms" for worth in ablation.verdicts)
    arms, worths = table(ablation), worth_table(ablation)
    return fill_page(
        "ablation.html.jinja",
        styles=("report.css", "compare.css"),
        ablation=ablation,
        title=f"{ablation.name}: {count(len(ablation.methods))} method{'' if len(ablation.methods) == 1 else 's'}",
        tone="good" if helps else "caution" if harms else "neutral",
        sign="✓" if helps else "–",
        badge=f"{helps} {'helps' if helps == 1 else 'help'}" if helps else "None helps",
        sentences=[worth.sentence for worth in (*ablation.verdicts, *ablation.besides)],
        figure=_figure(ablation),
        arms=[(arm, list(row.values())[1:]) for arm, row in zip(ablation.arms, arms, strict=True)],
        arm_heads=list(arms[0])[1:],
        worths=[list(row.values()) for row in worths],
        worth_heads=list(worths[0])[2:],
        columns=[column for column in ablation.columns if ablation.knows(column.name)],
        facts=[*ablation.facts, ("Seeds", count(ablation.seeds)), ("Windows", count(ablation.windows))],
        trials=count(ablation.trials),
    )


def write(ablation: Ablation, path: Path) -> None:
    """Writes the page whole or not at all.

    Raises:
        RunError: the file cannot be written.
    """
    write_text(path, render(ablation))


def _figure(ablation: Ablation) -> Figure:
    column = ablation.column(ablation.by)
    worths = [worth for worth in ablation.worths if worth.column == column]
    rows = [row for worth in worths for row in _rows(worth)]
    ends = "; ".join(f"{worth.method} {written(worth.alone, column)}" for worth in worths)
    words = Words("worth", f"What each method does to {column.title}", f"Alone: {ends}.")
    picture = responsive(lambda width: interval_rows(words, rows, width, write=tick_number, mark=(0.0, "hold")))
    note = f"{column.title}: {column.note}. Whiskers: {100 * ablation.level:.2f} % intervals of the paired difference."
    keys = [Key(f"dot {_ALONE}", "The method alone, against none")]
    if ablation.has_all:
        keys.append(Key(f"dot {_AMONG}", "All methods, against all but this one"))
    return Figure(f"What each method does to {column.title}", note, Markup(picture), tuple(keys))


def _rows(worth: Worth) -> list[IntervalRow]:
    rows = [_row(worth.method, _ALONE, worth.alone)]
    if worth.among is not worth.alone:
        rows.append(_row(f"{worth.method}, among all", _AMONG, worth.among))
    return rows


def _row(label: str, style: str, pair: PairedDifference) -> IntervalRow:
    return IntervalRow(label, style, pair.mean, (pair.low, pair.high), (float("nan"), float("nan")))
