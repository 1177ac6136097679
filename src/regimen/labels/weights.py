"""What each labelled row counts: by how much of its span is its own, how old it is, and how much it was worth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regimen.errors import ConfigError, DataError
from regimen.labels.config import WeightsConfig
from regimen.labels.volatility import Values
from regimen.spans import span

Positions = NDArray[np.int64]


def row_weights(
    config: WeightsConfig,
    time: Positions,
    symbol: Positions,
    end: Positions,
    forward_return: Values,
    *,
    stamps: NDArray[np.datetime64] | None = None,
    log_return: Values | None = None,
) -> Values:
    """Returns the weights (row,) of training rows; their mean is 1.

    Timing: a weight looks as far as its label, and only at labels of the given rows, which are those of one training
    slice; nothing of another slice decides it.

    Args:
        config: what counts.
        time: (row,) position of each row's bar.
        symbol: (row,) its symbol.
        end: (row,) position of the last bar that its label looked at, ``Labels.t_end``.
        forward_return: (row,) simple return that the label stands for.
        stamps: (bar,) time of every position; needed by a half-life that is a duration.
        log_return: (bar, symbol) from `log_returns`; needed by returns that are attributed.

    Raises:
        ConfigError: what the config needs is not given.
        DataError: no row has a return, where returns count.
    """
    weights = np.ones(len(time))
    if config.uniqueness:
        weights *= average_uniqueness(time, symbol, end)
    if config.half_life is not None:
        weights *= _decay(config.half_life, time, stamps)
    if config.returns == "attributed":
        if log_return is None:
            raise ConfigError("labels.weights.returns", "needs the log returns of the bars", config.returns)
        weights *= attributed_returns(time, symbol, end, log_return)
    elif config.returns:
        weights *= np.abs(forward_return)
    mean = float(weights.mean())
    if not mean > 0.0:
        raise DataError("labels.weights", "must leave some row to learn from, but every label's return is 0")
    weights /= mean
    return weights


def _decay(half_life: float | str, time: Positions, stamps: NDArray[np.datetime64] | None) -> Values:
    """Returns ½^(age / half-life), the age in bars, or on the clock of the bars where the half-life is a duration."""
    if not isinstance(half_life, str):
        return np.asarray(0.5 ** ((time.max() - time) / half_life))
    if stamps is None:
        raise ConfigError("labels.weights.half_life", "needs the time of every bar", half_life)
    at = stamps.astype("datetime64[ns]").astype(np.int64)[time]
    return np.asarray(0.5 ** ((at.max() - at) / span(half_life, "labels.weights.half_life")))


def average_uniqueness(time: Positions, symbol: Positions, end: Positions) -> Values:
    """Returns the mean of ``1 / c_t`` over each label's span ``time`` to ``end``, (row,) in (0, 1].

    ``c_t`` counts the labels of the same symbol whose span holds bar t (López de Prado 2018, section 4.4). Both ends
    belong to a span, so a label of fixed horizon h at every bar spans h + entry lag + 1 bars, and is unique to one part
    in so many.

    Args:
        time, symbol, end: see `row_weights`.
    """
    unique = np.empty(len(time))
    for each in np.unique(symbol):
        own = symbol == each
        first, last = time[own], end[own]
        unique[own] = _shared(first, last, np.ones(int(last.max()) + 1)) / (last + 1 - first)
    return unique


def attributed_returns(time: Positions, symbol: Positions, end: Positions, log_return: Values) -> Values:
    """Returns each label's part of what its symbol moved, ``|Σ r_t / c_t|`` over its span, (row,).

    ``r_t`` is the log return of bar t and ``c_t`` counts the labels of the symbol that share it, so that the signed
    parts of all labels add up to what the covered bars moved.

    Timing: a label's returns begin with the bar after its decision: close to close, ``time`` + 1 to ``end``.

    Args:
        time, symbol, end: see `row_weights`.
        log_return: (bar, symbol), 0 where a bar is missing.

    Source: López de Prado, Advances in Financial Machine Learning (2018), section 4.6 and snippet 4.10; there the
    return into the first bar counts too, which here is known when the label begins.
    """
    parts = np.empty(len(time))
    for each in np.unique(symbol):
        own = symbol == each
        parts[own] = np.abs(_shared(time[own] + 1, end[own], log_return[:, each]))
    return parts


def log_returns(close: Values) -> Values:
    """Returns ln(close / close before) of every bar, (bar, symbol); over a gap from the last known close.

    0 where the symbol has no bar, or had none before.

    Args:
        close: (bar, symbol) prices, positive or NaN: adjusted, see `regimen.labels.adjusted_prices`.
    """
    known = np.isfinite(close)
    latest = np.maximum.accumulate(np.where(known, np.arange(len(close))[:, None], -1), axis=0)
    before = np.vstack([np.full((1, close.shape[1]), -1), latest[:-1]])
    moved = known & (before >= 0)
    last = np.where(moved, np.take_along_axis(close, np.maximum(before, 0), axis=0), 1.0)
    return np.asarray(np.log(np.where(moved, close, 1.0) / last))


def _shared(first: Positions, last: Positions, value: Values) -> Values:
    """Returns the sum over each span, ``first`` to ``last``, of a bar's value / the spans that hold the bar."""
    edges = np.zeros(len(value) + 1)
    np.add.at(edges, first, 1.0)
    np.add.at(edges, last + 1, -1.0)
    count = np.cumsum(edges)[:-1]
    shares = np.concatenate([[0.0], np.cumsum(np.divide(value, count, where=count > 0.5, out=np.zeros(len(count))))])
    return np.asarray(shares[last + 1] - shares[first])
