"""The figures of what flows: turnover and costs, summed over calendar periods."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from regimen.charts import Figure, Key, Words, bars, heights_at, responsive, tick_number, tick_percent
from regimen.numerals import number, percent
from regimen.reporting.glossary import humanised

if TYPE_CHECKING:
    from regimen.reporting.report.document import ReportDocument

Series = NDArray[np.float64]

_COST_STYLES = ("cost-1", "cost-2", "cost-3", "cost-4", "cost-5", "cost-6")
_UNITS = ("day", "week", "month", "quarter", "year")
_MOST_BARS = 84


def calendar_sums(time: NDArray[np.datetime64], values: Series) -> tuple[str, list[tuple[float, str]], Series]:
    """Sums a per-bar series over the finest calendar unit that gives at most 84 bars.

    Returns:
        (unit, (position, label) of the bars that carry one, the sums).
    """
    days = time.astype("datetime64[D]").astype(np.int64)
    months = time.astype("datetime64[M]").astype(np.int64)
    numbers = {
        "day": days,
        "week": (days + 3) // 7,
        "month": months,
        "quarter": months // 3,
        "year": months // 12,
    }
    unit = next((unit for unit in _UNITS if np.ptp(numbers[unit]) < _MOST_BARS), "year")
    first = int(numbers[unit][0])
    sums = np.bincount(numbers[unit] - first, weights=np.nan_to_num(values)).astype(np.float64)
    labels = [(position + 0.5, _unit_label(unit, first + position, len(sums))) for position in range(len(sums))]
    return unit, [(position, label) for position, label in labels if label], sums


def _unit_label(unit: str, position: int, many: int) -> str:
    if unit in ("day", "week"):
        day = np.datetime64(position if unit == "day" else 7 * position - 3, "D").item()
        return f"{day.day} {day:%b}"
    if unit == "year":
        return str(1970 + position)
    per_year = 12 if unit == "month" else 4
    year, part = divmod(position, per_year)
    if part == 0:
        return str(1970 + year)
    if unit == "month" and many <= 24:
        return f"{np.datetime64(position, 'M').item():%b}"
    return ""


def turnover_figure(document: ReportDocument) -> Figure | None:
    if document.turnover is None or document.time is None or len(document.time) == 0:
        return None
    unit, labels, sums = calendar_sums(document.time, np.asarray(document.turnover, dtype=np.float64))
    mean = f"{number(sums.mean(), 1)} times the equity on average"
    words = Words("turnover", f"Turnover per {unit}", f"Traded notional per {unit}: {mean}.")
    heights = heights_at(180, 180, 170)
    picture = responsive(
        lambda width: bars(words, labels, [("policy", sums.tolist())], width, heights[width], write=tick_number)
    )
    note = f"Traded notional, buys and sells, in multiples of equity per {unit}: {mean}."
    return Figure("Turnover", note, Markup(picture))


def costs_figure(document: ReportDocument) -> Figure | None:
    if not document.costs or document.time is None or len(document.time) == 0:
        return None
    groups, keys, unit, labels = [], [], "", list[tuple[float, str]]()
    for style, (kind, values) in zip(_COST_STYLES * 3, document.costs.items(), strict=False):
        unit, labels, sums = calendar_sums(document.time, np.asarray(values, dtype=np.float64))
        groups.append((style, sums.tolist()))
        keys.append(Key(f"block {style}", humanised(kind), percent(sums.sum(), 2)))
    shares = ", ".join(f"{key.label.lower()} {key.value}" for key in keys)
    words = Words("costs", f"Costs per {unit} by kind", f"Sum over the sample as shares of equity: {shares}.")
    heights = heights_at(200, 190, 180)
    picture = responsive(lambda width: bars(words, labels, groups, width, heights[width], write=tick_percent))
    note = f"Paid per {unit}, as a share of the equity before each bar; the legend sums over the whole sample."
    return Figure("Costs by kind", note, Markup(picture), tuple(keys))
