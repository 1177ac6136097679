"""A search as its page shows it: every trial, the best of them, what each parameter mattered, and the verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from regimen.judging import plain
from regimen.numerals import count, number
from regimen.reporting.ablation import Column
from regimen.reporting.search.sensitivity import Sensitivity, sensitivity_of
from regimen.reprs import short

if TYPE_CHECKING:
    import pandas as pd

Status = Literal["running", "complete", "pruned", "failed"]


@dataclass(frozen=True)
class TrialRow:
    """One trial.

    Attributes:
        number: in the study.
        status: ``pruned`` where it was stopped early, ``failed`` where it could not be trained.
        settings: by dotted key, what it was given.
        scores: by objective; of the last rung that it came to.
        epochs: that it was trained for; None: all that its config says.
        failure: why it could not be trained.
        revives: number of the trial that it goes on with.
    """

    number: int
    status: Status
    settings: Mapping[str, Any]
    scores: Mapping[str, float] = field(default_factory=dict)
    epochs: int | None = None
    failure: str | None = None
    revives: int | None = None


@dataclass(frozen=True, eq=False)
class Search:
    """A search over a config, and what became of its best trial.

    Attributes:
        name: of the config.
        objectives: what was aimed at; the first decides.
        trials: in the order of their numbers.
        parameters: by dotted key, whether its range is logarithmic.
        best: number of the best trial; None before there is one.
        run: id of the run that the best was trained as; None before.
        level, sentence: of that run's verdict.
        sharpe: annual net Sharpe ratio of that run on the test spans.
        counted: trials on this series in the ledger, which that verdict is deflated by.
        facts: (name, value) of what the trials have in common.
        notes: what a reader must know besides.
    """

    name: str
    objectives: Sequence[Column]
    trials: Sequence[TrialRow]
    parameters: Mapping[str, bool]
    best: int | None = None
    run: str | None = None
    level: str | None = None
    sentence: str | None = None
    sharpe: float | None = None
    counted: int = 0
    facts: Sequence[tuple[str, str]] = ()
    notes: Sequence[str] = ()

    @property
    def complete(self) -> tuple[TrialRow, ...]:
        """The trials that were trained to the end."""
        return tuple(trial for trial in self.trials if trial.status == "complete")

    @property
    def winner(self) -> TrialRow | None:
        """The best trial."""
        return next((trial for trial in self.trials if trial.number == self.best), None)

    @property
    def front(self) -> tuple[TrialRow, ...]:
        """The Pareto front: complete trials that no other one equals in all objectives and beats in one."""
        signed = [[column.better * trial.scores[column.name] for column in self.objectives] for trial in self.complete]

        def beaten(own: list[float]) -> bool:
            return any(all(a >= b for a, b in zip(one, own, strict=True)) and one != own for one in signed)

        return tuple(trial for trial, own in zip(self.complete, signed, strict=True) if not beaten(own))

    def sensitivities(self) -> tuple[Sensitivity, ...]:
        """Returns what each parameter mattered to the first objective, the one that mattered most first."""
        column = self.objectives[0]
        rows = []
        for name in self.parameters:
            having = [trial for trial in self.complete if name in trial.settings]
            if having:
                values = [trial.settings[name] for trial in having]
                scores = [trial.scores[column.name] for trial in having]
                rows.append(sensitivity_of(name, values, scores, larger=column.better > 0))
        return tuple(sorted(rows, key=lambda row: (math.isnan(row.share), -row.share if row.share == row.share else 0)))

    @property
    def words(self) -> str:
        """What the search says, in words."""
        many: dict[str, int] = {}
        for trial in self.trials:
            many[trial.status] = many.get(trial.status, 0) + 1
        parts = {"complete": "complete", "pruned": "stopped early", "failed": "not trainable", "running": "unfinished"}
        shares = ", ".join(f"{count(many[status])} {text}" for status, text in parts.items() if status in many)
        head = f"{count(len(self.trials))} trial{'' if len(self.trials) == 1 else 's'} ({shares})"
        if self.winner is None:
            return f"{head}: none of them is complete."
        column = self.objectives[0]
        best = (
            f"trial {self.winner.number} with {column.title} {number(self.winner.scores[column.name], column.digits)}"
        )
        text = f"{head}: the best inside the training span is {best}"
        if self.sharpe is None:
            return f"{text}."
        return f"{text}; on the test spans, which no trial saw, its net Sharpe is {number(self.sharpe)}."

    def __repr__(self) -> str:
        return short(self, self.words)

    def to_frame(self) -> pd.DataFrame:
        """Returns a pandas frame of one row for each trial: its settings and its scores."""
        import pandas as pd

        return pd.DataFrame(
            [{"trial": trial.number, "status": trial.status, **trial.settings, **trial.scores} for trial in self.trials]
        )

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for JSON; what is not known is None."""
        values = plain(
            {
                "name": self.name,
                "sentence": self.words,
                "objectives": [column.name for column in self.objectives],
                "trials": [vars(trial) for trial in self.trials],
                "best": self.best,
                "front": [trial.number for trial in self.front],
                "sensitivity": [
                    {**vars(each), "parts": [vars(part) for part in each.parts]} for each in self.sensitivities()
                ],
                "run": self.run,
                "verdict": {"level": self.level, "sentence": self.sentence, "sharpe": self.sharpe},
                "trials_on_this_series": self.counted,
                "facts": dict(self.facts),
                "notes": list(self.notes),
            }
        )
        assert isinstance(values, dict)
        return values
