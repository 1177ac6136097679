"""From a ledger to a judgement on disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from regimen.bars import Bars
from regimen.execution import Ledger
from regimen.judging import (
    Acting,
    ControlExperiment,
    Fan,
    SeedRow,
    Trials,
    Verdict,
    by_period,
    judge,
    judge_seeds,
    market_states,
    seed_summary,
)
from regimen.records import RunConfig, environment, model_title, now, recorded_files, write_json


def evaluate(
    ledger: Ledger,
    folder: Path,
    config: RunConfig,
    trials: Trials,
    edges: Sequence[int],
    progress: Callable[[int, int], None] | None = None,
    *,
    seeds: Mapping[int, Ledger] | None = None,
    acting: Acting | None = None,
    history: Bars | None = None,
    experiments: Callable[[Verdict], Sequence[ControlExperiment] | None] | None = None,
) -> dict[str, Any]:
    """Judges a ledger, and writes ``judgement.json`` and ``ledger/`` (fills and marks) into a folder.

    Args:
        ledger: the books.
        folder: of a run, or of a backtest inside it.
        config: of the run.
        trials: from the trial ledger, this evaluation included.
        edges: positions of the window bounds in the ledger, first and last included.
        progress: called after each random control with (done, all).
        seeds: the ledgers of all seeds, the judged one first.
        acting: how the policy does when it draws its actions; None where it cannot.
        history: the bars of the ledger and those before them; None knows of none before.
        experiments: see `regimen.judging.judge`.
    """
    rows = [SeedRow.of(seed, books) for seed, books in (seeds or {}).items()]
    settings = {"draws": config.judge.bootstrap_draws, "seed": config.seed}
    judgement = judge(
        ledger,
        trials,
        seed=config.seed,
        draws=config.judge.random_controls,
        bootstrap_draws=config.judge.bootstrap_draws,
        progress=progress,
        acting=acting,
        states=market_states(ledger.bars, history, ledger.market.latency_bars),
        experiments=experiments,
        seeds=seed_summary(rows, **settings) if len(rows) > 1 else None,
    )
    if len(rows) > 1:
        all_seeds, warnings = judge_seeds(rows, config.seed, **settings)
        verdict = replace(judgement.verdict, alarms=judgement.alarms + warnings)
        all_seeds = replace(all_seeds, fan=Fan.of(list((seeds or {}).values()), edges))
        judgement = replace(judgement, seeds=all_seeds, verdict=verdict)
    values = replace(judgement, windows=tuple(by_period(ledger, edges))).to_dict()
    ledger.write(folder / "ledger")
    write_json(folder / "judgement.json", values)
    return values


def evaluated_manifest(folder: Path, identity: str, config: RunConfig, fingerprint: str, source: str) -> dict[str, Any]:
    """Returns the manifest of an evaluation that is no training: a backtest, or a look into a vault.

    Args:
        folder: of it, complete but for its manifest.
        identity: what the trial ledger calls it.
        config: by which it was traded.
        fingerprint: of its bars.
        source: fingerprint of the whole series that they were cut from.
    """
    return {
        "id": identity,
        "status": "finished",
        "created": now(),
        "model": model_title(config.model),
        "seed": config.seed,
        "config": config.as_dict(),
        "config_hash": config.hash,
        "fingerprint": fingerprint,
        "source_fingerprint": source,
        "environment": environment(),
        "files": recorded_files(folder),
    }
