"""The search for leaks: poison the future, watch the past."""

from regimen.leaks.poison import Poison, poison
from regimen.leaks.report import LeakReport, LeakRow, TableRead
from regimen.leaks.search import Edge, Fitted, Pipeline, find_leaks

__all__ = [
    "Edge",
    "Fitted",
    "LeakReport",
    "LeakRow",
    "Pipeline",
    "Poison",
    "TableRead",
    "find_leaks",
    "poison",
]
