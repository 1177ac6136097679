"""`Judgement`: what the judge found, and its file format."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from regimen.judging.acting import Information, Modes
from regimen.judging.alarms import Alarm
from regimen.judging.behaviour import Conduct
from regimen.judging.constants import ConstantExposure
from regimen.judging.measures import Row
from regimen.judging.periods import PeriodRow
from regimen.judging.random_timing import Draws
from regimen.judging.trials import Trials
from regimen.judging.verdict import Verdict


@dataclass(frozen=True)
class Judgement:
    """What the judge found; `to_dict` is its file format and what the report is made of.

    Attributes:
        verdict: level, sentence, rules, alarms.
        rows: policy, flat, buy_and_hold, random, reference (when given), drawn (where its actions were drawn),
            one_bar_late, time_reversed.
        random: the random control.
        trials: what the DSR was deflated by; ``details["trials"]`` says with which variance.
        behaviour: the action histogram and what follows.
        information: what its actions tell of the state.
        constant: the best constant exposure.
        modes: the judged actions beside drawn ones; None where the policy cannot draw them.
        periods: results by calendar year or month.
        curves: thinned equity and drawdown.
        details: sample, interval, trials, minimum_track_record, decay, zero_cost, ruined, seed.
    """

    verdict: Verdict
    rows: tuple[Row, ...]
    random: Draws
    trials: Trials
    behaviour: Conduct
    information: Information
    constant: ConstantExposure
    modes: Modes | None
    periods: tuple[PeriodRow, ...]
    curves: Mapping[str, object]
    details: Mapping[str, object]

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """What must be looked at before any number is believed."""
        return self.verdict.alarms

    def row(self, name: str) -> Row:
        """Returns the row of that name. Raises KeyError when there is none."""
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(name)

    def to_dict(self) -> dict[str, object]:
        """Returns the whole judgement for JSON; undefined and infinite numbers are None."""
        verdict = {
            "level": self.verdict.level,
            "sentence": self.verdict.sentence,
            "rules": [dict(vars(rule)) for rule in self.verdict.rules],
        }
        fields = {
            "verdict": verdict,
            "alarms": [dict(vars(alarm)) for alarm in self.alarms],
            "rows": [row.to_dict() for row in self.rows],
            "random": self.random.to_dict(),
            "behaviour": {
                **self.behaviour.to_dict(),
                "information": self.information.to_dict(),
                "constant": self.constant.to_dict(),
                "modes": None if self.modes is None else self.modes.to_dict(),
            },
            "periods": [period.to_dict() for period in self.periods],
            "curves": self.curves,
            **self.details,
        }
        values = plain(fields)
        assert isinstance(values, dict)
        return values


def plain(value: object) -> object:
    """Returns a value for JSON: arrays and tuples are lists, undefined and infinite numbers None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
