"""The frame of a chart: the picture with its words, the drawing area, grid lines and labels."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from regimen.charts.axes import log_ticks, nice_ticks, time_ticks

Series = NDArray[np.float64]
Write = Callable[[float], str]

LETTER = 7.3
"""The width of a digit at 13 px in the widest of the usual system fonts, px."""

_LEFT = 48


@dataclass(frozen=True)
class Words:
    """What a chart says to a screen reader: a title, a sentence, and a name that is unique on the page."""

    name: str
    title: str
    sentence: str


def px(value: float) -> str:
    """A length in the picture: one decimal, no trailing zero."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


def svg(words: Words, width: float, height: float, body: str) -> str:
    """Wraps shapes into an accessible picture that scales with its container."""
    name = escape(f"{words.name}-{px(width)}", quote=True)
    return (
        f'<svg viewBox="0 0 {px(width)} {px(height)}" width="{px(width)}" '
        f'height="{px(height)}" role="img" aria-labelledby="{name}-t {name}-d">'
        f'<title id="{name}-t">{escape(words.title)}</title>'
        f'<desc id="{name}-d">{escape(words.sentence)}</desc>'
        f"{body}</svg>"
    )


@dataclass(frozen=True)
class Frame:
    """The drawing area inside the margins, and where a value lies in it."""

    width: float
    height: float
    left: float
    x_low: float
    x_high: float
    y_low: float
    y_high: float
    log: bool = False
    top: float = 10.0
    right: float = 10.0
    bottom: float = 28.0

    @property
    def floor(self) -> float:
        return self.height - self.bottom

    def x(self, value: Series) -> Series:
        extent = self.x_high - self.x_low or 1.0
        return self.left + (value - self.x_low) / extent * (self.width - self.left - self.right)

    def y(self, value: Series) -> Series:
        low, high = self.y_low, self.y_high
        if self.log:
            low, high = math.log(low), math.log(high)
            value = np.log(np.where(value > 0, value, np.nan))
        return self.floor - (value - low) / (high - low or 1.0) * (self.floor - self.top)

    def at_x(self, value: float) -> float:
        return float(self.x(np.array([value]))[0])

    def at_y(self, value: float) -> float:
        return float(self.y(np.array([value]))[0])


def value_range(values: Sequence[Series], *, log: bool, include: Sequence[float]) -> tuple[float, float]:
    """Returns the ends of an axis that holds all finite values, with some room; a logarithmic one the positive ones."""
    parts = [part[np.isfinite(part) & ((part > 0) | (not log))] for part in values]
    known = np.concatenate([*parts, np.array(include, dtype=np.float64)])
    if len(known) == 0:
        return (0.5, 2.0) if log else (0.0, 1.0)
    low, high = float(known.min()), float(known.max())
    if log:
        room = (high / low) ** 0.04 if high > low else 1.05
        return low / room, high * room
    if low == high == 0:
        return 0.0, 1.0
    room = 0.04 * (high - low) if high > low else 0.5 * abs(high) or 1.0
    # a range that ends at zero keeps zero as its edge
    return (low if low == 0 else low - room), (high if high == 0 else high + room)


def frame_for(
    width: int, height: int, x: tuple[float, float], y: tuple[float, float], write: Write, log: bool
) -> Frame:
    ticks = log_ticks(*y) if log else nice_ticks(*y)
    # never narrower than a percentage, so that the charts of a page line up
    left = max(_LEFT, 10 + LETTER * max((len(write(tick)) for tick in ticks), default=1))
    return Frame(width, height, left, *x, *y, log)


def grid(frame: Frame, write: Write, heavy: float | None) -> str:
    about = 5 if frame.floor > 150 else 3
    chosen = log_ticks if frame.log else nice_ticks
    parts = []
    for tick in chosen(frame.y_low, frame.y_high, about):
        y = px(frame.at_y(tick))
        style = "axis" if heavy is not None and tick == heavy else "grid"
        parts.append(
            f'<path class="{style}" d="M{px(frame.left)} {y}H{px(frame.width - frame.right)}"/>'
            f'<text class="tick end" x="{px(frame.left - 7)}" y="{y}" dy=".35em">{escape(write(tick))}</text>'
        )
    return "".join(parts)


def labels_below(frame: Frame, ticks: Sequence[tuple[float, str]]) -> str:
    parts, free = [], -math.inf
    for at, label in ticks:
        x, half = frame.at_x(at), 0.5 * LETTER * len(label)
        # a label stays inside the picture, and never runs into the one before it
        x_text = min(max(x, half), frame.width - half)
        if x_text - half < free:
            continue
        free = x_text + half + 8
        parts.append(
            f'<path class="mark" d="M{px(x)} {px(frame.floor)}v4"/>'
            f'<text class="tick mid" x="{px(x_text)}" y="{px(frame.floor + 19)}">{escape(label)}</text>'
        )
    return "".join(parts)


def ticks_below(frame: Frame, *, is_time: bool) -> list[tuple[float, str]]:
    about = max(2, int((frame.width - frame.left) // (75 if is_time else 45)))
    if is_time:
        return [(float(at), label) for at, label in time_ticks(int(frame.x_low), int(frame.x_high), about)]
    parts = frame.x_high - frame.x_low <= 2.0  # shares have parts, epochs and steps have not
    ticks = nice_ticks(frame.x_low, frame.x_high, about)
    return [(tick, f"{tick:g}") for tick in ticks if parts or tick == round(tick)]
