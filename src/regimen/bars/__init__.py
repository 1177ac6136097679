"""Market data in: the schema, readers, checks, resampling, fingerprints, bundled samples."""

from regimen.bars.bars import Bars
from regimen.bars.calendar import Calendar
from regimen.bars.config import DataConfig, ExtraFile, RepairsConfig
from regimen.bars.listing import listed
from regimen.bars.load import Loaded, check, load, load_as_is, load_with_report
from regimen.bars.report import CheckReport, Finding, Repair
from regimen.bars.sketch import Sketch

__all__ = [
    "Bars",
    "Calendar",
    "CheckReport",
    "DataConfig",
    "ExtraFile",
    "Finding",
    "Loaded",
    "Repair",
    "RepairsConfig",
    "Sketch",
    "check",
    "listed",
    "load",
    "load_as_is",
    "load_with_report",
]
