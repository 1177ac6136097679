"""The checks of data and the repairs that a config asks for: each reads rows and names those at fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.bars.checks.clocks import UNZONED, readings
    from regimen.bars.checks.ordered import Ordered
    from regimen.bars.checks.plausible import (
        LARGEST,
        Odd,
        early,
        funding_in_percent,
        refuse_impossible,
        refuse_repeated,
        uncovered,
    )
    from regimen.bars.checks.price_order import TOLERANCE
    from regimen.bars.checks.repairs import repair
    from regimen.bars.checks.report import SHOWN, CheckReport, Finding, written
    from regimen.bars.checks.rows import find_all

__all__ = [
    "LARGEST",
    "SHOWN",
    "TOLERANCE",
    "UNZONED",
    "CheckReport",
    "Finding",
    "Odd",
    "Ordered",
    "early",
    "find_all",
    "funding_in_percent",
    "readings",
    "refuse_impossible",
    "refuse_repeated",
    "repair",
    "uncovered",
    "written",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "CheckReport": ".report",
        "Finding": ".report",
        "LARGEST": ".plausible",
        "Odd": ".plausible",
        "Ordered": ".ordered",
        "SHOWN": ".report",
        "TOLERANCE": ".price_order",
        "UNZONED": ".clocks",
        "early": ".plausible",
        "find_all": ".rows",
        "funding_in_percent": ".plausible",
        "readings": ".clocks",
        "refuse_impossible": ".plausible",
        "refuse_repeated": ".plausible",
        "repair": ".repairs",
        "uncovered": ".plausible",
        "written": ".report",
    },
)
