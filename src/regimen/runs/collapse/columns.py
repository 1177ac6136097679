"""What the bars themselves show, whatever columns a run was given: the yardstick of its features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.execution import Tape

Floats = NDArray[np.float64]

_LAGS = 6
_SPANS = (8, 32)


def earned(tape: Tape) -> Floats:
    """Returns (time, symbol) the log return of a position decided at the close of bar t: opens of t + 1 and t + 2."""
    opens = tape.opens
    ratios = tape.ratios if len(tape.ratios) else np.ones_like(opens)
    out = np.full(opens.shape, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        out[:-2] = np.log(opens[2:] * ratios[2:] / opens[1:-1])
    return out


def plain_columns(bars: Bars, tape: Tape) -> Floats:
    """Returns (time, symbol, column): recent returns, their sums and sizes, the volume, and all extras of the bars.

    Row t uses bars <= t. It knows nothing of the run's features.
    """
    ratios = tape.ratios if len(tape.ratios) else np.ones_like(bars.close)
    with np.errstate(invalid="ignore", divide="ignore"):
        change = np.vstack([np.full((1, bars.close.shape[1]), np.nan), np.log(bars.close[1:] / bars.close[:-1])])
        change = change + np.log(ratios)
        volume = np.log(np.where(bars.volume > 0.0, bars.volume, np.nan))
    volume = np.where(np.isfinite(volume), volume, 0.0)
    columns = [_shifted(change, lag) for lag in range(_LAGS)]
    for span in _SPANS:
        columns += [_mean(change, span), _mean(np.abs(change), span)]
    columns.append(volume - _mean(volume, _SPANS[-1]))
    columns += [values for values in bars.extras.values() if np.isfinite(values).mean() > 0.5]
    return np.stack(columns, axis=-1)


def _shifted(values: Floats, lag: int) -> Floats:
    out = np.full(values.shape, np.nan)
    out[lag:] = values[: len(values) - lag]
    return out


def _mean(values: Floats, span: int) -> Floats:
    total = np.vstack([np.zeros((1, values.shape[1])), np.nan_to_num(values).cumsum(axis=0)])
    out = np.full(values.shape, np.nan)
    out[span:] = (total[span + 1 :] - total[1:-span]) / span
    return out
