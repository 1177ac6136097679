"""Which symbol a bar is of: signs that its name decides, so that a file with other symbols changes none of them."""

from __future__ import annotations

import hashlib
import math
from functools import cache

from regimen.features.feature import Feature
from regimen.features.known.columns import symbol_columns
from regimen.jit import jit
from regimen.scan import Bar, Stateless

_INPUT = "symbol_code_"


@jit
def symbol_step(state: Stateless, bar: Bar, code: float) -> tuple[Stateless, float]:  # noqa: ARG001
    """The sign as it is given."""
    return state, code


@cache
def symbol_code(name: str, symbol: str) -> float:
    """Returns an input that is a symbol's own: the sign, 1 or −1, of a bit of its name's SHA-256; NaN for any other.

    Args:
        name: of the input.
        symbol: the symbol's name.
    """
    number = name.removeprefix(_INPUT)
    if number == name or not number.isdecimal():
        return math.nan
    place = int(number)
    digest = hashlib.sha256(symbol.encode()).digest()
    return 1.0 if digest[place // 8] >> place % 8 & 1 else -1.0


def symbol_features(count: int) -> tuple[Feature, ...]:
    """Returns the columns that tell symbols apart, one sign each: two symbols share all of them once in 2^count."""
    return tuple(
        Feature(
            names=(name,),
            group="symbol",
            step=symbol_step,
            state=Stateless(),
            inputs=(f"{_INPUT}{number}",),
            about="A sign that the symbol's name decides.",
        )
        for number, name in enumerate(symbol_columns(count))
    )
