"""Charts as inline SVG: axes, lines, bars, intervals, the equity of an account; pictures for pages and notebooks."""

from regimen.charts.account import drawdown_figure, equity_figure, exposure_figures
from regimen.charts.axes import nice_ticks
from regimen.charts.card import card, html_table
from regimen.charts.fan import LEVELS, fan_figure
from regimen.charts.figure import Figure, Key, heights_at, multiple, tick_number, tick_percent
from regimen.charts.frame import LETTER, Words, Write, px, svg, value_range
from regimen.charts.intervals import IntervalScale, dot_ranges
from regimen.charts.picture import Picture, picture_of
from regimen.charts.plots import WIDTHS, Line, Ribbon, bars, line_chart, responsive, step_area
from regimen.charts.scatter import Dot, scatter
from regimen.charts.strips import Strip, dot_strip
from regimen.charts.style import page_style

__all__ = [
    "LETTER",
    "LEVELS",
    "WIDTHS",
    "Dot",
    "Figure",
    "IntervalScale",
    "Key",
    "Line",
    "Picture",
    "Ribbon",
    "Strip",
    "Words",
    "Write",
    "bars",
    "card",
    "dot_ranges",
    "dot_strip",
    "drawdown_figure",
    "equity_figure",
    "exposure_figures",
    "fan_figure",
    "heights_at",
    "html_table",
    "line_chart",
    "multiple",
    "nice_ticks",
    "page_style",
    "picture_of",
    "px",
    "responsive",
    "scatter",
    "step_area",
    "svg",
    "tick_number",
    "tick_percent",
    "value_range",
]
