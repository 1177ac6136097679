"""Run directories, configs, the trial ledger, the walk-forward run, resume, reproduce.

Each name is imported when it is first used: whoever lists runs does not wait for torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.runs.backtests import backtest_run
    from regimen.runs.config import RunConfig, load_config
    from regimen.runs.directory import RunDirectory, require_finished
    from regimen.runs.documents import read_json
    from regimen.runs.leaks import find_run_leaks
    from regimen.runs.listing import find_run, list_runs
    from regimen.runs.report import judgement_now, write_report
    from regimen.runs.reproduce import reproduce_run
    from regimen.runs.trial import Trial
    from regimen.runs.trials import TrialLedger
    from regimen.runs.walk_forward import rejudge_run, resume_run, start

__all__ = [
    "RunConfig",
    "RunDirectory",
    "Trial",
    "TrialLedger",
    "backtest_run",
    "find_run",
    "find_run_leaks",
    "judgement_now",
    "list_runs",
    "load_config",
    "read_json",
    "rejudge_run",
    "reproduce_run",
    "require_finished",
    "resume_run",
    "start",
    "write_report",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "RunConfig": "config",
        "RunDirectory": "directory",
        "Trial": "trial",
        "TrialLedger": "trials",
        "backtest_run": "backtests",
        "find_run": "listing",
        "find_run_leaks": "leaks",
        "judgement_now": "report",
        "list_runs": "listing",
        "load_config": "config",
        "read_json": "documents",
        "rejudge_run": "walk_forward",
        "reproduce_run": "reproduce",
        "require_finished": "directory",
        "resume_run": "walk_forward",
        "start": "walk_forward",
        "write_report": "report",
    },
)
