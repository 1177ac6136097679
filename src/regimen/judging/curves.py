"""Equity and drawdown thinned to what a chart can show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from regimen import metrics
from regimen.reprs import many, short

if TYPE_CHECKING:
    from regimen.charts import Figure

Series = NDArray[np.float64]

POINTS = 1000


@dataclass(frozen=True)
class Curves:
    """The thinned curves of a judgement, one value for each point; NaN = unknown.

    Attributes:
        time: start stamps of the bars, ISO-8601 UTC.
        equity: multiples of the starting equity by name: ``policy``, ``flat``, ``buy_and_hold``, ``random_low``,
            ``random_median``, ``random_high`` and, when it was given, ``reference``.
        drawdown: positive fractions, of ``policy`` and ``buy_and_hold``.
        note: what they are, in words.
    """

    time: tuple[str, ...]
    equity: Mapping[str, tuple[float, ...]]
    drawdown: Mapping[str, tuple[float, ...]]
    note: str = ""

    def __repr__(self) -> str:
        return short(self, f"{many(len(self.time), 'point')}: {', '.join(self.equity)}")

    def figures(self) -> tuple[Figure | None, Figure | None]:
        """Returns the equity beside its controls, and the drawdown, as the report draws them."""
        from regimen.charts import drawdown_figure, equity_figure

        clock = np.array([stamp.removesuffix("Z") for stamp in self.time], dtype="datetime64[ns]").astype(np.float64)

        def drawn(curves: Mapping[str, tuple[float, ...]]) -> dict[str, tuple[Series, Series]]:
            series = {name: np.array(values, dtype=np.float64) for name, values in curves.items()}
            return {name: (clock, values) for name, values in series.items() if np.isfinite(values).any()}

        return equity_figure(drawn(self.equity)), drawdown_figure(drawn(self.drawdown))


def positions(bars: int, points: int = POINTS) -> NDArray[np.int64]:
    """Returns at most ``points`` bar positions, evenly spread, with the first and the last."""
    if bars <= points:
        return np.arange(bars)
    return np.unique(np.linspace(0, bars - 1, points).round().astype(np.int64))


def equity_at(returns: Series, at: NDArray[np.int64]) -> Series:
    """Returns the multiple of the starting equity after the bars ``at``."""
    return metrics.wealth(returns)[1:][at]


def drawdown_at(returns: Series, at: NDArray[np.int64]) -> Series:
    """Returns for each position the deepest drawdown since the one before: thinning loses no trough."""
    falls = metrics.underwater(metrics.wealth(returns))[1:]
    starts = np.concatenate((np.zeros(1, dtype=np.int64), at[:-1] + 1))
    return np.maximum.reduceat(falls, starts)
