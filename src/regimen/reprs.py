"""How objects show themselves in a notebook or a debugger: on one line of at most 200 characters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimen.errors import one_line

if TYPE_CHECKING:
    from pydantic import BaseModel

LONGEST = 200
"""Characters of a ``repr``."""


def short(thing: object, words: str) -> str:
    """Returns ``Name(words)`` on one printable line; what is too much is left out inside.

    Args:
        thing: whose class gives the name.
        words: what tells it from others: sizes, spans of time, a verdict; never arrays.
    """
    name = type(thing).__name__
    return f"{name}({one_line(words, LONGEST - len(name) - 2)})"


def short_config(config: BaseModel) -> str:
    """Returns a config with the fields alone that are not at their defaults: ``Costs(commission_bps=2.0)``."""
    values = {
        name: getattr(config, name)
        for name, field in type(config).model_fields.items()
        if field.is_required() or getattr(config, name) != field.get_default(call_default_factory=True)
    }
    return short(config, ", ".join(f"{name}={value!r}" for name, value in values.items()))


def many(count: int, thing: str) -> str:
    """Returns a number with its noun: ``1 symbol``, ``5,031 bars``."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
