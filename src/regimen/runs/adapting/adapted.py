"""The folder of an adapted run: one window, whose model was adapted and not trained."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimen.bars import DataConfig
from regimen.errors import RunError
from regimen.execution import Ledger
from regimen.files import appearing, write_text
from regimen.records import (
    CONFIG,
    RunConfig,
    RunDirectory,
    Trial,
    environment,
    now,
    recorded_files,
    write_json,
    write_manifest,
    write_report,
)
from regimen.records.layout import CHECKPOINT, DRAWN, EXPOSURES, LAST, MODEL, UNADAPTED
from regimen.runs.adapting.learner import NewestModel
from regimen.runs.data_file import on_file
from regimen.runs.evaluate import evaluate
from regimen.runs.prepare import WholeSeries, described
from regimen.runs.window import write_exposures

FILE = "adaptation.json"
_OF_ITS_OWN = (MODEL, LAST, UNADAPTED, CHECKPOINT, EXPOSURES, DRAWN)
"""What the adapted run does not take over from the window that it comes from."""


def write_adapted(
    origin: RunDirectory,
    name: str,
    learner: NewestModel,
    exposures: NDArray[np.float64],
    ledger: Ledger,
    series: WholeSeries,
    trial: Trial,
    about: Mapping[str, Any],
) -> RunDirectory:
    """Writes an adapted run beside the one that it comes from.

    Args:
        origin: that run; it is only read.
        name: id of the new one.
        learner: its model as it is now.
        exposures: (time, symbol) of the held out bars, each decided by the model adapted before it.
        ledger: of these decisions.
        series: by which trials are counted.
        trial: as it was recorded.
        about: what adapting was worth.

    Raises:
        RunError: the folder of runs cannot be written to.
    """
    prepared, manifest, root = learner.prepared, origin.manifest(), origin.home
    bars, window = prepared.bars, manifest["windows"][-1]
    first = int(window["test"][0])
    config = prepared.config.model_copy(update={"data": on_file(DataConfig.of_bars(bars), root)})
    try:
        with appearing(root / name) as draft:
            _write_window(RunDirectory(draft).window(0), learner, exposures[first:])
            write_text(draft / CONFIG, config.to_yaml())
            write_json(draft / "data.json", described(prepared.loaded, series.fingerprint))
            write_json(draft / FILE, about)
            if (origin.path / "sources").exists():
                shutil.copytree(origin.path / "sources", draft / "sources")
            _write_manifest(draft, name, "running", config, learner, manifest, origin.id)
    except OSError as error:
        raise RunError("runs", f"must be a writable folder ({error.strerror or error})", str(root)) from None
    directory = RunDirectory(root / name)
    directory.trials.append(trial, series.sketch, directory.path)
    trials = directory.trials.trials(series.fingerprint, bars.periods_per_year)
    evaluate(ledger, directory.path, config, trials, [0, len(ledger)], history=bars)
    write_report(directory, folder=directory.path)
    _write_manifest(directory.path, name, "finished", config, learner, manifest, origin.id)
    return directory


def _write_window(folder: Path, learner: NewestModel, exposures: NDArray[np.float64]) -> None:
    """Writes the model, its start, and all that stays around it."""
    shutil.copytree(learner.folder, folder, ignore=shutil.ignore_patterns(*_OF_ITS_OWN), dirs_exist_ok=True)
    adapted = learner.predictor.state()
    learner.predictor.save(folder / MODEL)
    learner.predictor.load_state(learner.start)
    learner.predictor.save(folder / UNADAPTED)
    learner.predictor.load_state(adapted)
    write_exposures(folder / EXPOSURES, exposures)


def _write_manifest(
    folder: Path,
    name: str,
    status: str,
    config: RunConfig,
    learner: NewestModel,
    origin: dict[str, Any],
    comes_from: str,
) -> None:
    bars = learner.prepared.bars
    window = origin["windows"][-1]
    last = str(bars.time[-1])
    changed = {
        "id": name,
        "status": status,
        "created": now(),
        "adapted_from": comes_from,
        "config": config.as_dict(),
        "config_hash": config.hash,
        "fingerprint": bars.fingerprint,
        "environment": environment(),
        "windows": [{**window, "number": 0, "test": [window["test"][0], len(bars)], "test_from": last}],
        "trained_until": last,
        "files": recorded_files(folder),
    }
    write_manifest(folder, {**origin, **changed})
