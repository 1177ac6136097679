"""What is on record: the config of a run, its folder, its trials, its report, runs beside each other. No torch.

Each name is imported when it is first used: whoever lists runs does not wait for what reads bars.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.records.config import RunConfig, load_config
    from regimen.records.directory import RunDirectory, require_finished
    from regimen.records.documents import read_json
    from regimen.records.judgement import judgement_now
    from regimen.records.listing import find_run, list_runs
    from regimen.records.report import write_report
    from regimen.records.trial import Trial
    from regimen.records.trials import TrialLedger

__all__ = [
    "RunConfig",
    "RunDirectory",
    "Trial",
    "TrialLedger",
    "find_run",
    "judgement_now",
    "list_runs",
    "load_config",
    "read_json",
    "require_finished",
    "write_report",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "RunConfig": ".config",
        "RunDirectory": ".directory",
        "Trial": ".trial",
        "TrialLedger": ".trials",
        "find_run": ".listing",
        "judgement_now": ".judgement",
        "list_runs": ".listing",
        "load_config": ".config",
        "read_json": ".documents",
        "require_finished": ".directory",
        "write_report": ".report",
    },
)
