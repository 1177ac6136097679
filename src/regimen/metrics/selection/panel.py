"""The returns of many strategies side by side: what the statistics of a selection ask of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regimen.errors import ConfigError
from regimen.metrics.blocks import block_length

Matrix = NDArray[np.float64]


def checked(returns: Matrix, at_least: int = 1) -> Matrix:
    """Returns the panel (time, strategy) as float64.

    Raises:
        ConfigError: another shape, fewer strategies than ``at_least``, or a return that is not finite.
    """
    values = np.asarray(returns, dtype=np.float64)
    if values.ndim != 2:
        raise ConfigError("returns", "must have the shape (time, strategy)", values.shape)
    if values.shape[1] < at_least:
        raise ConfigError("returns", f"must have at least {at_least} strategies to choose from", values.shape[1])
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise ConfigError(f"returns (row {row}, strategy {column})", "must be finite", float(values[row, column]))
    return values


def panel_block_length(returns: Matrix) -> float:
    """Returns the mean over the strategies of `regimen.metrics.block_length`: their rows are drawn together."""
    return float(np.mean([block_length(np.ascontiguousarray(column)) for column in returns.T]))
