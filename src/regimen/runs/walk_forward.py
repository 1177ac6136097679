"""One run from top to bottom: prepare, fit window after window, trade in one account, judge, write it all down."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from regimen.errors import RunError
from regimen.execution import Ledger
from regimen.runs.config import RunConfig
from regimen.runs.directory import RunDirectory, environment, write_json
from regimen.runs.evaluate import evaluate, recorded_sharpe
from regimen.runs.prepare import Prepared, described, prepare
from regimen.runs.report import write_report
from regimen.runs.tracked import track_end, trackers_of
from regimen.runs.traded import UNITS, trade_seed
from regimen.runs.trials import Trial
from regimen.seeding import torch_seed
from regimen.splits import Window
from regimen.tracking import Trackers, require_trackers
from regimen.validation import Trials, timing_sharpe

Advance = Callable[[int, int, str], None]
"""Called with (steps done, steps in all, what is being done)."""


def start(config: RunConfig, root: Path, advance: Advance) -> tuple[RunDirectory, dict[str, Any]]:
    """Prepares, makes the run's folder, trains, judges.

    A mistake in config or data is found before the folder exists; one that strikes later removes it again. A process
    that is killed or interrupted leaves a folder that `resume_run` goes on with; a ``KeyboardInterrupt`` carries the
    folder's path.

    Returns:
        The run's folder and its judgement.
    """
    require_trackers(config.tracking)
    advance(0, 1, "bars, features, labels")
    prepared = prepare(config)
    directory = RunDirectory.create(root, prepared.config)
    try:
        describe(directory, prepared)
        return directory, train(prepared, directory, advance)
    except KeyboardInterrupt:
        if not directory.can_resume:
            shutil.rmtree(directory.path, ignore_errors=True)
            raise
        raise KeyboardInterrupt(str(directory.path)) from None
    except (Exception, SystemExit):
        shutil.rmtree(directory.path, ignore_errors=True)
        raise


def resume_run(directory: RunDirectory, advance: Advance) -> dict[str, Any]:
    """Goes on with a run that was stopped at any moment; it ends with the same bytes as one that never was.

    Raises:
        RunError: the run is finished already, or the data file has changed since.
    """
    manifest = directory.manifest()
    if manifest["status"] == "finished":
        raise RunError("run", "is finished already; `regimen report` shows it", directory.id)
    config = directory.located_config()
    require_trackers(config.tracking)
    prepared = prepare(config)
    require_same_data(prepared, manifest)
    try:
        return train(prepared, directory, advance)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(str(directory.path)) from None


def require_same_data(prepared: Prepared, manifest: dict[str, Any]) -> None:
    """Raises `RunError` when the bars are not those that the run was made with."""
    if prepared.bars.fingerprint != manifest["fingerprint"]:
        raise RunError(
            "data",
            f"must be the bars of the run, fingerprint {manifest['fingerprint'][:12]}",
            prepared.bars.source,
        )


def describe(directory: RunDirectory, prepared: Prepared) -> None:
    """Writes what is known before the first fit: config, data checks, manifest."""
    directory.write_config(prepared.config)
    write_json(directory.path / "data.json", described(prepared.loaded, prepared.source))
    write_manifest(directory, prepared, "running")


def write_manifest(directory: RunDirectory, prepared: Prepared, status: str) -> None:
    """Writes what the run depends on; its status is ``running`` until everything else is on disk."""
    config = prepared.config
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    write_json(
        directory.path / "manifest.json",
        {
            "id": directory.id,
            "name": config.name,
            "status": status,
            "created": now,
            "working_folder": directory.working_folder,
            "model": config.model.kind,
            "config_hash": config.hash,
            "fingerprint": prepared.bars.fingerprint,
            "features_hash": prepared.features.hash,
            "seed": config.seed,
            "torch_seed": torch_seed(config.seed, "weights"),
            "windows": [
                {
                    "number": w.number,
                    "train": [w.train.start, w.train.stop],
                    "validation": [w.validation.start, w.validation.stop],
                    "test": [w.test.start, w.test.stop],
                    "purged": w.purged,
                    "embargoed": w.embargoed,
                    "train_from": str(prepared.bars.time[w.train.start]),
                    "test_from": str(prepared.bars.time[w.test.start]),
                }
                for w in prepared.windows
            ],
            "trained_until": str(prepared.bars.time[prepared.windows[-1].test.start - 1]),
            "environment": environment(),
        },
    )


def train(
    prepared: Prepared, directory: RunDirectory, advance: Advance, trials: Trials | None = None
) -> dict[str, Any]:
    """Fits every window that is not finished yet, trades all test spans in one account, judges, writes the report.

    Args:
        prepared: see `prepare`.
        directory: where to write; finished windows in it are not fitted again.
        advance: progress.
        trials: what to judge by in a repetition, which is no new trial; None appends every fit and the evaluation to
            the trial ledger beside the runs, and judges by that.

    Returns:
        The judgement, as written to ``judgement.json``.

    Raises:
        ConfigError: a tracker that cannot be opened. A repetition is not tracked.
    """
    with Trackers() if trials is not None else trackers_of(prepared, directory) as trackers:
        return _train(prepared, directory, advance, trials, trackers)


def _train(
    prepared: Prepared, directory: RunDirectory, advance: Advance, trials: Trials | None, trackers: Trackers
) -> dict[str, Any]:
    config, windows, bars = prepared.config, prepared.windows, prepared.bars
    book = None if trials is not None else directory.trials
    units = len(windows) * UNITS
    total = len(config.all_seeds) * units + 2
    begin, end = prepared.span
    traded = []
    for number, seed in enumerate(config.all_seeds):

        def fitted(window: Window, seed: int = seed) -> None:
            if book is not None:
                book.append(trial(prepared, directory, seed, "fit", window.number, window.train.rows))

        def tell(done: int, said: str, offset: int = number * units) -> None:
            advance(offset + done, total, said)

        traded.append(trade_seed(prepared, directory, seed, fitted, tell, trackers))
    advance(total - 2, total, "backtest")
    market = config.market.build()
    tape = market.tape(bars)
    ledgers = [market.backtest(bars, one.targets, begin, end, tape=tape) for one in traded]
    advance(total - 1, total, "judging")
    if book is not None:
        for seed, ledger in zip(config.all_seeds, ledgers, strict=True):
            book.append(trial(prepared, directory, seed, "evaluation", 0, len(ledger), ledger))
        trials = book.trials(prepared.source, bars.periods_per_year)
    assert trials is not None
    edges = [window.test.start - begin for window in windows] + [end - begin]

    def on_draw(drawn: int, draws: int) -> None:
        advance(total - 1, total, f"judging · random control {drawn}/{draws}")

    judgement = evaluate(
        ledgers[0],
        directory.path,
        config,
        trials,
        edges,
        on_draw,
        seeds=dict(zip(config.all_seeds, ledgers, strict=True)),
        acting=traded[0].acting(market, bars, begin, end, tape),
    )
    write_report(directory)
    track_end(trackers, prepared, directory, traded[0].targets, judgement)
    write_manifest(directory, prepared, "finished")
    advance(total, total, "done")
    return judgement


def trial(
    prepared: Prepared,
    directory: RunDirectory,
    seed: int,
    kind: Literal["fit", "evaluation"],
    part: int,
    bars: int,
    ledger: Ledger | None = None,
) -> Trial:
    """Describes one fit or evaluation of a run for the trial ledger."""
    return Trial(
        kind=kind,
        run=directory.id if seed == prepared.config.seed else f"{directory.id}/seed-{seed}",
        part=part,
        data=prepared.bars.fingerprint,
        source=prepared.source,
        config=prepared.config.hash,
        model=prepared.config.model.kind,
        seed=seed,
        bars=bars,
        sharpe=None if ledger is None else recorded_sharpe(ledger),
        timing=None if ledger is None else timing_sharpe(ledger),
    )
