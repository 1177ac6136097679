"""What fits and trades: the walk-forward run, resume, judge again, backtest, signal, adapt, costs,
importance, stress, validate, reproduce, the run's leaks.

Each name is imported when it is first used: a command's help does not wait for torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.runs.adapting import Adaptation, adapt_run
    from regimen.runs.backtests import backtest_run
    from regimen.runs.collapse import Collapse, collapse_of
    from regimen.runs.contracts import check_model
    from regimen.runs.costs import CostLadder, cost_ladder
    from regimen.runs.doctor import Condition, examine
    from regimen.runs.exporting import Exported, export_run, revive
    from regimen.runs.guarding import GuardedRun, safeguards_of
    from regimen.runs.importance import FeatureImportance, Importance, importance_of
    from regimen.runs.leaks import find_run_leaks
    from regimen.runs.live import LiveCheck, LiveChecks, live_checks
    from regimen.runs.reproduce import reproduce_run
    from regimen.runs.retraining import (
        CardSighting,
        Happened,
        Retrained,
        RetrainSettings,
        retrain_feed,
        retrain_run,
        watch_feed,
        watch_run,
    )
    from regimen.runs.signals import Ahead, Holding, Signal, signal_of
    from regimen.runs.stress import Stress, stress_of
    from regimen.runs.validation import Validation, validate_run
    from regimen.runs.vault import lock_vault, open_vault
    from regimen.runs.walk_forward import rejudge_run, resume_run, start
    from regimen.runs.window import load_policy

__all__ = [
    "Adaptation",
    "Ahead",
    "CardSighting",
    "Collapse",
    "Condition",
    "CostLadder",
    "Exported",
    "FeatureImportance",
    "GuardedRun",
    "Happened",
    "Holding",
    "Importance",
    "LiveCheck",
    "LiveChecks",
    "RetrainSettings",
    "Retrained",
    "Signal",
    "Stress",
    "Validation",
    "adapt_run",
    "backtest_run",
    "check_model",
    "collapse_of",
    "cost_ladder",
    "examine",
    "export_run",
    "find_run_leaks",
    "importance_of",
    "live_checks",
    "load_policy",
    "lock_vault",
    "open_vault",
    "rejudge_run",
    "reproduce_run",
    "resume_run",
    "retrain_feed",
    "retrain_run",
    "revive",
    "safeguards_of",
    "signal_of",
    "start",
    "stress_of",
    "validate_run",
    "watch_feed",
    "watch_run",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "Adaptation": ".adapting",
        "Collapse": ".collapse",
        "Condition": ".doctor",
        "CostLadder": ".costs",
        "Exported": ".exporting",
        "FeatureImportance": ".importance",
        "GuardedRun": ".guarding",
        "Ahead": ".signals",
        "Holding": ".signals",
        "Importance": ".importance",
        "LiveCheck": ".live",
        "LiveChecks": ".live",
        "Happened": ".retraining",
        "Retrained": ".retraining",
        "RetrainSettings": ".retraining",
        "CardSighting": ".retraining",
        "Signal": ".signals",
        "Stress": ".stress",
        "Validation": ".validation",
        "adapt_run": ".adapting",
        "backtest_run": ".backtests",
        "check_model": ".contracts",
        "collapse_of": ".collapse",
        "cost_ladder": ".costs",
        "examine": ".doctor",
        "export_run": ".exporting",
        "find_run_leaks": ".leaks",
        "importance_of": ".importance",
        "live_checks": ".live",
        "load_policy": ".window",
        "lock_vault": ".vault",
        "open_vault": ".vault",
        "rejudge_run": ".walk_forward",
        "reproduce_run": ".reproduce",
        "resume_run": ".walk_forward",
        "retrain_feed": ".retraining",
        "retrain_run": ".retraining",
        "revive": ".exporting",
        "safeguards_of": ".guarding",
        "signal_of": ".signals",
        "start": ".walk_forward",
        "stress_of": ".stress",
        "validate_run": ".validation",
        "watch_feed": ".retraining",
        "watch_run": ".retraining",
    },
)
