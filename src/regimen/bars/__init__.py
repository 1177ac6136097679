"""Market data: the schema, its calendar, the checks, resampling, and what a market is known by."""

from regimen.bars.bars import PRICES, Bars
from regimen.bars.calendar import DAY, Calendar, CalendarName, trading_day, trading_days
from regimen.bars.checks.report import CheckReport, Finding, Repair
from regimen.bars.config import MEMORY, DataConfig, ExtraFile, RepairsConfig
from regimen.bars.listing import listed
from regimen.bars.pivot import bar_length_of, by_symbol_and_time, pivot
from regimen.bars.poisons import POISONS, Poison, poison
from regimen.bars.resample import SUMMED
from regimen.bars.sketch import Sketch, shared
from regimen.bars.store import DESCRIPTION, still_describes, to_table
from regimen.bars.table import RawTable

__all__ = [
    "DAY",
    "DESCRIPTION",
    "MEMORY",
    "POISONS",
    "PRICES",
    "SUMMED",
    "Bars",
    "Calendar",
    "CalendarName",
    "CheckReport",
    "DataConfig",
    "ExtraFile",
    "Finding",
    "Poison",
    "RawTable",
    "Repair",
    "RepairsConfig",
    "Sketch",
    "bar_length_of",
    "by_symbol_and_time",
    "listed",
    "pivot",
    "poison",
    "shared",
    "still_describes",
    "to_table",
    "trading_day",
    "trading_days",
]
