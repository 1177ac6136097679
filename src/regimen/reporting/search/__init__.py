"""The page of a search: its trials, the course, what each parameter mattered, the Pareto front."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.reporting.search.page import write
    from regimen.reporting.search.search import Search, Status, TrialRow
    from regimen.reporting.search.sensitivity import ParameterPart, Sensitivity, sensitivity_of
    from regimen.reporting.search.tables import sensitivity_table, trial_table

__all__ = [
    "ParameterPart",
    "Search",
    "Sensitivity",
    "Status",
    "TrialRow",
    "sensitivity_of",
    "sensitivity_table",
    "trial_table",
    "write",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "ParameterPart": ".sensitivity",
        "Search": ".search",
        "Sensitivity": ".sensitivity",
        "Status": ".search",
        "TrialRow": ".search",
        "sensitivity_of": ".sensitivity",
        "sensitivity_table": ".tables",
        "trial_table": ".tables",
        "write": ".page",
    },
)
