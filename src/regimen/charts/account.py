"""The figures of an account: its equity beside its controls, how far it fell, what it held."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from regimen.charts.figure import Figure, Key, heights_at, multiple, tick_number, tick_percent
from regimen.charts.frame import Words
from regimen.charts.plots import WIDTHS, Line, Ribbon, line_chart, responsive, step_area
from regimen.numerals import percent

Series = NDArray[np.float64]
Curves = Mapping[str, tuple[Series, Series]]
"""By name (``policy``, ``flat``, ``buy_and_hold``, ...): the clock in nanoseconds since 1970, and values."""

_CURVES = (
    ("flat", "Flat", "flat"),
    ("random_median", "Random timing, median", "random"),
    ("buy_and_hold", "Buy and hold", "hold"),
    ("reference", "Known optimum", "reference"),
    ("policy", "Policy", "policy"),
)


def _last(values: Series) -> float:
    known = values[np.isfinite(values)]
    return float(known[-1]) if len(known) else math.nan


def equity_figure(curves: Curves) -> Figure | None:
    """Draws multiples of the starting equity, logarithmic; None where no curve is known.

    Args:
        curves: multiples by name; ``random_low`` and ``random_high`` are the edges of a band.
    """
    lines = [(key, label, style) for key, label, style in _CURVES if key in curves]
    if not lines:
        return None
    drawn = [Line(style, *curves[key]) for key, _, style in lines]
    bands = []
    if "random_low" in curves and "random_high" in curves:
        (at, low), (_, high) = curves["random_low"], curves["random_high"]
        bands.append(Ribbon("random", at, low, high))
    ends = ", ".join(f"{label.lower()} {multiple(_last(curves[key][1]))}" for key, label, _ in reversed(lines))
    words = Words(
        "equity",
        "Equity of the policy and its controls",
        f"Multiples of the starting equity at the end: {ends}.",
    )
    heights = heights_at(380, 320, 270)
    picture = responsive(
        lambda width: line_chart(
            words,
            drawn,
            width,
            heights[width],
            write=tick_number,
            bands=bands,
            log=True,
            heavy=1.0,
            include=[1.0],
        )
    )
    keys = [Key(style, label, multiple(_last(curves[key][1]))) for key, label, style in reversed(lines)]
    if bands:
        keys.append(Key("band random", "Random timing, 5–95 % of the draws"))
    note = "Multiple of the starting equity after costs; logarithmic, so equal distances are equal percentages."
    return Figure("Equity", note, Markup(picture), tuple(keys))


def drawdown_figure(falls: Curves) -> Figure | None:
    """Draws how far equity stood below its own earlier maximum; None where that is not known.

    Args:
        falls: positive fractions; those of ``policy`` and ``buy_and_hold`` are drawn.
    """
    shown = [(key, label, style) for key, label, style in _CURVES if key in falls and key in ("policy", "buy_and_hold")]
    if not shown:
        return None
    lines = [Line(style, falls[key][0], -falls[key][1]) for key, _, style in shown]
    deepest = {key: float(np.nanmax(falls[key][1], initial=0.0)) for key, _, _ in shown}
    depths = ", ".join(f"{label.lower()} {percent(deepest[key])}" for key, label, _ in reversed(shown))
    words = Words(
        "drawdown",
        "Drawdown of the policy and of buy and hold",
        f"Deepest fall below an earlier maximum: {depths}.",
    )
    heights = heights_at(220, 200, 190)
    picture = responsive(
        lambda width: line_chart(
            words, lines, width, heights[width], write=tick_percent, fill="policy", heavy=0.0, include=[0.0]
        )
    )
    keys = tuple(Key(style, label, percent(-deepest[key])) for key, label, style in reversed(shown))
    return Figure("Drawdown", "How far the equity stood below its own earlier maximum.", Markup(picture), keys)


def exposure_figures(at: Series, exposures: Series) -> list[Figure]:
    """Draws what was held: one figure for one symbol, the net and the gross exposure for a panel.

    Args:
        at: (time,) the clock in nanoseconds since 1970.
        exposures: (time, symbol) signed fractions of equity; NaN counts as none.
    """
    exposures = np.nan_to_num(np.asarray(exposures, dtype=np.float64).reshape(len(at), -1))

    def figure(name: str, title: str, note: str, values: Series, style: str) -> Figure:
        ends = f"From {percent(values.min(), 0)} to {percent(values.max(), 0)} of equity"
        sentence = f"{ends}, {percent(values.mean(), 0)} on average."
        words = Words(name, title, sentence)
        heights = heights_at(200, 190, 180)
        picture = responsive(
            lambda width: step_area(words, style, at, values, width, heights[width], write=tick_percent)
        )
        return Figure(title, f"{note} {sentence}", Markup(picture))

    dense = " Where positions change faster than the picture can show: the mean, with the range in pale."
    pale = dense if len(at) > WIDTHS["wide"] // 2 else ""
    if exposures.shape[1] == 1:
        return [
            figure(
                "exposure",
                "Exposure",
                f"Share of equity held at the close, short below zero.{pale}",
                exposures[:, 0],
                "policy",
            )
        ]
    gross = np.abs(exposures).sum(axis=1)
    return [
        figure(
            "exposure",
            "Net exposure",
            f"Sum over symbols, short below zero.{pale}",
            exposures.sum(axis=1),
            "policy",
        ),
        figure("gross", "Gross exposure", "Sum of the absolute exposures.", gross, "policy"),
    ]
