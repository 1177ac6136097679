"""A validation as a section of the report: the fan of its paths, and what became of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from regimen.judging import Judgement, Regimes
from regimen.numerals import count, number, percent, span
from regimen.reporting.report import Curve, Drawing, Exhibit
from regimen.runs.validation.result import PathResult, Validation

_POINTS = 300


def exhibits_of_validation(validation: Validation, judgements: Sequence[Judgement]) -> list[Exhibit]:
    """Returns the sections of a validation.

    Args:
        validation: the result.
        judgements: of its paths, in their order.
    """
    fan = Exhibit(
        key="validation",
        title="Validation over all choices of folds",
        sentences=(*validation.sentences, *validation.notes),
        columns=("", ""),
        rows=tuple(spread_cells(validation)),
        drawings=(_fan(judgements),),
    )
    return [fan, _paths(validation), *_regimes(validation)]


def spread_cells(validation: Validation) -> list[tuple[str, str]]:
    """Returns a line for each number over all paths and seeds."""
    spread = validation.sharpe
    return [
        ("Sharpe ratio, median", number(spread.median)),
        ("5th to 95th percentile", span((spread.low, spread.high))),
        ("interquartile mean", number(spread.iqm)),
        ("its 95 % interval over seeds", span((spread.iqm_low, spread.iqm_high))),
        ("of the walk-forward", number(validation.walk_forward)),
        ("paths that lost money", percent(validation.loss)),
        ("trials", count(validation.trials)),
    ]


def path_cells(paths: Sequence[PathResult]) -> list[tuple[str, ...]]:
    """Returns a line for each path over its seeds: Sharpe ratio, net return, deepest drawdown, DSR, verdicts."""
    lines: list[tuple[str, ...]] = []
    for path in sorted({each.path for each in paths}):
        own = [each for each in paths if each.path == path]
        sharpes = [each.sharpe for each in own]
        levels = Counter(each.level for each in own)
        verdicts = ", ".join(level if len(own) == 1 else f"{many} {level}" for level, many in levels.most_common())
        lines.append(
            (
                str(path + 1),
                number(float(np.median(sharpes))),
                span((min(sharpes), max(sharpes))),
                percent(float(np.median([each.total_return for each in own])), plus=True),
                percent(max(each.max_drawdown for each in own)),
                number(float(np.median([each.dsr for each in own]))),
                verdicts,
            )
        )
    return lines


PATHS = ("Path", "Sharpe", "over seeds", "Net return", "Drawdown", "DSR", "Verdict")
"""Heads of `path_cells`."""


def _paths(validation: Validation) -> Exhibit:
    return Exhibit(
        key="validation-paths",
        title="Paths",
        sentences=(
            f"Each path trades {validation.first} to {validation.last} once, in one account, after costs. Over seeds: "
            "medians, and the deepest drawdown.",
        ),
        columns=PATHS,
        rows=tuple(path_cells(validation.paths)),
    )


REGIMES = ("State", "Bars", "P&L", "Net return", "Sharpe", "95 % interval")
"""Heads of `regime_cells`."""


def regime_cells(regimes: Regimes) -> list[tuple[str, ...]]:
    """Returns a line for each state of a market."""
    return [
        (
            row.name,
            count(row.bars),
            percent(row.pnl, plus=True),
            percent(row.total_return, plus=True),
            number(row.sharpe),
            span(row.sharpe_interval),
        )
        for row in regimes.rows
    ]


def _regimes(validation: Validation) -> Iterator[Exhibit]:
    for each in validation.regimes:
        yield Exhibit(
            key=f"validation-{each.kind}",
            title=f"The middle path by state: {each.title}",
            sentences=(each.sentence,),
            columns=REGIMES,
            rows=tuple(regime_cells(each)),
        )


def _fan(judgements: Sequence[Judgement]) -> Drawing:
    curves = judgements[0].curves
    at = np.unique(np.linspace(0, len(curves.time) - 1, min(_POINTS, len(curves.time))).round().astype(int))
    time = tuple(curves.time[place] for place in at)
    equity = np.array([judgement.curves.equity["policy"] for judgement in judgements])[:, at]
    low, middle, high = np.quantile(equity, [0.05, 0.5, 0.95], axis=0)
    return Drawing(
        "lines",
        "Equity of all paths",
        "Multiples of the starting equity after costs: the median of all paths and seeds, and the band from the 5th to "
        "the 95th percentile, bar by bar.",
        (Curve("median path", tuple(middle), time, tuple(low), tuple(high), style="policy"),),
    )
