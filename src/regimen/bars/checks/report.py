"""What a check found and what a repair did: `Finding`, `Repair`, `CheckReport`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from regimen.errors import DataError
from regimen.reprs import short

SHOWN = 5
"""How many offending rows a finding names."""


def written(stamp: int) -> str:
    """Returns nanoseconds as ``2024-01-01 08:00:00``; midnight is the date alone."""
    return str(np.datetime64(stamp, "ns")).split(".")[0].replace("T", " ").removesuffix(" 00:00:00")


@dataclass(frozen=True)
class Finding:
    """One kind of fault.

    Attributes:
        name: the fault, as in docs/bars.md.
        severity: ``refuse`` when training would refuse the data, ``warn`` otherwise.
        count: how many rows (or holes) show it.
        rows: the first offending rows of the file, counted from 0 without the header.
        stamps: their times, UTC, with the symbol in a panel.
        sentence: what was found, with the largest or longest case.
        repair: the option that accepts or mends it; empty when there is none.
    """

    name: str
    severity: Literal["refuse", "warn"]
    count: int
    rows: tuple[int, ...]
    stamps: tuple[str, ...]
    sentence: str
    repair: str = ""


@dataclass(frozen=True)
class Repair:
    """One policy that changed something.

    Attributes:
        name, policy: the key in ``data.repairs`` and its value.
        count: rows that were changed, moved or removed.
        sentence: what was done.
    """

    name: str
    policy: str
    count: int
    sentence: str


@dataclass(frozen=True)
class CheckReport:
    """What `regimen data check` shows: the state of the data after the repairs that the config asked for.

    Attributes:
        source: the file.
        rows, symbols, start, end, bar_length, calendar: what the data is.
        periods_per_year: bars a year, as counted or as the config says; before ``data.resample``.
        findings: the faults, the refusing ones first.
        applied: the repairs that changed something.
        assumptions: documented defaults that were used.
    """

    source: str
    rows: int
    symbols: tuple[str, ...]
    start: str
    end: str
    bar_length: int
    calendar: str
    periods_per_year: float
    findings: tuple[Finding, ...]
    applied: tuple[Repair, ...]
    assumptions: tuple[str, ...]

    def __repr__(self) -> str:
        return short(self, f"{self.source}: {self.sentence}")

    @property
    def refused(self) -> bool:
        """Whether training would refuse the data."""
        return any(finding.severity == "refuse" for finding in self.findings)

    @property
    def sentence(self) -> str:
        """The verdict on the data, in one sentence."""
        refusing = [finding for finding in self.findings if finding.severity == "refuse"]
        if refusing:
            options = ", ".join(dict.fromkeys(finding.repair for finding in refusing if finding.repair))
            left = ", ".join(finding.name for finding in refusing if not finding.repair)
            ways = f"; it would be accepted with {options}" if options else ""
            if options and left:
                ways = f"; {options} would leave {left}"
            return f"Training would refuse this data: {', '.join(f.name for f in refusing)}{ways}."
        if self.findings:
            names = ", ".join(finding.name for finding in self.findings)
            return f"Training accepts this data, with {len(self.findings)} warning(s): {names}."
        return "Training accepts this data; the checks found nothing."

    def raise_if_refused(self) -> None:
        """Raises a `DataError` for the first finding that refuses the data."""
        for finding in self.findings:
            if finding.severity == "refuse":
                mend = f"; {finding.repair} accepts it" if finding.repair else ""
                raise DataError(
                    f"{self.source} ({finding.name})",
                    f"{finding.sentence}, first in row {finding.rows[0]}{mend}",
                    finding.stamps[0] if finding.stamps else finding.count,
                )

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        return {**asdict(self), "refused": self.refused, "sentence": self.sentence}
