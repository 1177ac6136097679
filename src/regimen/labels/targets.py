"""What else can be learned about the span of a label: its return, its size, its volatility, its regime, its unit."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.errors import ConfigError, DataError
from regimen.jit import jit
from regimen.labels.ahead import bars_ahead, return_ahead
from regimen.labels.labels import Labels
from regimen.labels.volatility import Values, adjusted_prices, trailing_volatility

TARGETS = ("return", "magnitude", "volatility", "regime", "scale", "bar_return")
"""Names of the further targets."""

REGIMES = ("CALM", "NORMAL", "TURBULENT")
"""Names of the regimes, in the order of their numbers."""

_CALM, _TURBULENT = math.sqrt(0.5), math.sqrt(2.0)  # of the volatility ratio: the variance halves, or doubles


@jit
def _span_volatility(close: Values, t_end: NDArray[np.int64]) -> Values:
    """Root mean square of the returns from close to close between t and t_end; a gap counts as one return."""
    times, symbols = close.shape
    out = np.full((times, symbols), np.nan)
    for t in range(times):
        for s in range(symbols):
            last = close[t, s]
            total, seen = 0.0, 0
            for k in range(t + 1, t_end[t, s] + 1):
                price = close[k, s]
                if np.isnan(price):
                    continue
                r = price / last - 1.0
                total += r * r
                seen += 1
                last = price
            if seen > 0:
                out[t, s] = np.sqrt(total / seen)
    return out


@jit
def _bar_return(open: Values, close: Values, t_end: NDArray[np.int64], lag: int) -> Values:
    """Return from the open of t + lag to the next open of the symbol in the span, or to its last close."""
    times, symbols = close.shape
    out = np.full((times, symbols), np.nan)
    for t in range(times - lag):
        for s in range(symbols):
            entry = t + lag
            if t_end[t, s] < entry:
                continue
            leave = close[entry, s]
            for k in range(entry + 1, t_end[t, s] + 1):
                if not np.isnan(open[k, s]):
                    leave = open[k, s]
                    break
            out[t, s] = leave / open[entry, s] - 1.0
    return out


def further_targets(
    labels: Labels, bars: Bars, names: Sequence[str], volatility_bars: int, entry_lag: int = 1
) -> NDArray[np.float64]:
    """Returns the named targets of every labelled bar, (time, symbol, target).

    With σ_t the trailing volatility at t and h the label's horizon:

    - ``return``: r / (σ_t·√h), r being the label's own forward return;
    - ``magnitude``: its size, |r| / (σ_t·√h);
    - ``volatility``: v / σ_t, where v is the volatility of the span, √(mean r²) over the returns from close to close
      of the bars t to t_end. Both are measured alike, so 1 means that nothing changed;
    - ``regime``: 0 CALM, 1 NORMAL, 2 TURBULENT: v² is below half of σ_t², between, or above twice of it. The
      thresholds are fixed numbers: nothing is fitted, so no row knows of another;
    - ``scale``: σ_t·√h, what 1 is of ``return`` and ``magnitude``; known at t;
    - ``bar_return``: what a position of one bar earns: the return from the open of t + entry_lag to the symbol's next
      open, or to its close where the span ends before that. Returns of rows one after the other do not overlap;
    - ``ahead_1``, ``ahead_24`` and so on: ln(c_{t+k} / c_t) / (σ_t·√k), from close to close, whatever the label's span.

    The first four are in units near 1, ``scale`` and ``bar_return`` are fractions of the price.

    Timing: row t uses σ_t of bars <= t and the span t to ``t_end[t]``, both included, and nothing after it; splits
    that purge by t_end purge these targets too; but a target ahead reaches to t + k, and needs labels that do, see
    `regimen.labels.reaching`. A missing bar inside a span is skipped. A span is as long as the
    label's: a barrier that is met at once leaves one return, whose volatility is that return's size.

    Args:
        labels: of the same bars.
        bars: prices; multiplied by ``adjustment`` where the bars have that column, as for the labels.
        names: some of `TARGETS`, or targets ahead, in the wanted order.
        volatility_bars: of the labels' config: the span in bars of σ_t.
        entry_lag: of the labels' config: bars from the decision to the open at which it is entered.

    Returns:
        float64; NaN in all targets exactly where the label is undefined, in targets ahead also where a bar is missing.

    Raises:
        ConfigError: a name that is unknown or given twice; ``volatility_bars`` that leave a labelled row without σ_t
            (longer than that of the labels).
        DataError: labels of other bars.
    """
    for number, name in enumerate(names):
        if (name not in TARGETS and bars_ahead(name) is None) or name in names[:number]:
            raise ConfigError("targets", f"must be some of {', '.join(TARGETS)}, ahead_1, …, each once", name)
    if labels.shape != bars.close.shape:
        raise DataError("labels", f"must be of the same bars {bars.close.shape}", labels.shape)
    prices = adjusted_prices(bars)
    close = prices.close
    sigma = np.where(labels.defined, trailing_volatility(close, volatility_bars), np.nan)
    if not bool((sigma[labels.defined] > 0.0).all()):
        raise ConfigError("volatility_bars", "must be at most that of the labels", volatility_bars)
    scale = sigma * math.sqrt(labels.horizon)
    scaled = labels.forward_return / scale
    ratio = _span_volatility(close, labels.t_end) / sigma
    regime = np.where(np.isnan(ratio), np.nan, (ratio >= _CALM).astype(float) + (ratio > _TURBULENT))
    targets = {
        "return": scaled,
        "magnitude": np.abs(scaled),
        "volatility": ratio,
        "regime": regime,
        "scale": scale,
        "bar_return": _bar_return(prices.open, close, labels.t_end, entry_lag),
    }
    targets |= {name: return_ahead(close, sigma, k) for name in names if (k := bars_ahead(name)) is not None}
    return np.stack([targets[name] for name in names], axis=-1) if names else np.empty((*labels.shape, 0))
