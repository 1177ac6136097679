"""The judgement of a run, read from its folder, and what the trials of now make of it."""

from __future__ import annotations

from typing import Any

from regimen.judging import Judgement, Trials, dsr_now, level_now
from regimen.records.directory import RunDirectory, require_finished
from regimen.records.documents import plain, read_json
from regimen.records.trials import counted

UNKNOWN = "unknown"
"""The verdict by the trials of now on a judgement of an earlier version, which knew no timing."""


def judgement_now(directory: RunDirectory) -> dict[str, Any]:
    """Returns the judgement of a finished run; its ``trials`` also say what `by_trials_of_now` does.

    Raises:
        RunError: the run is not finished, or damaged.
    """
    require_finished(directory)
    directory.require_undamaged("data.json", "judgement.json")
    values, data = (read_json(directory.path / name) for name in ("judgement.json", "data.json"))
    judgement = Judgement.from_dict(values)
    rows = directory.trials.rows(data["source_fingerprint"])
    values["trials"] |= by_trials_of_now(judgement, counted(rows, judgement.sample.periods_per_year))
    return values


def by_trials_of_now(judgement: Judgement, trials: Trials) -> dict[str, Any]:
    """Returns how many trials are recorded ``now``, and the ``dsr_now`` and ``verdict_now`` by all of them, for JSON.

    A judgement was deflated by the trials of its day: where more are recorded since, its own DSR is stale.

    Args:
        judgement: of that day.
        trials: of now.
    """
    timing = judgement.timing
    values: dict[str, Any] = plain(
        {
            "now": trials.count,
            "dsr_now": None if timing is None else dsr_now(timing, trials),
            "verdict_now": UNKNOWN if timing is None else level_now(judgement, timing, trials),
        }
    )
    return values
