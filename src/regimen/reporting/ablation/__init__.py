"""What each method of a config is worth: the ablation, its tables and its page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.reporting.ablation.ablation import Ablation, Arm, Kind
    from regimen.reporting.ablation.page import write
    from regimen.reporting.ablation.tables import markdown, table, worth_table
    from regimen.reporting.ablation.worth import Column, Worth

__all__ = ["Ablation", "Arm", "Column", "Kind", "Worth", "markdown", "table", "worth_table", "write"]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "Ablation": ".ablation",
        "Arm": ".ablation",
        "Column": ".worth",
        "Kind": ".ablation",
        "Worth": ".worth",
        "markdown": ".tables",
        "table": ".tables",
        "worth_table": ".tables",
        "write": ".page",
    },
)
