"""One market through the whole path: strategies are backtested, counted in a trial ledger, and the best is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars, Sketch
from regimen.execution import Ledger
from regimen.execution import Market as Venue
from regimen.judging import Timing, judge
from regimen.records import Trial, TrialLedger, recorded_sharpe
from regimen.runs.calibration.kinds import KINDS
from regimen.runs.calibration.strategies import draw_strategies
from regimen.seeding import generator

RANDOM_CONTROLS, BOOTSTRAP_DRAWS = 1, 500
"""Of each judgement: the verdict reads no backtest of the random control, and of the bootstrap its two quantiles."""


@dataclass(frozen=True)
class CalibrationTask:
    """What to examine.

    Attributes:
        kind: one of `KINDS`.
        number: of the market among those of its kind.
        seed: of the calibration.
        best_of: after how many trials the best of them is judged, increasing.
    """

    kind: str
    number: int
    seed: int
    best_of: tuple[int, ...]


@dataclass(frozen=True)
class JudgedBest:
    """The verdict on the best of the first trials.

    Attributes:
        best_of: how many there were.
        trials: as the ledger counts them.
        strategy: number of the best, from 0.
        level: of the verdict.
        sharpe, psr, dsr, p_trials: what it was decided by; the Sharpe ratio is annual, None is undefined.
    """

    best_of: int
    trials: int
    strategy: int
    level: str
    sharpe: float | None
    psr: float | None
    dsr: float | None
    p_trials: float | None


@dataclass(frozen=True)
class Examined:
    """One market, judged once for each number of trials."""

    kind: str
    number: int
    judged: tuple[JudgedBest, ...]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Examined:
        """Reads what `to_dict` wrote."""
        return cls(values["kind"], values["number"], tuple(JudgedBest(**each) for each in values["judged"]))

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values."""
        return asdict(self)


def examine(task: CalibrationTask) -> Examined:
    """Simulates the market, tries the strategies, and judges the best of so many whenever that many were tried.

    Every strategy is backtested with costs and appended to a trial ledger of its own file before anything is judged;
    the judge is told the trials that this ledger counts, and nothing else. The best is the one with the highest Sharpe
    ratio after costs. On a market with an edge the strategy that follows it is the first that is tried.
    """
    kind = KINDS[task.kind]
    seed = int(generator(task.seed, "calibration", task.kind, task.number).integers(2**62))
    bars = kind.market.simulate(kind.bars, seed).bars
    venue = Venue(costs=kind.costs)
    tape, sketch = venue.tape(bars), Sketch.of(bars)
    judged: list[JudgedBest] = []
    best: tuple[float, int, Ledger] | None = None
    with TemporaryDirectory(prefix="regimen-calibration-") as folder:
        book, waiting = TrialLedger(Path(folder) / "trials.sqlite"), []
        for place, (name, targets) in enumerate(_tried(task, bars)):
            ledger = venue.backtest(bars, targets, tape=tape)
            sharpe, timing = recorded_sharpe(ledger), Timing.of(ledger, tape).sharpe
            waiting.append(_trial(bars, place, name, sharpe, timing))
            value = -np.inf if sharpe is None else sharpe
            if best is None or value > best[0]:
                best = (value, place, ledger)
            if place + 1 in task.best_of:
                book.extend(waiting, sketch)
                waiting.clear()
                judged.append(_judge(best[2], best[1], book, place + 1, seed))
    return Examined(task.kind, task.number, tuple(judged))


def _tried(task: CalibrationTask, bars: Bars) -> list[tuple[str, NDArray[np.float64]]]:
    most = max(task.best_of)
    planted = [] if "signal" not in bars.extras else [("signal", bars.extras["signal"])]
    drawn = draw_strategies(most - len(planted), task.seed, task.number)
    return planted + [(repr(each), each.targets(bars)) for each in drawn]


def _trial(bars: Bars, place: int, name: str, sharpe: float | None, timing: float) -> Trial:
    return Trial(
        kind="evaluation",
        run=f"strategy-{place}",
        part=0,
        data=bars.fingerprint,
        source=bars.fingerprint,
        config=name,
        model="rule",
        seed=0,
        bars=len(bars),
        sharpe=sharpe,
        timing=timing if np.isfinite(timing) else None,
    )


def _judge(ledger: Ledger, place: int, book: TrialLedger, best_of: int, seed: int) -> JudgedBest:
    bars = ledger.bars
    trials = book.trials(bars.fingerprint, bars.periods_per_year)
    judgement = judge(ledger, trials, draws=RANDOM_CONTROLS, bootstrap_draws=BOOTSTRAP_DRAWS, seed=seed)
    policy = judgement.policy
    numbers = {
        "sharpe": policy.sharpe,
        "psr": policy.psr,
        "dsr": policy.dsr,
        "p_trials": judgement.random.p_trials,
    }
    known = {name: value if np.isfinite(value) else None for name, value in numbers.items()}
    return JudgedBest(best_of, trials.count, place, judgement.verdict.level, **known)
