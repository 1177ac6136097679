"""One run from top to bottom: prepare, fit window after window, trade in one account, judge, write it all down."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from regimen.errors import RegimenError, RunError
from regimen.execution import Ledger
from regimen.files import appearing, write_text
from regimen.judging import Trials
from regimen.own import OwnSource
from regimen.records import (
    CONFIG,
    RunConfig,
    RunDirectory,
    Trial,
    environment,
    evaluated,
    model_title,
    new_id,
    now,
    parts_of,
    recorded_files,
    require_finished,
    write_exhibits,
    write_json,
    write_manifest,
    write_report,
)
from regimen.records.layout import EXHIBITS
from regimen.runs.controls import Experiments
from regimen.runs.data_file import on_file
from regimen.runs.evaluate import evaluate
from regimen.runs.exhibits import exhibits_of
from regimen.runs.families import require_own_code
from regimen.runs.families.ensembles.members import tried
from regimen.runs.guarding import confidences, policies_of, trade
from regimen.runs.prepare import Prepared, described, prepare, require_same_data, require_same_features, require_trained
from regimen.runs.tracked import track_end, trackers_of
from regimen.runs.traded import UNITS, home_of, trade_seed
from regimen.runs.vault import require_shut, vault_span
from regimen.runs.workers import deciding
from regimen.seeding import torch_seed
from regimen.splits import Window
from regimen.tracking import Trackers, require_trackers
from regimen.work import HERE, Mapper

_JUDGED = ("judgement.json", "exhibits.json", "ledger/")
Floats = NDArray[np.float64]
Advance = Callable[[int, int, str], None]
"""Called with (steps done, steps in all, what is being done)."""


def start(
    config: RunConfig, root: Path, advance: Advance, mapper: Mapper = HERE, *, name: str | None = None
) -> tuple[RunDirectory, dict[str, Any]]:
    """Prepares, makes the run's folder, trains, judges.

    A mistake in config or data is found before the folder exists; one that strikes before the first checkpoint removes
    it again. After that nothing does: whatever ends the run early leaves a folder that `resume_run` goes on with, and
    says so; a ``KeyboardInterrupt`` carries the folder's path.

    Args:
        config: of the run.
        root: the folder of runs.
        advance: progress.
        mapper: where windows are fitted; every byte is the same wherever that is.
        name: of the folder; None: a new id.

    Returns:
        The run's folder and its judgement.
    """
    require_trackers(config.tracking)
    require_own_code(config)
    advance(0, 1, "bars, features, labels")
    prepared = prepare(config)
    data = on_file(config.data, root)
    prepared = replace(prepared, config=prepared.config.model_copy(update={"data": data}))
    directory = _create(root, prepared, name or new_id())
    with directory.locked("trained"):
        try:
            with _saying_how_to_go_on(directory):
                return directory, train(prepared, directory, advance, mapper=mapper)
        except (Exception, SystemExit):
            if not directory.has_begun:
                shutil.rmtree(directory.path, ignore_errors=True)
            raise


def _create(root: Path, prepared: Prepared, name: str) -> RunDirectory:
    """Makes the folder of a new run, which appears with its manifest or not at all."""
    path = root / name
    if root.exists() and not root.is_dir():
        raise RunError("runs", "must be a folder", str(root))
    try:
        with appearing(path) as draft:
            describe(RunDirectory(draft), prepared)
    except OSError as error:
        raise RunError("runs", f"must be a writable folder ({error.strerror or error})", str(root)) from None
    return RunDirectory(path)


@contextmanager
def _saying_how_to_go_on(directory: RunDirectory) -> Iterator[None]:
    """Adds to what ends a run early that its work is kept, once there is some."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(str(directory.path)) from None
    except (RegimenError, OSError) as error:
        if not directory.has_begun:
            raise
        if isinstance(error, OSError):
            place = error.filename or str(directory.path)
            error = RunError(str(place), f"must be usable ({error.strerror or error})")
        raise error.adding(f"; its work is kept: `regimen resume {directory.path}` continues it") from None


def resume_run(directory: RunDirectory, advance: Advance, mapper: Mapper = HERE) -> dict[str, Any]:
    """Goes on with a run that was stopped at any moment; it ends with the same bytes as one that never was.

    Raises:
        RunError: the run is finished already or being worked on, its config or a file of it is not what was written,
            or the data file has changed since.
    """
    with directory.locked("trained"):
        manifest = directory.manifest()
        if manifest["status"] == "finished":
            raise RunError("run", "is finished already; `regimen report` shows it", directory.id)
        require_trained(manifest)
        directory.require_undamaged()
        config = directory.located_config()
        require_trackers(config.tracking)
        require_own_code(config)
        advance(0, 1, "bars, features, labels")
        prepared = prepare(config)
        require_same_data(prepared.bars, manifest)
        require_same_features(prepared, manifest)
        with _saying_how_to_go_on(directory):
            return train(prepared, directory, advance, mapper=mapper)


def rejudge_run(directory: RunDirectory, advance: Advance) -> dict[str, Any]:
    """Judges a finished run again, by all trials that are recorded now; no trial is added.

    Nothing is fitted but the control experiments of a run that looks good and has none yet.

    Raises:
        RunError: the run is not finished or being worked on, what it was judged from is not what was written, or the
            data file has changed since.
    """
    with directory.locked("judged"):
        manifest = require_finished(directory)
        require_trained(manifest)
        directory.require_undamaged("data.json", "windows/*", "seeds/*")
        prepared = prepare(directory.located_config())
        require_same_data(prepared.bars, manifest)
        return _train(prepared, directory, advance, None, Trackers(), HERE)


def describe(directory: RunDirectory, prepared: Prepared) -> None:
    """Writes what is known before the first fit: config, data checks, manifest."""
    write_text(directory.path / CONFIG, prepared.config.to_yaml())
    write_json(directory.path / "data.json", described(prepared.loaded, prepared.series.fingerprint))
    for name, part in parts_of(prepared.config):
        if isinstance(part, OwnSource):
            part.copy_to(directory.path / "sources", f"{name}.source")
    _tell(directory, prepared, "running")


def _tell(directory: RunDirectory, prepared: Prepared, status: str) -> None:
    """Writes the manifest; its status is ``running`` until everything else is on disk.

    What was recorded of a file when it was finished stays as it was: a file that has changed since is damaged. Only
    the judgement and its ledger may be written again, by whoever judges a run by the trials of now.
    """
    config = prepared.config
    before = directory.manifest() if directory.can_resume else {}
    groups = {name: list(columns) for name, columns in prepared.features.groups.items()}
    made_by = {"features_hash": prepared.features.hash, "features": groups, "environment": environment()}
    if before.get("status") == "finished":  # judging again makes nothing that these would tell of
        made_by |= {name: before[name] for name in made_by if name in before}
    kept = {name: checksum for name, checksum in (before.get("files") or {}).items() if not name.startswith(_JUDGED)}
    write_manifest(
        directory.path,
        {
            "id": directory.id,
            "name": config.name,
            "status": status,
            "created": before.get("created", now()),
            "config": config.as_dict() if not before else before.get("config"),
            "files": recorded_files(directory.path) | kept,
            "working_folder": directory.working_folder,
            "model": model_title(config.model),
            "config_hash": config.hash,
            "fingerprint": prepared.bars.fingerprint,
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
            **made_by,
            **_vault(prepared, before),
        },
    )


def _vault(prepared: Prepared, before: dict[str, Any]) -> dict[str, Any]:
    """The span that the run's config locks, as the manifest has it; nothing where it locks none."""
    data = prepared.config.data
    if data.vault is None:
        return {}
    return {"vault": before.get("vault") or vault_span(data, prepared.bars)}


def train(
    prepared: Prepared,
    directory: RunDirectory,
    advance: Advance,
    trials: Trials | None = None,
    mapper: Mapper = HERE,
    *,
    controls: bool = True,
) -> dict[str, Any]:
    """Fits every window that is not finished yet, trades all test spans in one account, judges, writes the report.

    Args:
        prepared: see `prepare`.
        directory: where to write; finished windows in it are not fitted again.
        advance: progress.
        trials: what to judge by in a repetition, which is no new trial; None appends every fit and the evaluation to
            the trial ledger beside the runs, and judges by that.
        controls: whether control experiments are made where the config has them.
        mapper: where windows are fitted.

    Returns:
        The judgement, as written to ``judgement.json``.

    Raises:
        ConfigError: a tracker that cannot be opened. A repetition is not tracked.
    """
    with Trackers() if trials is not None else trackers_of(prepared, directory) as trackers:
        return _train(prepared, directory, advance, trials, trackers, mapper, controls)


def _train(
    prepared: Prepared,
    directory: RunDirectory,
    advance: Advance,
    trials: Trials | None,
    trackers: Trackers,
    mapper: Mapper,
    controls: bool = True,
) -> dict[str, Any]:
    config, windows, bars = prepared.config, prepared.windows, prepared.bars
    book = None if trials is not None else directory.trials
    units = len(windows) * UNITS
    total = len(config.all_seeds) * units + 2
    begin, end = prepared.span
    if book is not None and directory.status != "finished":
        require_shut(book, prepared.series.fingerprint, prepared.series.sketch, bars)
    traded = []
    with deciding(prepared, directory, mapper, lambda done, message: advance(done, total, message)) as decides:
        for number, seed in enumerate(config.all_seeds):

            def fitted(window: Window, seed: int = seed) -> None:
                if book is not None:
                    fit = trial(prepared, directory, seed, "fit", window.number, window.train.rows)
                    members = [replace(fit, config=own, model=kind, seed=s) for own, kind, s in tried(config, seed)]
                    for each in (fit, *members):
                        book.append(each, prepared.series.sketch, directory.path)

            def tell(done: int, message: str, offset: int = number * units) -> None:
                if mapper is HERE:  # workers tell of themselves
                    advance(offset + done, total, message)

            traded.append(trade_seed(prepared, directory, seed, decides, fitted, tell, trackers))
    advance(total - 2, total, "backtest")
    tape = config.market.build().tape(bars)
    known = [_confidence(prepared, directory, seed) for seed in config.all_seeds]
    ledgers = [
        trade(config, bars, one.targets, begin, end, sure, tape=tape) for one, sure in zip(traded, known, strict=True)
    ]
    advance(total - 1, total, "judging")
    if book is not None:
        for seed, ledger in zip(config.all_seeds, ledgers, strict=True):
            evaluation = trial(prepared, directory, seed, "evaluation", 0, len(ledger), ledger)
            book.append(evaluation, prepared.series.sketch, directory.path)
        trials = book.trials(prepared.series.fingerprint, bars.periods_per_year)
        trials = replace(trials, effective=book.effective(prepared.series.fingerprint, trials.count))
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
        acting=traded[0].acting(config, bars, begin, end, tape, known[0]),
        history=bars,
        experiments=Experiments(prepared, directory, ledgers[0], advance) if controls else None,
    )
    if directory.status != "finished":  # judging again says nothing new of the models
        write_exhibits(directory, EXHIBITS[0], exhibits_of(prepared, directory))
    write_report(directory, folder=directory.path)
    track_end(trackers, prepared, directory, traded[0].targets, judgement)
    _tell(directory, prepared, "finished")
    advance(total, total, "done")
    return judgement


def _confidence(prepared: Prepared, directory: RunDirectory, seed: int) -> Floats | None:
    """Returns how sure the policies of a seed are, where the run's safeguards ask for it."""
    home = home_of(directory, prepared.config, seed)
    load = policies_of(home, prepared.config, prepared)
    return confidences(prepared.config, prepared.history, prepared.windows, load)


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
    line = Trial(
        kind=kind,
        run=directory.id if seed == prepared.config.seed else f"{directory.id}/seed-{seed}",
        part=part,
        data=prepared.bars.fingerprint,
        source=prepared.series.fingerprint,
        config=prepared.config.hash,
        model=model_title(prepared.config.model),
        seed=seed,
        bars=bars,
        features=directory.manifest()["features_hash"],
    )
    return line if ledger is None else evaluated(line, ledger)
