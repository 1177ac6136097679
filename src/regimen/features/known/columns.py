"""What the columns of a calendar and of a symbol are called; configs ask for them before anything is compiled."""

from __future__ import annotations

from collections.abc import Sequence


def calendar_columns(ahead: Sequence[int]) -> tuple[str, ...]:
    """Returns the names of the columns of the calendar so many bars ahead, in their order."""
    return tuple(f"{name}_{bars}" for bars in ahead for name in ("day_sin", "day_cos", "week_sin", "week_cos"))


def symbol_columns(count: int) -> tuple[str, ...]:
    """Returns the names of the columns that tell symbols apart."""
    return tuple(f"symbol_{number}" for number in range(count))


def each_once(calendar: tuple[int, ...]) -> tuple[int, ...]:
    """Refuses a calendar that names a number of bars twice.

    Raises:
        ValueError: it does.
    """
    if len(set(calendar)) != len(calendar):
        raise ValueError(f"must name each number of bars once; got {list(calendar)}")
    return calendar
