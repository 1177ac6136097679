"""The tables of an ablation: scores of every arm, and the differences that each method makes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from regimen.metrics import PairedDifference
from regimen.numerals import MINUS, number
from regimen.reporting.ablation.ablation import TRADED, Ablation
from regimen.reporting.ablation.worth import Column, sign, written


def table(ablation: Ablation) -> list[dict[str, str]]:
    """Returns one row of written cells for each arm, by column: the interquartile means, and those of the first two
    measures with their intervals."""
    rows = []
    for arm in ablation.arms:
        row = {"methods": arm.label}
        for column in ablation.columns:
            if not ablation.knows(column.name):
                continue
            level = ablation.level_of(arm, column.name)
            cell = number(level.estimate, column.digits)
            if column.name in (ablation.by, TRADED) and math.isfinite(level.low):
                cell += f" [{number(level.low, column.digits)}, {number(level.high, column.digits)}]"
            row[column.title] = cell
        rows.append(row)
    return rows


def worth_table(ablation: Ablation) -> list[dict[str, str]]:
    """Returns one row of written cells for each method: what it changes, by each measure, alone and among all."""
    rows = []
    for method in ablation.methods:
        for where in ("alone", "among all") if ablation.has_all else ("alone",):
            row = {"method": method, "where": where}
            for column in (each for each in ablation.columns if ablation.knows(each.name)):
                worth = next(each for each in ablation.worths if (each.method, each.column) == (method, column))
                pair = worth.alone if where == "alone" else worth.among
                star = " *" if sign(pair) else ""
                row[column.title] = (
                    written(pair, column) if column.name == ablation.by else mean_of(pair, column)
                ) + star
            rows.append(row)
    return rows


def mean_of(pair: PairedDifference, column: Column) -> str:
    """Writes a difference without its interval."""
    return number(pair.mean, column.digits, plus=True)


def markdown(ablation: Ablation) -> str:
    """Returns both tables as Markdown, with the sentences."""
    return "\n".join(_lines(ablation))


def _lines(ablation: Ablation) -> Iterator[str]:
    yield ablation.sentence
    yield ""
    yield from _rows(table(ablation), ("methods",))
    yield ""
    yield f"Differences, {MINUS} or + as the number goes; * where the interval does not cover 0."
    yield ""
    yield from _rows(worth_table(ablation), ("method", "where"))
    yield ""
    yield from (f"- {worth.sentence}" for worth in (*ablation.verdicts, *ablation.besides))
    yield ""
    yield ablation.rule
    for note in ablation.notes:
        yield ""
        yield note


def _rows(rows: Sequence[Mapping[str, str]], words: Sequence[str]) -> Iterator[str]:
    yield f"| {' | '.join(rows[0])} |"
    yield f"|{'|'.join('---' if column in words else '--:' for column in rows[0])}|"
    yield from (f"| {' | '.join(row.values())} |" for row in rows)
