"""What happened in a plan, in order: rows of its journal, and a section of the report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from regimen.journal import JournalRow
from regimen.reporting.report import Exhibit
from regimen.runs.plan.machine import Place

_OUTCOMES = {
    None: "It was stopped before its end.",
    "passed": "All phases were tried, and the last gate was passed.",
    "rolled back": "The last phase was given up; the result is that of the last gate that was passed.",
    "baseline": "No gate was left to go back to; the result is the supervised baseline.",
}


@dataclass(frozen=True)
class Attempt:
    """One attempt of a phase.

    Attributes:
        phase, attempt: which, from 0.
        name: of the phase.
        run: id of its run.
        passed: whether all gates were.
        reasons: what each gate measured, in words.
        after: what came next, in words.
    """

    phase: int
    attempt: int
    name: str
    run: str
    passed: bool
    reasons: tuple[str, ...]
    after: str

    def to_row(self, plan: str, at: int) -> JournalRow:
        """Returns the journal's row of it."""
        request = json.dumps({"name": self.name, "run": self.run}, sort_keys=True).encode()
        decision = json.dumps(asdict(self), sort_keys=True).encode()
        return JournalRow(plan, self.name, self.attempt, "attempt", request, decision, at)

    @classmethod
    def of_row(cls, row: JournalRow) -> Self:
        """Reads what `to_row` wrote."""
        values: dict[str, Any] = json.loads(row.decision)
        return cls(**{**values, "reasons": tuple(values["reasons"])})


def in_words(before: Place, after: Place, names: Sequence[str]) -> str:
    """Returns what an attempt led to."""
    if after.end == "baseline":
        return "fell back to the baseline"
    if len(after.dropped) > len(before.dropped):
        checkpoint = after.checkpoint
        return f"given up; back to {names[checkpoint]}" if checkpoint is not None else "given up"
    if after.phase == before.phase:
        return "again, with another seed" + (" and learning rate" if after.attempt >= 2 else "")
    return "passed"


def timeline_exhibit(attempts: Sequence[Attempt], place: Place, result: str) -> Exhibit:
    """Returns the section "The plan" of a report."""
    rows = tuple(
        (each.name, str(each.attempt + 1), each.run, "; ".join(each.reasons) or "no gate", each.after)
        for each in attempts
    )
    sentences = (_OUTCOMES[place.end], f"The result is run {result}. Every attempt is a trial of its own.")
    return Exhibit("plan", "The plan", sentences, ("phase", "attempt", "run", "gates", "then"), rows)
