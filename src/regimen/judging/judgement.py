"""`Judgement`: what the judge found, its file format, and what it says by the trials of now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regimen import metrics
from regimen.errors import RunError
from regimen.judging.acting import Information, Modes
from regimen.judging.behaviour import Conduct
from regimen.judging.controls.constants import ConstantExposure
from regimen.judging.controls.experiment import ControlExperiment
from regimen.judging.controls.random_timing import Draws
from regimen.judging.curves import Curves
from regimen.judging.document import plain, read
from regimen.judging.measures import Row, frame, table
from regimen.judging.periods import PeriodRow
from regimen.judging.regimes.rows import Regimes
from regimen.judging.seeds import Seeds
from regimen.judging.timing import TimingMoments
from regimen.judging.trials import Deflation, Trials
from regimen.judging.verdicts.alarms import Alarm
from regimen.judging.verdicts.evidence import CONFIDENCE, DEFLATED, LUCK, TIMING
from regimen.judging.verdicts.verdict import Verdict, weighed
from regimen.reprs import many, short

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from regimen.charts import Picture

WEIGHED = ("evidence", "no evidence", "worse than doing nothing", "weak evidence")
"""The levels that weigh a result; the last one was given by earlier versions, and is weighed by the rules of now."""
_WHERE = "judgement"
_WITHIN_BEHAVIOUR = ("information", "constant", "modes")
_LATER = ("timing", "charged", "seeds", "windows", "skipped_bars", "regimes", "controls")
"""Parts of the document that some judgements lack."""


@dataclass(frozen=True)
class Sample:
    """The judged bars.

    Attributes:
        start, end: start stamps of the first and the last bar, ISO-8601 UTC.
        bars, years, symbols: how many.
        periods_per_year: bars a year.
        calendar: name of the calendar.
        fingerprint: of the bars.
        source: file or sample that they are from.
    """

    start: str
    end: str
    bars: int
    years: float
    symbols: int
    periods_per_year: float
    calendar: str
    fingerprint: str
    source: str

    def __repr__(self) -> str:
        return short(self, f"{self.source}: {many(self.bars, 'bar')}, {self.start[:10]} to {self.end[:10]}")


@dataclass(frozen=True)
class Charged:
    """What trading cost.

    Attributes:
        sentence: in words.
        rates: the fields of `regimen.execution.Costs`, for JSON.
    """

    sentence: str
    rates: Mapping[str, object]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], at: str) -> Charged:
        """Reads what `to_dict` wrote; raises `RunError` for another shape."""
        if not isinstance(values.get("sentence"), str):
            raise RunError(at, "must have a sentence", values)
        return cls(values["sentence"], {name: rate for name, rate in values.items() if name != "sentence"})

    def to_dict(self) -> dict[str, object]:
        """Returns plain values."""
        return {"sentence": self.sentence, **self.rates}


@dataclass(frozen=True)
class Bootstrap:
    """How the intervals of the Sharpe ratios were made.

    Attributes:
        level: probability that they cover.
        draws: resampled series.
        block_length: mean length of a block, bars.
        method: in words.
    """

    level: float
    draws: int
    block_length: float
    method: str


@dataclass(frozen=True)
class TrackRecord:
    """How long a record must be until the PSR reaches 0.95, at this Sharpe ratio; infinite where it never does."""

    bars: float
    years: float


@dataclass(frozen=True)
class Halves:
    """The annual Sharpe ratios of both halves of the sample; NaN = undefined."""

    first_half_sharpe: float
    second_half_sharpe: float


@dataclass(frozen=True)
class Judgement:
    """What the judge found; `to_dict` is its file format, `from_dict` reads it back, and the report is made of it.

    In the file undefined and infinite numbers are null, and read back they are NaN: nothing that a report says or that
    is decided later needs to tell them apart (`Modes.differ`, which did, is stored).

    Attributes:
        verdict: level, sentence, rules, alarms.
        rows: policy, flat, buy_and_hold, random, reference (when given), drawn (where its actions were drawn),
            one_bar_late, time_reversed.
        random: the random control.
        behaviour: the action histogram and what follows.
        periods: results by calendar year or month.
        curves: thinned equity and drawdown.
        trials: what the DSR was deflated by, and with which variance.
        interval: how the intervals of the Sharpe ratios were made.
        minimum_track_record: bars until the PSR would reach 0.95.
        sample: the judged bars.
        zero_cost: the market charged nothing.
        ruined: the account was wiped out.
        decay: the Sharpe ratios of both halves.
        seed: of the judge's own draws.
        information: what its actions tell of the state.
        constant: the best constant exposure.
        modes: the judged actions beside drawn ones; None where the policy cannot draw them.
        timing: of the timing's returns. It, ``information``, ``constant`` and ``charged`` are None in a judgement of
            an earlier version.
        charged: what trading cost.
        seeds: all seeds of the training; None where there was one.
        windows: results by walk-forward window; None where they were not asked for.
        skipped_bars: bars before the first model was trained, in a backtest on other bars.
        regimes: what was earned in which state of the market; None where they were not asked for.
        controls: the control experiments; None where none was asked for.
    """

    verdict: Verdict
    rows: tuple[Row, ...]
    random: Draws
    behaviour: Conduct
    periods: tuple[PeriodRow, ...]
    curves: Curves
    trials: Deflation
    interval: Bootstrap
    minimum_track_record: TrackRecord
    sample: Sample
    zero_cost: bool
    ruined: bool
    decay: Halves
    seed: int
    information: Information | None = None
    constant: ConstantExposure | None = None
    modes: Modes | None = None
    timing: TimingMoments | None = None
    charged: Charged | None = None
    seeds: Seeds | None = None
    windows: tuple[PeriodRow, ...] | None = None
    skipped_bars: int | None = None
    regimes: tuple[Regimes, ...] | None = None
    controls: tuple[ControlExperiment, ...] | None = None

    def __repr__(self) -> str:
        return short(self, f"{self.verdict.level}: {self.verdict.sentence}")

    def _repr_html_(self) -> str:
        from regimen.charts import card, html_table, picture_of

        charged = [f"Charged: {self.charged.sentence}"] if self.charged else []
        paragraph = [self.verdict.paragraph] if self.verdict.paragraph else []
        sentences = [*paragraph, *(alarm.sentence for alarm in self.alarms), *charged]
        headings, *rows = table(self.rows)
        equity = picture_of(self.curves.figures()[:1])
        return card(self.verdict.sentence, sentences, html_table(headings, rows), equity.svg)

    def to_frame(self) -> pd.DataFrame:
        """Returns the rows of the verdict's table as a pandas frame, the policy first; its index is their names.

        The interval of the Sharpe ratio is in two columns; the costs by kind are in `Row.costs`.
        """
        return frame(self.rows)

    def plot(self, path: str | Path | None = None) -> Picture:
        """Draws the equity beside its controls, and how far it fell, as the report does.

        Args:
            path: an SVG file to write the picture to.

        Raises:
            ConfigError: a path that does not end in .svg.
        """
        from regimen.charts import picture_of

        return picture_of(self.curves.figures(), path)

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """What must be looked at before any number is believed."""
        return self.verdict.alarms

    @property
    def policy(self) -> Row:
        """The row of the judged policy."""
        return self.row("policy")

    def row(self, name: str) -> Row:
        """Returns the row of that name. Raises KeyError when there is none."""
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(name)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Judgement:
        """Reads what `to_dict` wrote, also in an earlier version: what it lacked then is None.

        Raises:
            RunError: values of another shape.
        """
        verdict, behaviour = values.get("verdict"), values.get("behaviour")
        for name, part in (("verdict", verdict), ("behaviour", behaviour)):
            if not isinstance(part, Mapping):
                raise RunError(f"{_WHERE}.{name}", "must be a mapping", part)
        assert verdict is not None
        assert behaviour is not None
        parts = {name: behaviour.get(name) for name in _WITHIN_BEHAVIOUR}
        return read(cls, {**values, **parts, "verdict": {**verdict, "alarms": values.get("alarms")}}, _WHERE)

    def to_dict(self) -> dict[str, object]:
        """Returns the whole judgement for JSON; undefined and infinite numbers are None."""
        verdict = {
            "level": self.verdict.level,
            "sentence": self.verdict.sentence,
            "paragraph": self.verdict.paragraph,
            "rules": [dict(vars(rule)) for rule in self.verdict.rules],
        }
        within = {name: None if (part := getattr(self, name)) is None else part.to_dict() for name in _WITHIN_BEHAVIOUR}
        fields = {
            "verdict": verdict,
            "alarms": [dict(vars(alarm)) for alarm in self.alarms],
            "rows": [row.to_dict() for row in self.rows],
            "random": self.random.to_dict(),
            "behaviour": {**self.behaviour.to_dict(), **within},
            "periods": [period.to_dict() for period in self.periods],
            "curves": vars(self.curves),
            "trials": vars(self.trials),
            "timing": self.timing and vars(self.timing),
            "interval": vars(self.interval),
            "minimum_track_record": vars(self.minimum_track_record),
            "sample": vars(self.sample),
            "charged": self.charged and self.charged.to_dict(),
            "zero_cost": self.zero_cost,
            "ruined": self.ruined,
            "decay": vars(self.decay),
            "seed": self.seed,
            "seeds": self.seeds and self.seeds.to_dict(),
            "windows": self.windows and [window.to_dict() for window in self.windows],
            "skipped_bars": self.skipped_bars,
            "regimes": self.regimes and [each.to_dict() for each in self.regimes],
            "controls": self.controls and [vars(control) for control in self.controls],
        }
        values = plain({name: part for name, part in fields.items() if part is not None or name not in _LATER})
        assert isinstance(values, dict)
        return values


def dsr_now(timing: TimingMoments, trials: Trials) -> float:
    """Returns the Deflated Sharpe Ratio of a judgement's timing by these trials; NaN where it is undefined."""
    variance = trials.variance_used(timing.bars)
    return metrics.dsr(timing.sharpe_per_bar, timing.bars, timing.skew, timing.kurtosis, trials.count, variance)


def level_now(judgement: Judgement, timing: TimingMoments, trials: Trials) -> str:
    """Returns the level of a judgement's verdict by these trials; see `regimen.judging.decide` for the rules.

    Of the rules the trials move two: the Deflated Sharpe Ratio, and the p-value of the best of N timings.

    Args:
        judgement: of a day when fewer trials were recorded.
        timing: its own, which a judgement of an earlier version lacks.
        trials: of now.
    """
    verdict = judgement.verdict
    if verdict.level not in WEIGHED:
        return verdict.level
    passed = {rule.name: rule.passed for rule in verdict.rules}
    passed[DEFLATED] = dsr_now(timing, trials) >= CONFIDENCE
    passed[TIMING] = metrics.best_of(judgement.random.p_value, trials.count) <= LUCK
    return weighed(passed, judgement.policy.psr)
