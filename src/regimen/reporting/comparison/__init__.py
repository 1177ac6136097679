"""Several runs on the same bars: the comparison, its table and its page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.reporting.comparison.comparison import (
        TEXT,
        Comparison,
        Contender,
        Reference,
        Series,
        improvement,
        markdown,
        spread,
        table,
    )
    from regimen.reporting.comparison.page import write

__all__ = [
    "TEXT",
    "Comparison",
    "Contender",
    "Reference",
    "Series",
    "improvement",
    "markdown",
    "spread",
    "table",
    "write",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "Comparison": ".comparison",
        "Contender": ".comparison",
        "Reference": ".comparison",
        "Series": ".comparison",
        "TEXT": ".comparison",
        "improvement": ".comparison",
        "markdown": ".comparison",
        "spread": ".comparison",
        "table": ".comparison",
        "write": ".page",
    },
)
