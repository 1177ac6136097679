"""What one method does to one measure: the paired differences it makes, and what they say in words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from regimen.metrics import PairedDifference
from regimen.numerals import UNKNOWN, number

CHANCE = "nothing that can be told from chance"


@dataclass(frozen=True)
class Column:
    """One measure of the table.

    Attributes:
        name: by which JSON and the command line know it.
        title: over its column.
        better: 1 where more is better, −1 where less is, 0 where neither is.
        digits: behind the point, where it is written.
        note: one sentence: what it is, and its unit.
    """

    name: str
    title: str
    better: int
    digits: int
    note: str


@dataclass(frozen=True)
class Worth:
    """What one method does to one measure.

    Attributes:
        method, column: which.
        alone: with this method less with none.
        among: with all less with all but this one; the same as ``alone`` where it is the only one.
    """

    method: str
    column: Column
    alone: PairedDifference
    among: PairedDifference

    @property
    def says(self) -> Literal["helps", "harms", "changes", "disagrees", "chance", "unknown"]:
        """What both differences say together: an interval that does not cover 0 speaks."""
        signs = {sign(each) for each in (self.alone, self.among)}
        if None in signs and signs <= {None, 0}:
            return "unknown" if signs == {None} else "chance"
        signs -= {None, 0}
        if not signs:
            return "chance"
        if not self.column.better:
            return "changes"
        if len(signs) > 1:
            return "disagrees"
        return "helps" if signs == {self.column.better} else "harms"

    @property
    def is_untouched(self) -> bool:
        """Whether no score differs at all: the method has nothing to do with this measure."""
        return all(pair.mean == 0.0 and pair.error == 0.0 for pair in (self.alone, self.among))

    @property
    def sentence(self) -> str:
        """What it is worth, in words."""
        verb = {
            "helps": "helps",
            "harms": "harms",
            "changes": "changes it",
            "disagrees": "helps in one place and harms in the other",
            "chance": CHANCE,
            "unknown": "cannot be told: it takes two seeds and two windows",
        }[self.says]
        parts = [f"alone {written(self.alone, self.column)}"]
        if self.among is not self.alone:
            parts.append(f"among all {written(self.among, self.column)}")
        return f"{self.method}: {verb} (by {self.column.title}: {', '.join(parts)})"


def sign(pair: PairedDifference) -> int | None:
    """Returns 1 or −1 where the whole interval lies on one side of 0, 0 where it does not; None where there is none."""
    if math.isnan(pair.low):
        return None
    return 1 if pair.low > 0.0 else -1 if pair.high < 0.0 else 0


def written(pair: PairedDifference, column: Column) -> str:
    """Writes a difference with its interval: ``+3.1 [−1.0, +7.2]``."""
    mean, low, high = (number(each, column.digits, plus=True) for each in (pair.mean, pair.low, pair.high))
    return mean if low == UNKNOWN else f"{mean} [{low}, {high}]"
