"""What a run's folder tells of its trials, so that a ledger that is lost can be made again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from regimen.bars import Sketch
from regimen.errors import RunError
from regimen.files import write_bytes
from regimen.records.checksums import SEAL, has_its_seal, sealed
from regimen.records.documents import plain, read_json, write_json
from regimen.records.layout import VAULT
from regimen.records.trial import COLUMNS, DAILY, Trial

TRIALS, SKETCH = "trials.json", "series.sketch"
"""In a run's folder and in a backtest's: the trials made there, and the sketch of their series."""

Recorded = tuple[str, Trial, Sketch | None]
"""When a trial was made (ISO), the trial, and what its series is known by."""


def record(folder: Path, trial: Trial, sketch: Sketch) -> None:
    """Writes a trial into the folder that it belongs to; once, however often a run is resumed.

    Raises:
        RunError: what stands there already is not what was written.
    """
    content, path = sketch.to_bytes(), folder / SKETCH
    if not path.exists():
        write_bytes(path, content)
    elif path.read_bytes() != content:
        raise RunError("run", f"holds a damaged {SKETCH}: it is not that of the run's bars", str(folder))
    rows = _rows(folder) or []
    row = asdict(trial)
    daily = row.pop(DAILY)
    if any({name: each.get(name) for name in COLUMNS} == row for each in rows):
        return
    rows.append({"at": datetime.now(UTC).isoformat(timespec="seconds"), **row} | ({DAILY: daily} if daily else {}))
    write_json(folder / TRIALS, sealed(plain({"trials": rows})))


def recorded(root: Path) -> tuple[list[Recorded], int]:
    """Returns the trials that the runs of a folder, their backtests and its searches tell of, oldest first.

    And how many folders cannot be read: a damaged one hides no other.
    """
    files = ("*/manifest.json", "*/backtests/*/judgement.json", f"*/{VAULT}*/judgement.json", f"*/trials/*/{TRIALS}")
    folders = [path.parent for form in files for path in root.glob(form)]
    trials: list[Recorded] = []
    damaged = 0
    for folder in sorted(folders):
        try:
            trials += _trials_of(folder)
        except (RunError, KeyError, TypeError, StopIteration):
            damaged += 1
    return sorted(trials, key=lambda each: each[0]), damaged


def read_sketch(folder: Path) -> Sketch | None:
    """Returns what the market of a run or backtest is known by; None where its folder does not tell."""
    try:
        return Sketch.from_bytes((folder / SKETCH).read_bytes())
    except (OSError, ValueError):
        return None


def _trials_of(folder: Path) -> list[Recorded]:
    sketch = read_sketch(folder)
    rows = _rows(folder)
    if rows is None:
        return [(at, trial, sketch) for at, trial in _earlier(folder)]
    return [
        (str(row["at"]), Trial(**{name: row[name] for name in (*COLUMNS, DAILY) if name in row}), sketch)
        for row in rows
    ]


def _rows(folder: Path) -> list[dict[str, Any]] | None:
    """The trials of a folder; None where it holds no such file."""
    if not (folder / TRIALS).exists():
        return None
    values = read_json(folder / TRIALS)
    rows = values.get("trials")
    if not (isinstance(rows, list) and SEAL in values and has_its_seal(values)):
        raise RunError("run", f"holds a damaged {TRIALS}: its checksum differs", str(folder))
    return rows


def _earlier(folder: Path) -> Iterator[tuple[str, Trial]]:
    """The evaluation of a finished run of a version that wrote no trials down, from its manifest and judgement."""
    files = [folder / name for name in ("manifest.json", "data.json", "judgement.json")]
    if not all(file.exists() for file in files):
        return
    manifest, data, judgement = map(read_json, files)
    own = next(row for row in judgement["rows"] if row["name"] == "policy")
    seeds = (judgement.get("seeds") or {}).get("rows") or [{"seed": manifest["seed"], "sharpe": own["sharpe"]}]
    for row in seeds:
        yield (
            str(manifest["created"]),
            Trial(
                kind="evaluation",
                run=folder.name if row["seed"] == manifest["seed"] else f"{folder.name}/seed-{row['seed']}",
                part=0,
                data=manifest["fingerprint"],
                source=data["source_fingerprint"],
                config=manifest["config_hash"],
                model=manifest["model"],
                seed=row["seed"],
                bars=judgement["sample"]["bars"],
                sharpe=row["sharpe"],
                features=manifest["features_hash"],
            ),
        )
