"""Market data: the schema, its calendar, the checks, resampling, and what a market is known by."""

from regimen.bars.bars import Bars
from regimen.bars.calendar import Calendar
from regimen.bars.checks.report import CheckReport, Finding, Repair
from regimen.bars.config import DataConfig, ExtraFile, RepairsConfig
from regimen.bars.listing import listed
from regimen.bars.sketch import Sketch

__all__ = [
    "Bars",
    "Calendar",
    "CheckReport",
    "DataConfig",
    "ExtraFile",
    "Finding",
    "Repair",
    "RepairsConfig",
    "Sketch",
    "listed",
]
