"""Run directories, configs, the trial ledger, the walk-forward run, resume, reproduce."""

from regimen.runs.backtests import backtest_run
from regimen.runs.config import RunConfig, load_config
from regimen.runs.directory import RunDirectory, require_finished
from regimen.runs.documents import read_json
from regimen.runs.leaks import find_run_leaks
from regimen.runs.listing import find_run, list_runs
from regimen.runs.report import write_report
from regimen.runs.reproduce import reproduce_run
from regimen.runs.trials import Trial, TrialLedger
from regimen.runs.walk_forward import resume_run, start

__all__ = [
    "RunConfig",
    "RunDirectory",
    "Trial",
    "TrialLedger",
    "backtest_run",
    "find_run",
    "find_run_leaks",
    "list_runs",
    "load_config",
    "read_json",
    "reproduce_run",
    "require_finished",
    "resume_run",
    "start",
    "write_report",
]
