"""What a notebook shows of bars: the first and the last rows, or the symbols of a panel."""

from __future__ import annotations

import numpy as np

from regimen.bars.bars import PRICES, Bars
from regimen.charts import card, html_table
from regimen.numerals import count, significant

_ENDS = 3
"""Bars that are shown from each end."""
_SYMBOLS = 12


def to_html(bars: Bars) -> str:
    """Returns bars as a card with a table; a panel as one row for each symbol."""
    table = _rows(bars) if len(bars.symbols) == 1 else _symbols(bars)
    extras = [f"Further columns: {', '.join(bars.extras)}."] if bars.extras else []
    return card(repr(bars), extras, table)


def _rows(bars: Bars) -> str:
    ends = [*range(min(_ENDS, len(bars))), *range(max(_ENDS, len(bars) - _ENDS), len(bars))]
    columns = [getattr(bars, name)[:, 0] for name in (*PRICES, "volume")]
    rows = [(_stamp(bars.time[row]), *(significant(column[row], 6) for column in columns)) for row in ends]
    if len(bars) > 2 * _ENDS:
        rows.insert(_ENDS, ("…",) * 6)
    return html_table(("time (UTC)", *PRICES, "volume"), rows)


def _symbols(bars: Bars) -> str:
    rows = []
    for column, symbol in enumerate(bars.symbols[:_SYMBOLS]):
        there = np.flatnonzero(bars.present[:, column])
        ends = [_stamp(bars.time[there[end]]) if len(there) else "–" for end in (0, -1)]
        last = significant(bars.close[there[-1], column], 6) if len(there) else "–"
        rows.append((symbol, count(len(there)), *ends, last))
    if len(bars.symbols) > _SYMBOLS:
        rows.append((f"… {len(bars.symbols) - _SYMBOLS} more", *("",) * 4))
    return html_table(("symbol", "bars", "first", "last", "last close"), rows)


def _stamp(time: np.datetime64) -> str:
    return str(np.datetime_as_string(time, "m")).replace("T", " ")
