"""The scan engine: many steps become one compiled loop, the same for a million bars and for the next one.

A step is a pure compiled function ``step(state, bar, *inputs, *rings, *params) -> (state, value or
tuple)``. Batch is the loop over a series, live is the same machine code run over one bar, so both give the
same bits.
"""

from __future__ import annotations

from regimen.scan.compiled import cache_folder
from regimen.scan.digest import code_digest
from regimen.scan.program import Program
from regimen.scan.step import Bar, Recurrence, Series, Stateless, States
from regimen.scan.tables import TABLE, numbers, tables

__all__ = [
    "TABLE",
    "Bar",
    "Program",
    "Recurrence",
    "Series",
    "Stateless",
    "States",
    "cache_folder",
    "code_digest",
    "numbers",
    "tables",
]
