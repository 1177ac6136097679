"""What retraining came to: what happened, and what each way of doing it was worth."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from regimen.records import plain
from regimen.reprs import short


@dataclass(frozen=True)
class Happened:
    """One event, for people.

    Attributes:
        time: close of the bar, UTC.
        kind, run, champion, words: see `RetrainEvent`.
    """

    time: str
    kind: str
    run: str
    champion: str
    words: str


@dataclass(frozen=True)
class Kept:
    """What one account came to on the bars that were walked over.

    Attributes:
        name: whose it is.
        growth: log growth a year.
        sharpe: ratio a year.
        drawdown: the deepest, a fraction.
        turnover: traded a year, in multiples of equity.
        loss: nats a row; None where there are no probabilities.
    """

    name: str
    growth: float
    sharpe: float
    drawdown: float
    turnover: float
    loss: float | None


@dataclass(frozen=True)
class Retrained:
    """What retraining came to.

    Attributes:
        path: the folder of the record.
        champion: the run that stands at the end.
        first, last: first and last bar that was walked over.
        bars: how many.
        by: what was compared.
        detectors: that watched, with ``--when drift``.
        missing: why others did not.
        happened: in order.
        accounts: as traded, never trained again, and trained again without a judge.
    """

    path: Path
    champion: str
    first: str
    last: str
    bars: int
    by: str
    detectors: tuple[str, ...]
    missing: tuple[str, ...]
    happened: tuple[Happened, ...]
    accounts: tuple[Kept, ...]

    def __repr__(self) -> str:
        return short(self, f"{len(self.happened)} events, champion {self.champion}")

    def counted(self, kind: str) -> int:
        """Returns how often something happened."""
        return sum(each.kind == kind for each in self.happened)

    @property
    def sentence(self) -> str:
        """What it came to, for people."""
        number = self.counted("retrain")
        times = "once" if number == 1 else f"{number} times"
        if not number:
            return f"Never trained again in {self.bars:,} bars; {self.champion} stays champion."
        end = f"{self.counted('promote')} promoted, {self.counted('rollback')} rolled back; champion {self.champion}."
        return f"Trained again {times} in {self.bars:,} bars, each a trial; {end}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        values: dict[str, Any] = plain({**asdict(self), "path": str(self.path), "sentence": self.sentence})
        return values
