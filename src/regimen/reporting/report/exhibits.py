"""What a report shows beside the judgement: a section of sentences, a table and figures, as plain values on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from regimen.charts import Figure, Key, Line, Ribbon, Words, dot_ranges, heights_at, line_chart, responsive, tick_number
from regimen.errors import RunError
from regimen.numerals import significant

_STYLES = ("policy", "hold", "reference", "random", "flat")
"""Styles of lines, in the order in which they are given to what has none of its own."""


@dataclass(frozen=True)
class Curve:
    """One line of a figure, or one dot with its interval.

    Attributes:
        name: in the legend, or beside the dot.
        y: values; None for a gap.
        x: places of the values: numbers, or ISO 8601 times; empty for a dot.
        low, high: ends of the interval of each value; empty without one.
        style: policy, hold, reference, random or flat; "": the next one.
    """

    name: str
    y: tuple[float | None, ...]
    x: tuple[float | str, ...] = ()
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()
    style: str = ""


@dataclass(frozen=True)
class Drawing:
    """A figure of an exhibit.

    Attributes:
        kind: lines over time or a number, or dots with intervals below each other.
        title: what it shows.
        note: how to read it, one line.
        curves: what is drawn.
    """

    kind: Literal["lines", "dots"]
    title: str
    note: str
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class Exhibit:
    """A section of a report.

    Attributes:
        key: its name on the page, such as ``calibration``; unique.
        title: its heading.
        sentences: what it says, in plain English.
        columns: heads of the table; the first is of the rows' names.
        rows: cells as they are shown.
        drawings: figures, in order.
    """

    key: str
    title: str
    sentences: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    drawings: tuple[Drawing, ...] = ()

    @property
    def figures(self) -> list[Figure]:
        """The drawings as the page shows them."""
        return [_figure(drawing, f"{self.key}-{number}") for number, drawing in enumerate(self.drawings)]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Reads what `to_dict` gave.

        Raises:
            RunError: something is missing or of another kind.
        """
        try:
            drawings = tuple(
                Drawing(each["kind"], each["title"], each["note"], tuple(map(_curve, each["curves"])))
                for each in values["drawings"]
            )
            return cls(
                key=str(values["key"]),
                title=str(values["title"]),
                sentences=tuple(values["sentences"]),
                columns=tuple(values["columns"]),
                rows=tuple(tuple(row) for row in values["rows"]),
                drawings=drawings,
            )
        except (KeyError, TypeError, ValueError):
            raise RunError("run", "holds an exhibit that this version cannot read", values.get("key")) from None


def _curve(values: Mapping[str, Any]) -> Curve:
    lists = {key: tuple(values[key]) for key in ("y", "x", "low", "high")}
    return Curve(name=values["name"], style=values["style"], **lists)


def exhibit_sections(exhibits: Sequence[Exhibit]) -> list[dict[str, Any]]:
    """Returns what the page shows of exhibits: their words, tables and figures."""
    return [
        {
            "key": exhibit.key,
            "title": exhibit.title,
            "sentences": exhibit.sentences,
            "columns": exhibit.columns,
            "rows": exhibit.rows,
            "figures": exhibit.figures,
        }
        for exhibit in exhibits
    ]


def _figure(drawing: Drawing, name: str) -> Figure:
    styled = [curve.style or _STYLES[number % len(_STYLES)] for number, curve in enumerate(drawing.curves)]
    last = {curve.name: _last(curve) for curve in drawing.curves}
    words = Words(name, drawing.title, ", ".join(f"{key} {value}" for key, value in last.items()) + ".")
    if drawing.kind == "dots":
        rows = [
            (curve.name, _number(curve.y, 0), (_number(curve.low, 0), _number(curve.high, 0)), style)
            for curve, style in zip(drawing.curves, styled, strict=True)
        ]
        return Figure(drawing.title, drawing.note, Markup(responsive(lambda width: dot_ranges(words, rows, width))))
    is_time = any(isinstance(place, str) for curve in drawing.curves for place in curve.x)
    lines = [
        Line(style, _places(curve, is_time), _numbers(curve.y))
        for curve, style in zip(drawing.curves, styled, strict=True)
    ]
    bands = [
        Ribbon(style, _places(curve, is_time), _numbers(curve.low), _numbers(curve.high))
        for curve, style in zip(drawing.curves, styled, strict=True)
        if curve.low and curve.high
    ]
    heights = heights_at(280, 250, 220)
    picture = responsive(
        lambda width: line_chart(words, lines, width, heights[width], write=tick_number, bands=bands, is_time=is_time)
    )
    keys = tuple(Key(style, curve.name, last[curve.name]) for curve, style in zip(drawing.curves, styled, strict=True))
    return Figure(drawing.title, drawing.note, Markup(picture), keys)


def _places(curve: Curve, is_time: bool) -> NDArray[np.float64]:
    if not is_time:
        return np.array(curve.x, dtype=np.float64)
    stamps = [str(stamp).removesuffix("Z") for stamp in curve.x]
    return np.array(stamps, dtype="datetime64[ns]").astype(np.float64)


def _numbers(values: Sequence[float | None]) -> NDArray[np.float64]:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _number(values: Sequence[float | None], place: int) -> float | None:
    return values[place] if len(values) > place else None


def _last(curve: Curve) -> str:
    known = [value for value in curve.y if value is not None and np.isfinite(value)]
    return significant(known[-1], 3) if known else ""
