"""What is on record: the config of a run, its folder, its trials, its report, runs beside each other. No torch.

Each name is imported when it is first used: whoever lists runs does not wait for what reads bars.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.records.checksums import SEAL, has_its_seal, recorded_files, sealed
    from regimen.records.choice import choose_model, with_kind
    from regimen.records.compare import compare_runs, find_runs, write_comparison
    from regimen.records.config import (
        PLAN,
        SEARCH,
        ControlsConfig,
        EnvironmentConfig,
        JudgeConfig,
        RunConfig,
        ScalerConfig,
        as_written,
        load_config,
        read_yaml,
        resolve,
        unread_by,
    )
    from regimen.records.directory import (
        RunDirectory,
        code_version,
        environment,
        located,
        new_id,
        now,
        require_finished,
    )
    from regimen.records.documents import plain, read_json, write_json
    from regimen.records.effort import Effort, count_parameters
    from regimen.records.exports.returns import returns_table, write_returns
    from regimen.records.judgement import judgement_now
    from regimen.records.leftovers import SCRATCH, find_leftovers
    from regimen.records.listing import LATEST, find_run, folders_of_runs, list_runs, names_of_runs
    from regimen.records.manifest import CONFIG, write_manifest
    from regimen.records.models import (
        EnsembleConfig,
        Member,
        MetaConfig,
        model_config,
        model_names,
        model_title,
        own_model,
        parts_of,
    )
    from regimen.records.recorded import read_sketch
    from regimen.records.report import read_exhibits, write_exhibits, write_report
    from regimen.records.returns import DailyReturns, TrialReturns, daily_text, evaluated, recorded_sharpe
    from regimen.records.trial import Trial
    from regimen.records.trials import TrialLedger

__all__ = [
    "CONFIG",
    "LATEST",
    "PLAN",
    "SCRATCH",
    "SEAL",
    "SEARCH",
    "ControlsConfig",
    "DailyReturns",
    "Effort",
    "EnsembleConfig",
    "EnvironmentConfig",
    "JudgeConfig",
    "Member",
    "MetaConfig",
    "RunConfig",
    "RunDirectory",
    "ScalerConfig",
    "Trial",
    "TrialLedger",
    "TrialReturns",
    "as_written",
    "choose_model",
    "code_version",
    "compare_runs",
    "count_parameters",
    "daily_text",
    "environment",
    "evaluated",
    "find_leftovers",
    "find_run",
    "find_runs",
    "folders_of_runs",
    "has_its_seal",
    "judgement_now",
    "list_runs",
    "load_config",
    "located",
    "model_config",
    "model_names",
    "model_title",
    "names_of_runs",
    "new_id",
    "now",
    "own_model",
    "parts_of",
    "plain",
    "read_exhibits",
    "read_json",
    "read_sketch",
    "read_yaml",
    "recorded_files",
    "recorded_sharpe",
    "require_finished",
    "resolve",
    "returns_table",
    "sealed",
    "unread_by",
    "with_kind",
    "write_comparison",
    "write_exhibits",
    "write_json",
    "write_manifest",
    "write_report",
    "write_returns",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "returns_table": ".exports.returns",
        "write_returns": ".exports.returns",
        "CONFIG": ".manifest",
        "DailyReturns": ".returns",
        "daily_text": ".returns",
        "evaluated": ".returns",
        "recorded_sharpe": ".returns",
        "TrialReturns": ".returns",
        "Effort": ".effort",
        "EnsembleConfig": ".models",
        "EnvironmentConfig": ".config",
        "ControlsConfig": ".config",
        "JudgeConfig": ".config",
        "ScalerConfig": ".config",
        "SCRATCH": ".leftovers",
        "SEAL": ".checksums",
        "PLAN": ".config",
        "SEARCH": ".config",
        "as_written": ".config",
        "choose_model": ".choice",
        "code_version": ".directory",
        "compare_runs": ".compare",
        "count_parameters": ".effort",
        "environment": ".directory",
        "find_leftovers": ".leftovers",
        "find_runs": ".compare",
        "has_its_seal": ".checksums",
        "Member": ".models",
        "MetaConfig": ".models",
        "model_config": ".models",
        "model_names": ".models",
        "model_title": ".models",
        "located": ".directory",
        "new_id": ".directory",
        "now": ".directory",
        "own_model": ".models",
        "parts_of": ".models",
        "plain": ".documents",
        "recorded_files": ".checksums",
        "sealed": ".checksums",
        "write_comparison": ".compare",
        "write_json": ".documents",
        "write_manifest": ".manifest",
        "RunConfig": ".config",
        "RunDirectory": ".directory",
        "Trial": ".trial",
        "TrialLedger": ".trials",
        "find_run": ".listing",
        "folders_of_runs": ".listing",
        "judgement_now": ".judgement",
        "LATEST": ".listing",
        "list_runs": ".listing",
        "names_of_runs": ".listing",
        "load_config": ".config",
        "read_yaml": ".config",
        "with_kind": ".choice",
        "resolve": ".config",
        "unread_by": ".config",
        "read_json": ".documents",
        "read_sketch": ".recorded",
        "require_finished": ".directory",
        "read_exhibits": ".report",
        "write_exhibits": ".report",
        "write_report": ".report",
    },
)
