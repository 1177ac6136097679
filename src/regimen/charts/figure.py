"""A figure of the report: a chart with its title, legend and note, and how its axes are written."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from regimen.charts.plots import WIDTHS
from regimen.numerals import UNKNOWN, number, percent, significant


@dataclass(frozen=True)
class Key:
    """One entry of a legend: style, name, and the value that the line ends with."""

    style: str
    label: str
    value: str = ""


@dataclass(frozen=True)
class Figure:
    """A chart with its legend and one line of explanation."""

    title: str
    note: str
    picture: Markup
    keys: tuple[Key, ...] = ()


def heights_at(wide: int, middle: int, narrow: int) -> dict[int, int]:
    """Returns the height of a chart by its width, px."""
    return dict(zip(WIDTHS.values(), (wide, middle, narrow), strict=True))


def multiple(value: object) -> str:
    """Writes a multiple of the starting equity; a ruined one by its size, not as ``0.00×``."""
    text = number(value)
    if isinstance(value, float) and 0.0 < value < 0.005:
        text = significant(value, 2)
    return text if text == UNKNOWN else f"{text}×"


def tick_percent(value: float) -> str:
    """Writes a fraction beside an axis as a percentage, with as many decimals as it needs."""
    whole = abs(100 * value - round(100 * value)) < 1e-9
    return percent(value, 0 if whole else 1 if abs(1000 * value - round(1000 * value)) < 1e-6 else 2)


def tick_number(value: float) -> str:
    """Writes a number beside an axis."""
    return f"{value:g}".replace("-", "−")
