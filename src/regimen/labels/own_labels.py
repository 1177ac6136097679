"""Labels of the user's own: what a function says of every bar, looked at before anything is purged by it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.errors import ConfigError, RegimenError
from regimen.labels.config import OwnLabelsConfig
from regimen.labels.labels import UNDEFINED, Labels, labels_of
from regimen.labels.volatility import Values, adjusted_prices

_CLASSES = "0 SELL, 1 HOLD, 2 BUY, or −1 where there is no label"


def label_own(config: OwnLabelsConfig, bars: Bars) -> Labels:
    """Asks the user's function: ``label(bars, **settings) -> (y, t_end)``, both (time, symbol) or (time,), or `Labels`.

    Timing: y[t] is what should have been done at the close of bar t; t_end[t] the position of the last bar that was
    looked at to say so, which purging depends on: `regimen leaks` finds a label that looked further. The return that
    belongs to it is that from the open of t + 1 to the close of t_end, of adjusted prices. A row is undefined when the
    symbol has no bar at t, at the entry or at the exit, whatever the function says.

    Raises:
        ConfigError: see `OwnLabelsConfig.function`; it fails; its answer has another shape, other classes, or an end
            that is not after its bar or not in the data; not one row has a label.
    """
    function = config.function()
    try:
        answer = function(bars, **config.settings)
    except RegimenError:
        raise
    except Exception as error:  # the user's code: any error is theirs to read
        rule = f"must run on the bars, but {config.name} fails ({type(error).__name__}: {error})"
        raise ConfigError("labels.source", rule, config.source) from error
    parts = (answer.y, answer.t_end) if isinstance(answer, Labels) else answer
    if not isinstance(parts, tuple) or len(parts) != 2:
        rule = f"must return (y, t_end) or Labels from {config.name}"
        raise ConfigError("labels.source", rule, type(answer).__name__)
    y, t_end = (_whole(name, part, bars) for name, part in zip(("y", "t_end"), parts, strict=True))
    _require_classes(y, bars)
    _require_ends(y, t_end, bars)
    forward = answer.forward_return if isinstance(answer, Labels) else _returns(t_end, bars)
    traded = (y >= 0) & bars.present & np.isfinite(forward)
    y, t_end = np.where(traded, y, UNDEFINED), np.where(traded, t_end, UNDEFINED)
    rows = np.arange(len(bars))[:, None]
    longest = int((t_end - rows)[traded].max(initial=1))
    return labels_of(y.astype(np.int8), t_end, np.where(traded, forward, np.nan), longest)


def _whole(name: str, part: object, bars: Bars) -> NDArray[np.int64]:
    """Returns whole numbers (time, symbol); NaN is −1."""
    try:
        values = np.asarray(part, dtype=np.float64)
    except (TypeError, ValueError):
        raise ConfigError(f"labels: {name}", "must be numbers (time, symbol)", type(part).__name__) from None
    shape = values.shape
    if values.ndim == 1 and bars.shape[1] == 1:
        values = values[:, None]
    if values.shape != bars.shape:
        raise ConfigError(f"labels: {name}", f"must have the shape of the bars, {bars.shape}", shape)
    values = np.where(np.isnan(values), UNDEFINED, values)
    broken = ~np.isfinite(values) | (values != np.round(values))
    if broken.any():
        rule = f"must be whole numbers, or NaN for none, at {_place(broken, bars)}"
        raise ConfigError(f"labels: {name}", rule, float(values[broken][0]))
    return values.astype(np.int64)


def _require_classes(y: NDArray[np.integer], bars: Bars) -> None:
    other = (y < UNDEFINED) | (y > 2)
    if other.any():
        raise ConfigError("labels: y", f"must be {_CLASSES}, at {_place(other, bars)}", int(y[other][0]))


def _require_ends(y: NDArray[np.integer], t_end: NDArray[np.integer], bars: Bars) -> None:
    rows, labelled = np.arange(len(bars))[:, None], y >= 0
    rules = (
        (~labelled & (t_end >= 0), f"must be −1 where y is −1, which means no label ({_CLASSES})"),
        (labelled & (t_end <= rows), "must be the position of a bar after its own"),
        (labelled & (t_end >= len(bars)), f"must be at most {len(bars) - 1}, the last bar of the data"),
    )
    for broken, rule in rules:
        if broken.any():
            raise ConfigError("labels: t_end", f"{rule}, at {_place(broken, bars)}", int(t_end[broken][0]))


def _returns(t_end: NDArray[np.int64], bars: Bars) -> Values:
    """Returns from the open of the next bar to the close of t_end; NaN where one of them is missing."""
    prices, symbols = adjusted_prices(bars), np.arange(bars.shape[1])
    entry = np.vstack([prices.open[1:], np.full((1, bars.shape[1]), np.nan)])
    return np.asarray(prices.close[np.maximum(t_end, 0), symbols] / entry - 1.0)


def _place(broken: NDArray[np.bool_], bars: Bars) -> str:
    row, symbol = (int(index) for index in np.argwhere(broken)[0])
    return f"the bar {bars.time[row].astype('datetime64[s]')} (position {row}) of {bars.symbols[symbol]}"
