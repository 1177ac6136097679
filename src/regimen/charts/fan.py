"""A fan: how far the equity of several paths is spread, over time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from regimen.charts.figure import Figure, Key, heights_at, multiple, tick_number
from regimen.charts.frame import Words
from regimen.charts.plots import Line, Ribbon, line_chart, responsive

Series = NDArray[np.float64]

LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Quantiles over the paths: the worst, the quartiles and the best."""
_POINTS = 1000


def fan_figure(
    clock: Series,
    equity: Series,
    *,
    key: str = "fan",
    title: str = "Equity over all seeds",
    paths: str = "seeds",
    marks: Sequence[float] = (),
) -> Figure | None:
    """Draws the median of paths, the middle half of them and all of them, logarithmic; None with fewer than two points.

    At each time the quantiles are those of that time: their lines are no paths that anybody traded.

    Args:
        clock: (time,) nanoseconds since 1970.
        equity: multiples of the starting equity: (path, time), or their quantiles at `LEVELS`, lowest first.
        key: tells its pictures from others on the page.
        title: of the figure.
        paths: what the paths are, in the plural.
        marks: moments that get an upright line, such as the ends of windows.
    """
    if equity.shape[1] < 2:
        return None
    at = np.unique(np.linspace(0, len(clock) - 1, min(len(clock), _POINTS)).round().astype(np.int64))
    clock, equity = clock[at], equity[:, at]
    worst, lower, median, upper, best = np.quantile(equity, LEVELS, axis=0)
    last = {"best": best[-1], "median": median[-1], "worst": worst[-1]}
    ends = ", ".join(f"{name} {multiple(float(value))}" for name, value in last.items())
    words = Words(key, title, f"Multiples of the starting equity at the end: {ends}.")
    bands = [Ribbon("policy pale", clock, worst, best), Ribbon("policy", clock, lower, upper)]
    heights = heights_at(320, 280, 240)
    picture = responsive(
        lambda width: line_chart(
            words,
            [Line("policy", clock, median)],
            width,
            heights[width],
            write=tick_number,
            bands=bands,
            log=True,
            heavy=1.0,
            include=[1.0],
            marks=marks,
        )
    )
    keys = (
        Key("policy", "Median", multiple(float(median[-1]))),
        Key("band policy", f"Middle half of the {paths}", _ends(lower, upper)),
        Key("band policy pale", f"All {paths}", _ends(worst, best)),
    )
    note = f"Multiple of the starting equity after costs, logarithmic: at each time the quantiles over the {paths}."
    return Figure(title, note, Markup(picture), keys)


def _ends(low: Series, high: Series) -> str:
    return f"{multiple(float(low[-1]))} to {multiple(float(high[-1]))}"
