"""`Picture`: figures below each other as one SVG that stands alone, in a notebook or in a file."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from regimen.charts.figure import Figure, Key
from regimen.charts.frame import LETTER, px
from regimen.charts.plots import WIDTHS
from regimen.charts.style import SCOPE, own_style
from regimen.errors import ConfigError
from regimen.files import write_text

_WIDTH = WIDTHS["wide"] + 16
_EDGE, _LINE, _BETWEEN = 16.0, 20.0, 24.0
_LETTERS = 130
"""Letters of a note on one line."""
_SHAPES = {"band": "fill", "block": "bar", "dot": "bar"}
"""First word of the style of a key, and what is drawn of it; every other key is a line."""
_FONT = "system-ui, 'Segoe UI', Roboto, 'Liberation Sans', Arial, sans-serif"


@dataclass(frozen=True)
class Picture:
    """Figures of the report as one picture: shown by a notebook, written to a file by `write`.

    Attributes:
        figures: from top to bottom.
    """

    figures: tuple[Figure, ...]

    def __repr__(self) -> str:
        return f"Picture({', '.join(figure.title.lower() for figure in self.figures)})"

    def _repr_html_(self) -> str:
        return f'<div style="max-width:{_WIDTH}px">{self.svg}</div>'

    @property
    def svg(self) -> str:
        """The picture as SVG, with its style inside."""
        parts, y = [], _EDGE
        for figure in self.figures:
            drawn, height = _placed(figure, y)
            parts.append(drawn)
            y += height + _BETWEEN
        whole = px(y - _BETWEEN + _EDGE)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="{SCOPE}" viewBox="0 0 {_WIDTH} {whole}" width="100%" '
            f'font-family="{_FONT}"><style>{own_style()}</style>'
            f'<rect class="paper" width="{_WIDTH}" height="{whole}"/>{"".join(parts)}</svg>'
        )

    def write(self, path: str | Path) -> Path:
        """Writes the picture as an SVG file, whole or not at all.

        Raises:
            ConfigError: the file's name does not end in .svg.
            RunError: the file cannot be written.
        """
        place = Path(path)
        if place.suffix.lower() != ".svg":
            raise ConfigError("path", "must end in .svg: browsers, editors and LaTeX read it", str(path))
        write_text(place, self.svg + "\n")
        return place


def picture_of(figures: Sequence[Figure | None], path: str | Path | None = None) -> Picture:
    """Returns the figures that there are as a picture, and writes it where a path is given."""
    picture = Picture(tuple(figure for figure in figures if figure is not None))
    if path is not None:
        picture.write(path)
    return picture


def _placed(figure: Figure, top: float) -> tuple[str, float]:
    """A figure whose upper edge is there: title, note, legend and its widest chart; and its height."""
    y = top + _LINE - 4
    parts = [f'<text class="title" x="{px(_EDGE)}" y="{px(y)}">{escape(figure.title)}</text>']
    for line in textwrap.wrap(figure.note, _LETTERS):
        y += _LINE
        parts.append(f'<text x="{px(_EDGE)}" y="{px(y)}">{escape(line)}</text>')
    legend, y = _legend(figure.keys, y)
    chart = str(figure.picture).partition("<svg ")[2].partition("</svg>")[0]
    height = float(chart.partition('height="')[2].partition('"')[0])
    y += _LINE / 2
    return f'{"".join(parts)}{legend}<svg x="8" y="{px(y)}" overflow="visible" {chart}</svg>', y + height - top


def _legend(keys: Sequence[Key], y: float) -> tuple[str, float]:
    """The keys side by side below a line, on as many lines as they need; and the last of these."""
    parts, x = [], _EDGE
    y = y + _LINE + 4 if keys else y
    for key in keys:
        text = f"{key.label} {key.value}".strip()
        width = 34 + LETTER * len(text) + 22
        if x > _EDGE and x + width > _WIDTH:
            x, y = _EDGE, y + _LINE
        kind, _, style = key.style.partition(" ")
        if kind not in _SHAPES:
            kind, style = "", key.style
        shape = f"M{px(x)} {px(y - 9)}h26v9h-26Z" if kind else f"M{px(x)} {px(y - 4.5)}h26"
        name = _SHAPES.get(kind, "line")
        parts.append(f'<path class="{name} {escape(style)}" d="{shape}"/>')
        parts.append(f'<text class="label" x="{px(x + 34)}" y="{px(y)}">{escape(text)}</text>')
        x += width
    return "".join(parts), y
