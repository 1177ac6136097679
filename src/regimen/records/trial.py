"""One line of the trial ledger: something that was tried, and all that decides its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal


@dataclass(frozen=True)
class Trial:
    """One line of the ledger.

    Attributes:
        kind: ``fit`` (one model trained on one window) or ``evaluation`` (one backtest judged).
        run: id of the run.
        part: number of the window for a fit; 0 for an evaluation.
        data: fingerprint of the bars used.
        source: fingerprint of the whole series that they were cut from.
        config: hash of the config, costs included.
        model: kind of the predictor.
        seed: seed of the run.
        bars: bars evaluated (or training rows of a fit).
        sharpe: annual Sharpe ratio after costs, by the bars a year of its series; None for a fit.
        timing: annual Sharpe ratio of its timing alone, what it earned beyond its own average exposure; None where it
            was not measured.
        features: hash of the features' code, the user's own included.
        trained: fingerprint of the bars that the model was trained on; empty where they are those used.
        stress: 1 for the decisions of a run at dearer costs, which are recorded and do not count: nobody picks them.
        daily: what it earned day by day, see `regimen.records.returns.DailyReturns`; empty where it was not measured.
    """

    kind: Literal["fit", "evaluation"]
    run: str
    part: int
    data: str
    source: str
    config: str
    model: str
    seed: int
    bars: int
    sharpe: float | None = None
    timing: float | None = None
    features: str = ""
    trained: str = ""
    stress: int = 0
    daily: str = field(default="", repr=False)


DAILY = "daily"
COLUMNS = tuple(each.name for each in fields(Trial) if each.name != DAILY)
"""What a line shows; its daily returns are read only by who needs them."""
IDENTITY = ("config", "seed", "data", "features", "trained")
"""What tells one trial from another: equal in all of these, it is the same thing once more."""


def identity(row: Mapping[str, Any]) -> tuple[object, ...]:
    """Returns what tells the trial of a line of the ledger from others."""
    return tuple(row[name] for name in IDENTITY)
