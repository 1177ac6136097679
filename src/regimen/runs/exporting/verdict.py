"""What a bundle says of its run's verdict: by all trials of today, and which data would settle it."""

from __future__ import annotations

from typing import Any

from regimen.bundle import VerdictThen
from regimen.errors import RunError
from regimen.records import RunDirectory, judgement_now

_POLICY = "policy"


def verdict_of(directory: RunDirectory) -> VerdictThen:
    """Returns the verdict of a finished run.

    Raises:
        RunError: the run was not judged, or its judgement is damaged.
    """
    if not (directory.path / "judgement.json").is_file():
        rule = "must have a verdict: it was never judged; `regimen report RUN --judge` does it"
        raise RunError("run", rule, directory.id)
    values = judgement_now(directory)
    verdict, trials = values["verdict"], values["trials"]
    level = verdict["level"] if trials["verdict_now"] in (None, "unknown") else trials["verdict_now"]
    row: dict[str, Any] = next((row for row in values["rows"] if row["name"] == _POLICY), {})
    return VerdictThen(
        level=str(level),
        sentence=str(verdict["sentence"]),
        settled_by=str(verdict.get("paragraph", "")),
        alarms=tuple(str(alarm["sentence"]) for alarm in values.get("alarms", ())),
        trials=int(trials["now"]),
        sharpe=_number(row, "sharpe"),
        net_return=_number(row, "total_return"),
        volatility=_number(row, "volatility"),
    )


def _number(row: dict[str, Any], name: str) -> float | None:
    value = row.get(name)
    return float(value) if isinstance(value, int | float) else None
