"""What the numbers of a guard's state and of its limits are, in the order in which the compiled rule reads them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from regimen.execution import MarketConfig
    from regimen.safeguards.config import SafeguardsConfig

Floats = NDArray[np.float64]

MODES = ("active", "reducing", "halted")
ACTIVE, REDUCING, HALTED = 0, 1, 2

ACTS = (
    "operator",
    "trades",
    "position",
    "daily_loss",
    "drawdown",
    "correlated_exposure",
    "confidence",
    "staleness",
    "price_band",
    "feed_gap",
    "collapse",
    "drift",
)
"""What can act on a target: an operator, and the limits."""
OPERATOR, TRADES, POSITION, DAILY_LOSS, DRAWDOWN, CORRELATED = 0, 1, 2, 3, 4, 5
CONFIDENCE, STALENESS, PRICE_BAND, FEED_GAP, COLLAPSE, DRIFT = 6, 7, 8, 9, 10, 11

OPERATORS = ("none", "halt", "reduce", "resume")
NOBODY, HALT, REDUCE, RESUME = 0, 1, 2, 3

# The head of the state: mode, what latched it, the trading day, its first equity and its orders, the highest equity,
# the equity and the time (in days and nanoseconds of the day) of the last bar, and shares of short, flat and long.
MODE, CAUSE, DAY, DAY_EQUITY, ORDERS, PEAK, EQUITY, DAYS, NANOSECONDS = 0, 1, 2, 3, 4, 5, 6, 7, 8
WISHES, SHORT, FLAT, LONG = 9, 10, 11, 12
HEAD = 13

# The numbers of the limits.
(
    MOST_ORDERS,
    LEAST_TRADE,
    MOST_EXPOSURE,
    MOST_LOSS,
    MOST_FALL,
    WARNING_FALL,
    MOST_CORRELATED,
    CORRELATION,
    CORRELATION_GAIN,
    LEAST_CONFIDENCE,
    MOST_AGE,
    MOST_MOVE,
    MOST_MISSING,
    LEAST_ENTROPY,
    COLLAPSE_BARS,
    DRIFTS,
    CLOSES,
    RESUMES,
    EVERY_BAR,
    LATENCY,
) = range(20)

KNOWN = 30.0
"""Returns of a symbol from which its correlations are known; until then it counts as moving with all others."""


def numbers(config: SafeguardsConfig, market: MarketConfig) -> Floats:
    """Returns the limits as the compiled rule reads them; a limit that is off is never reached."""

    def most(value: float | None) -> float:
        return math.inf if value is None else float(value)

    values = np.array(
        [
            most(config.trades),
            config.least_trade,
            most(config.position),
            most(config.daily_loss),
            most(config.drawdown),
            most(config.drawdown_warning),
            most(config.correlated_exposure),
            config.correlation,
            2.0 / (config.correlation_bars + 1.0),
            0.0 if config.confidence is None else config.confidence,
            most(config.staleness),
            most(config.price_band),
            most(config.feed_gap),
            0.0 if config.collapse is None else config.collapse,
            float(config.collapse_bars),
            float(config.drift),
            float(config.halted == "close"),
            float(config.operator == "next_day"),
            float(market.rebalance == "every_bar"),
            float(market.latency_bars),
        ]
    )
    values.flags.writeable = False
    return values


def width(symbols: int, latency: int) -> int:
    """Returns how many numbers the state of an account has.

    Behind the head stand ``latency`` rows of targets, the last decision first; of several symbols, how many returns
    each had, and the lower triangle of their mean products.
    """
    pairs = symbols + symbols * (symbols + 1) // 2 if symbols > 1 else 0
    return HEAD + latency * symbols + pairs
