"""What the sizes of a network over a context must keep to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

Taps = Annotated[int, Field(ge=1, le=1024)]
"""Taps of a convolution, or rows between two of them."""


def require_whole_heads(width: int, heads: int, name: str = "width") -> None:
    """Refuses heads that do not share a width evenly; ``name`` is the width's.

    Raises:
        ValueError: they do not.
    """
    if width % heads:
        raise ValueError(f"heads must divide the {name} {width}; got {heads}")


def require_taps_inside(context: int, kernels: Sequence[int], dilations: Sequence[int]) -> None:
    """Refuses a tap that never falls inside the context: it multiplies padding only, and its weights never learn.

    Raises:
        ValueError: there is one.
    """
    reach = max((taps - 1) * step for taps in kernels for step in dilations)
    if reach >= context:
        raise ValueError(
            f"context must be longer than the farthest tap, {reach} rows back (kernels x dilations); got {context}"
        )
