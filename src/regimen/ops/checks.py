"""What every function here asks of its arguments: equal shapes, boolean flags, scalars within their range."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regimen.errors import ConfigError, DataError

Array = Tensor | NDArray[Any]


def require_alike(**arrays: Array) -> None:
    """Refuses arrays of different shapes, so that nothing broadcasts without being told to.

    Raises:
        DataError: naming the first array whose shape is not that of the first one.
    """
    names = iter(arrays)
    first = next(names)
    shape = tuple(arrays[first].shape)
    for name in names:
        if tuple(arrays[name].shape) != shape:
            raise DataError(name, f"must have the shape of {first}, {shape}", tuple(arrays[name].shape))


def require_batch(**arrays: Array) -> None:
    """Refuses arrays of different shapes, and empty ones, whose mean would be NaN.

    Raises:
        DataError: naming the array.
    """
    require_alike(**arrays)
    name, array = next(iter(arrays.items()))
    if 0 in array.shape:
        raise DataError(name, "must have at least one entry", tuple(array.shape))


def require_flags(**arrays: Array) -> None:
    """Refuses flags that are not boolean: 0.0 and 1.0 invite arithmetic in which 0 · NaN is NaN.

    Raises:
        DataError: naming the array.
    """
    for name, array in arrays.items():
        if array.dtype not in (torch.bool, np.bool_):
            raise DataError(name, "must be boolean", str(array.dtype))


def require_rollout(terminated: Array, truncated: Array, **arrays: Array) -> None:
    """Refuses a rollout (time, ...) whose arrays differ in shape or whose flags are not boolean.

    Raises:
        DataError: naming the array.
    """
    require_alike(**arrays, terminated=terminated, truncated=truncated)
    require_flags(terminated=terminated, truncated=truncated)
    name, array = next(iter(arrays.items()))
    if not array.shape:
        raise DataError(name, "must have a time axis", ())


def require_fraction(**scalars: float) -> None:
    """Refuses a scalar outside [0, 1], NaN included.

    Raises:
        ConfigError: naming the scalar.
    """
    for name, value in scalars.items():
        if not 0.0 <= value <= 1.0:
            raise ConfigError(name, "must be between 0 and 1", value)


def require_positive(**scalars: float) -> None:
    """Refuses a scalar that is not above zero, NaN included.

    Raises:
        ConfigError: naming the scalar.
    """
    for name, value in scalars.items():
        if not value > 0.0:
            raise ConfigError(name, "must be positive", value)
