"""The judgement of a run, read from its folder."""

from __future__ import annotations

from typing import Any

from regimen.records.directory import RunDirectory, require_finished
from regimen.records.documents import read_json
from regimen.records.trials import counted


def judgement_now(directory: RunDirectory) -> dict[str, Any]:
    """Returns the judgement of a finished run, with the number of trials that are recorded ``now``.

    Raises:
        RunError: the run is not finished, or damaged.
    """
    require_finished(directory)
    directory.require_undamaged("data.json", "judgement.json")
    judgement, data = (read_json(directory.path / name) for name in ("judgement.json", "data.json"))
    judgement["trials"]["now"] = counted(directory.trials.rows(data["source_fingerprint"]), 1.0).count
    return judgement
