"""The search for leaks: check that nothing reads the future."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.bars import Poison, poison
    from regimen.leakage.own_code import tables_of, watched
    from regimen.leakage.report import CodeRead, LeakReport, LeakRow, TableRead, WholeFrame
    from regimen.leakage.search import Edge, FittedPart, Pipeline, find_leaks

__all__ = [
    "CodeRead",
    "Edge",
    "FittedPart",
    "LeakReport",
    "LeakRow",
    "Pipeline",
    "Poison",
    "TableRead",
    "WholeFrame",
    "find_leaks",
    "poison",
    "tables_of",
    "watched",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "CodeRead": ".report",
        "Edge": ".search",
        "FittedPart": ".search",
        "LeakReport": ".report",
        "LeakRow": ".report",
        "Pipeline": ".search",
        "Poison": "regimen.bars",
        "TableRead": ".report",
        "WholeFrame": ".report",
        "find_leaks": ".search",
        "poison": "regimen.bars",
        "tables_of": ".own_code",
        "watched": ".own_code",
    },
)
