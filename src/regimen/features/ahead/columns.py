"""What the columns of a calendar are called; a config asks for them before anything is compiled."""

from __future__ import annotations

from collections.abc import Sequence


def calendar_columns(ahead: Sequence[int]) -> tuple[str, ...]:
    """Returns the names of the columns of the calendar so many bars ahead, in their order."""
    return tuple(f"{name}_{bars}" for bars in ahead for name in ("day_sin", "day_cos", "week_sin", "week_cos"))
