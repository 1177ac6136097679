"""What a trial showed on the bars inside the training span: its objectives, and each seed for the trial ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class TrialSeed:
    """One seed of a trial.

    Attributes:
        seed: of weights and batches.
        bars: that were traded.
        sharpe: annual, after costs; None where it is not defined.
        timing: annual Sharpe ratio of its timing alone; None where it is not defined.
        daily: what it earned day by day, as the trial ledger keeps it.
    """

    seed: int
    bars: int
    sharpe: float | None
    timing: float | None
    daily: str = field(default="", repr=False)


@dataclass(frozen=True)
class TrialResult:
    """A trial that was trained.

    Attributes:
        objectives: by name, the mean over seeds.
        seeds: each seed.
    """

    objectives: Mapping[str, float]
    seeds: tuple[TrialSeed, ...]

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        return asdict(self)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> TrialResult:
        """Reads what `to_dict` gave."""
        return cls(dict(values["objectives"]), tuple(TrialSeed(**each) for each in values["seeds"]))
