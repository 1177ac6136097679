"""Running a run again, and comparing every file that holds a number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regimen.files import scratch
from regimen.judging import Trials
from regimen.records import SCRATCH, RunDirectory, environment, read_json, require_finished
from regimen.records.layout import EXHIBITS, WRAPPERS
from regimen.runs.prepare import prepare, require_same_data, require_trained
from regimen.runs.walk_forward import describe, train

_COMPARED = (
    "*.safetensors",
    "*.npy",
    "*.parquet",
    "scaler.json",
    "preprocess.json",
    "calibration.json",
    "exposure.json",
    *WRAPPERS.values(),
    EXHIBITS[0],
    "history.json",
    "predictor.json",
    "judgement.json",
)


@dataclass(frozen=True)
class Repetition:
    """What came out of a repetition.

    Attributes:
        files: how many files were compared.
        differing: those whose bytes differ or that exist on one side only, relative to the run's folder.
        notes: differences of code, packages or machine that may explain them.
    """

    files: int
    differing: tuple[str, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"files": self.files, "differing": list(self.differing), "notes": list(self.notes)}


def reproduce_run(directory: RunDirectory, advance: Callable[[int, int, str], None]) -> Repetition:
    """Trains a finished run again in a temporary folder and compares weights, exposures, ledger and judgement.

    The trial ledger is not touched: a repetition is no new trial, and it is judged by the count of its day.

    Raises:
        RunError: the run is not finished or damaged, or its data file has changed since.
    """
    manifest = require_finished(directory)
    require_trained(manifest)
    directory.require_undamaged()
    judgement = read_json(directory.path / "judgement.json")
    counted = judgement["trials"]
    trials = Trials(
        counted["count"],
        counted["sharpe_variance"],
        counted["effective"],
        counted["measured"],
        counted.get("timing_variance"),
    )
    advance(0, 1, "bars, features, labels")
    prepared = prepare(directory.located_config())
    require_same_data(prepared.bars, manifest)
    with scratch(SCRATCH) as place:
        again = RunDirectory(place / directory.id)
        again.path.mkdir()
        describe(again, prepared)
        train(prepared, again, advance, trials, controls=judgement.get("controls") is not None)
        return _compare(directory, again, manifest["environment"])


def _numbers(root: Path) -> set[str]:
    return {
        str(path.relative_to(root))
        for pattern in _COMPARED
        for path in root.rglob(pattern)
        if {"backtests", "wandb"}.isdisjoint(path.relative_to(root).parts)
    }


def _compare(old: RunDirectory, new: RunDirectory, before: dict[str, Any]) -> Repetition:
    names = _numbers(old.path) | _numbers(new.path)
    if not (old.path / EXHIBITS[0]).exists():  # it was made before there were any, or had nothing to show
        names.discard(EXHIBITS[0])
    differing = []
    for name in sorted(names):
        left, right = old.path / name, new.path / name
        if not (left.exists() and right.exists() and left.read_bytes() == right.read_bytes()):
            differing.append(name)
    now = environment()
    notes = [f"{key}: {before.get(key)} then, {now[key]} now" for key in sorted(now) if before.get(key) != now[key]]
    return Repetition(len(names), tuple(differing), tuple(notes))
