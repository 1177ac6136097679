"""What a module of this room accepts: windows (batch, time, channel), and sizes that fit together."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from regimen.errors import ConfigError, DataError


def require_window(x: Tensor, channels: int, name: str = "x") -> None:
    """Refuses what is no window (batch, time, channel) of ``channels`` columns, or is empty.

    Raises:
        DataError: the rule and the shape that came.
    """
    if x.ndim != 3 or x.shape[2] != channels or 0 in x.shape:
        rule = f"must have the shape (batch, time, {channels}), none of them 0"
        raise DataError(name, rule, tuple(x.shape))


def require_positive(**sizes: int | Sequence[int]) -> None:
    """Refuses sizes that are no whole numbers of 1 or more, and lists of them that are empty.

    Raises:
        ConfigError: the first that fails.
    """
    for name, size in sizes.items():
        members = (size,) if isinstance(size, int) else tuple(size)
        if not members or any(not isinstance(member, int) or member < 1 for member in members):
            raise ConfigError(name, "must be 1 or more", size)


def require_divisible(width: int, heads: int) -> None:
    """Refuses a width that does not divide into equal heads.

    Raises:
        ConfigError: the rule and the number of heads.
    """
    require_positive(width=width, heads=heads)
    if width % heads:
        raise ConfigError("heads", f"must divide the width {width}", heads)


def require_probability(**shares: float) -> None:
    """Refuses a dropout outside [0, 1).

    Raises:
        ConfigError: the first that fails.
    """
    for name, share in shares.items():
        if not 0.0 <= share < 1.0:
            raise ConfigError(name, "must lie in [0, 1)", share)
