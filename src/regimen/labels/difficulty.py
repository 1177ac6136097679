"""How hard a bar is to say something of, from the bars up to it: turns, clarity and noise of the way that led there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from regimen.jit import jit
from regimen.labels.volatility import Values


class Difficulty(NamedTuple):
    """Of the last n returns up to a bar, each (time, symbol) float64 in [0, 1]; NaN until there are n.

    Attributes:
        sign_changes: share of the returns whose sign is the other one of the return before.
        clarity: ``|log p_t − log p_{t−n}| / Σ |log returns|``: 1 where the price went straight; 0 where it stood still.
        noise: 1 − R² of a straight line through the log prices: 0 where it went straight; 1 where it stood still.
    """

    sign_changes: Values
    clarity: Values
    noise: Values


@jit
def _difficulty(close: Values, n: int) -> tuple[Values, Values, Values]:
    times, symbols = close.shape
    turns, clarity, noise = np.full((times, symbols), np.nan), np.full_like(close, np.nan), np.full_like(close, np.nan)
    ring = np.empty(n + 1)
    place = np.arange(n + 1) - n / 2.0
    spread = (place * place).sum()
    for s in range(symbols):
        seen = 0
        for t in range(times):
            price = close[t, s]
            if np.isnan(price):
                continue
            ring[seen % (n + 1)] = np.log(price)
            seen += 1
            if seen <= n:
                continue
            mean = ring.sum() / (n + 1)
            way, changes, along, total, before = 0.0, 0, 0.0, 0.0, 0.0
            last = ring[seen % (n + 1)]
            for k in range(n + 1):
                value = ring[(seen + k) % (n + 1)]
                step = value - last
                way += abs(step)
                if step * before < 0.0:
                    changes += 1
                if k > 0:
                    before = step
                last = value
                along += place[k] * (value - mean)
                total += (value - mean) ** 2
            turns[t, s] = changes / (n - 1)
            clarity[t, s] = min(1.0, abs(last - ring[seen % (n + 1)]) / way) if way > 0.0 else 0.0
            noise[t, s] = max(0.0, 1.0 - along * along / (spread * total)) if total > 0.0 else 1.0
    return turns, clarity, noise


def trailing_difficulty(close: Values, n: int) -> Difficulty:
    """Returns how hard each bar is, by the n returns up to it.

    Timing: row t uses closes of bars <= t. A missing bar is skipped, so a return may span a gap.

    Args:
        close: (time, symbol) adjusted closes; NaN where the symbol has no bar.
        n: returns, at least 2.
    """
    return Difficulty(*_difficulty(close, n))
