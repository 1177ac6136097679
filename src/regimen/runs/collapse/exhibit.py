"""The diagnosis as a table: for the terminal, and as a section of the report."""

from __future__ import annotations

from regimen.numerals import basis_points, number, percent, significant
from regimen.reporting.report import Exhibit
from regimen.runs.collapse.diagnosis import Collapse, Symptoms
from regimen.runs.collapse.forecasts import ForecastWorth

FORECAST_HEADINGS = ("columns", "ahead", "IC", "gross", "net", "turnover", "break-even")
"""Of the cells of `forecast_rows`."""
_UNIT = 1e4


def exhibit_of(collapse: Collapse) -> Exhibit:
    """Returns the section "Why it holds" of a report."""
    evidence = collapse.evidence
    facts = "; ".join(f"{name} {value}" for name, value in facts_of(evidence))
    sentences = (
        collapse.sentence,
        f"Measured: {facts}.",
        "Gross and net in basis points a bar ± a standard error, of the rule's timing; turnover a bar; break-even in "
        "basis points of a trade.",
        *collapse.notes,
    )
    rows = tuple(forecast_rows(evidence))
    return Exhibit("collapse", "Why it holds", sentences, FORECAST_HEADINGS, rows)


def forecast_rows(evidence: Symptoms) -> list[tuple[str, ...]]:
    """Returns one row for each forecast."""
    sets = (("the run's", evidence.own), ("the bars'", evidence.plain))
    return [(name, *_cells(each)) for name, every in sets for each in every]


def _cells(each: ForecastWorth) -> tuple[str, ...]:
    return (
        str(each.horizon),
        number(each.correlation, 3, plus=True),
        _with_error(each.gross, each.gross_error),
        _with_error(each.net, each.net_error),
        number(each.turnover, 3),
        number(_UNIT * each.break_even, 1),
    )


def _with_error(value: float, error: float) -> str:
    return f"{number(_UNIT * value, plus=True)} ± {number(_UNIT * error)}"


def facts_of(evidence: Symptoms) -> list[tuple[str, str]]:
    """Returns (name, value) of what was measured beside the forecasts."""
    e = evidence
    rows = [("share of the commonest exposure", f"{percent(e.share)} at {percent(e.exposure, 0, plus=True)}")]
    rows.append(("mean size of the exposure", percent(e.size)))
    if e.information is not None:
        parts = f"{number(e.action_entropy, 3)} − {number(e.conditional_entropy, 3)}"
        rows.append(("I(S;A) = H(A) − H(A|S)", f"{number(e.information, 3)} = {parts} nats"))
    if e.constant is not None:
        gain = f"{percent(e.advantage, plus=True)} ± {percent(e.advantage_error)} a year"
        rows.append(("over the best constant", f"{gain} (constant {percent(e.constant, 0, plus=True)})"))
    if e.drawn is not None:
        both = f"{percent(e.judged, plus=True)} and {percent(e.drawn, plus=True)} a year"
        rows.append(("growth, deterministic and drawn", both))
    rows.append(("a trade costs", basis_points(_UNIT * e.cost)))
    if e.tried_first is not None:
        rows.append(("choices tried, first and last", f"{percent(e.tried_first)} and {percent(e.tried_last)}"))
    if e.reward is not None:
        against = "" if e.unit is None else f", against {significant(e.unit, 2)}"
        rows.append(
            ("deviation of reward, of return", f"{significant(e.reward, 2)}, {significant(e.discounted, 2)}{against}")
        )
    if e.gradient_first is not None:
        ends = f"{significant(e.gradient_first, 2)} and {significant(e.gradient_last, 2)}"
        rows.append(("gradient's norm, first and last", ends))
    if e.twin is not None:
        rows.append(("learns where tomorrow is shown", f"{percent(e.twin, 0)} of the best growth"))
    return rows
