"""Control experiments: a result that looks good, made again where there is nothing to find."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from regimen.judging.controls.targets import shifted, standing
from regimen.reprs import short

if TYPE_CHECKING:
    from regimen.execution import Ledger

LOOKS_GOOD = ("evidence", "suspicious")
"""Levels of a verdict that look good: those that are examined, and those that no control may reach."""


@dataclass(frozen=True)
class ControlExperiment:
    """What came out of one control experiment.

    Attributes:
        name: "shuffled labels", "reversed features", "shifted signal" or "matched martingale".
        how: what was done, for people.
        levels: the verdict on each draw, by one trial; empty where the control does not apply or could not be made.
        sharpe: annual net Sharpe ratio of the last draw; NaN where it is undefined, or without a draw.
        total_return: of the last draw; NaN without one.
        sentence: what it says, for people.
    """

    name: str
    how: str
    levels: tuple[str, ...]
    sharpe: float = math.nan
    total_return: float = math.nan
    sentence: str = ""

    def __repr__(self) -> str:
        return short(self, f"{self.name!r}, {self.sentence!r}")

    @property
    def looks_good(self) -> bool:
        """Whether every draw looks good: what is found where there is nothing to find was not found."""
        return bool(self.levels) and all(level in LOOKS_GOOD for level in self.levels)


def moved_later(ledger: Ledger, part: int) -> Ledger:
    """Trades the decisions of a ledger again, later by one ``part``-th of its span, the end before the beginning."""
    moved = shifted(standing(ledger.targets), len(ledger.targets) // part, ledger.bars.listed)
    return ledger.market.build().backtest(ledger.bars, moved)
