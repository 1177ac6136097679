"""How far the price is so many bars later: a target at a horizon of its own, beside that of the label."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from regimen.errors import ConfigError
from regimen.labels.labels import Labels

Values = NDArray[np.float64]
_NAME = re.compile(r"ahead_([1-9][0-9]*)")


def ahead_target(bars: int) -> str:
    """Returns the name of the target so many bars ahead: ``ahead_24``."""
    return f"ahead_{bars}"


def bars_ahead(name: str) -> int | None:
    """Returns how many bars ahead a target is; None for a name of another kind."""
    named = _NAME.fullmatch(name)
    return int(named[1]) if named else None


def return_ahead(close: Values, volatility: Values, bars: int) -> Values:
    """Returns ``ln(c_{t+k} / c_t) / (σ_t √k)``, from close to close.

    The horizon counts positions of the time axis. NaN where one of the two bars is not there, or σ_t is 0 or not known.

    Args:
        close: (time, symbol), adjusted.
        volatility: (time, symbol) σ_t, known at t.
        bars: k, the horizon.
    """
    out = np.full(close.shape, np.nan)
    if bars < len(close):
        now, unit = close[:-bars], volatility[:-bars] * math.sqrt(bars)
        moved = np.log(close[bars:] / now)
        out[:-bars] = np.divide(moved, unit, out=np.full(moved.shape, np.nan), where=unit > 0.0)
    return out


def reaching(labels: Labels, ahead: int) -> Labels:
    """Returns labels whose spans reach at least so many bars ahead, so that a purge by ``t_end`` purges targets there.

    Raises:
        ConfigError: as many bars as there are, or more.
    """
    bars = labels.shape[0]
    if ahead >= bars:
        raise ConfigError("model.horizons", f"must be shorter than the data of {bars} bars", ahead)
    if ahead < 1:
        return labels
    reach = np.minimum(np.arange(bars) + ahead, bars - 1)[:, None]
    return replace(labels, t_end=np.where(labels.defined, np.maximum(labels.t_end, reach), labels.t_end))
