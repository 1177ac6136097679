"""The report of a run: what it shows, section by section, and its page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.reporting.report.document import ReportDocument, TrainedWindow
    from regimen.reporting.report.exhibits import Curve, Drawing, Exhibit
    from regimen.reporting.report.page import render, write
    from regimen.reporting.report.trials import grown

__all__ = [
    "Curve",
    "Drawing",
    "Exhibit",
    "ReportDocument",
    "TrainedWindow",
    "grown",
    "render",
    "write",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "Curve": ".exhibits",
        "Drawing": ".exhibits",
        "Exhibit": ".exhibits",
        "grown": ".trials",
        "ReportDocument": ".document",
        "TrainedWindow": ".document",
        "render": ".page",
        "write": ".page",
    },
)
