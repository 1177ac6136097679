"""The runs of a folder: listed, and found by the words that a person has for them."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from regimen.errors import RunError
from regimen.judging import Judgement
from regimen.records.directory import RunDirectory
from regimen.records.documents import plain, read_json
from regimen.records.judgement import by_trials_of_now
from regimen.records.manifest import MANIFEST
from regimen.records.trials import TrialLedger, counted

Tried = Mapping[str, Sequence[Mapping[str, object]]]
"""Lines of the trial ledger by the series that they are about."""
LATEST = "latest"
_SHOWN = 6
_COLUMNS = (
    *("name", "created", "model", "data", "status", "sharpe", "dsr", "verdict", "problem"),
    *("trials", "trials_now", "dsr_now", "verdict_now"),
)


def find_run(word: str, root: Path) -> RunDirectory:
    """Returns the run that a word names: a path, an id, the first letters of one, or ``latest``.

    Args:
        word: as a person wrote it; a folder that is a run is meant before an id, and a run before those that carry on
            its id, such as its challengers.
        root: the folder of runs in which ids are looked up; the latest is the one that a person started last.

    Raises:
        RunError: no run, or several runs of that name.
    """
    if word == LATEST:
        return _latest(root)
    path = Path(word)
    if path.is_dir() and ((path / MANIFEST).exists() or path.name != word):
        return RunDirectory.open(path)
    if path.name == word and (root / word).is_dir():
        return RunDirectory.open(root / word)
    matches = [run for run in folders_of_runs(root) if word and run.name.startswith(word)]
    own = [run for run in matches if not _is_carried_on(run.name, {each.name for each in matches})]
    if len(own) == 1:
        return RunDirectory.open(own[0])
    if matches:
        names = ", ".join(run.name for run in matches[:_SHOWN]) + (", …" if len(matches) > _SHOWN else "")
        raise RunError("run", f"must name one run, not {len(matches)}: {names}", word)
    if path.is_dir():
        return RunDirectory.open(path)  # which says what it lacks
    raise RunError("run", f"must be the folder of a run, the id of one in {root}, or {LATEST}", word)


def _latest(root: Path) -> RunDirectory:
    created = {row["run"]: row["created"] for row in list_runs(root) if row["created"] is not None}
    own = [(time, run) for run, time in created.items() if not _is_carried_on(run, created)]
    if not own:
        raise RunError("run", f"must be in {root}, which holds none", LATEST)
    return RunDirectory.open(root / max(own)[1])


def _is_carried_on(run: str, ids: Container[str]) -> bool:
    """Whether the id of a run begins with that of another one and a dash: it was started for that one."""
    return any(run[:place] in ids for place, letter in enumerate(run) if letter == "-")


def folders_of_runs(root: Path) -> list[Path]:
    """The folders of runs in a folder, in the order of their names."""
    if not root.is_dir():
        return []
    return sorted(path for path in root.iterdir() if not path.name.startswith(".") and (path / MANIFEST).exists())


def names_of_runs(root: Path) -> list[tuple[str, str]]:
    """Returns the id of every run of a folder that can be read, with its name and status; the latest comes first."""
    rows = []
    for path in folders_of_runs(root):
        with suppress(RunError):
            manifest = RunDirectory(path).manifest()
            rows.append((manifest["created"], path.name, f"{manifest.get('name') or path.name}, {manifest['status']}"))
    return [(run, name) for _, run, name in sorted(rows, reverse=True)]


def list_runs(root: Path) -> list[dict[str, Any]]:
    """Returns one row for each run of a folder, oldest first: id, name, model, data, status, Sharpe, DSR, verdict.

    A run that cannot be read is a row as well, of status ``damaged``, with what is wrong as its ``problem``.
    ``trials`` is what the verdict was deflated by; where more are recorded now, ``trials_now`` says how many,
    and ``dsr_now`` and ``verdict_now`` what they make of the DSR and of the verdict.

    Raises:
        RunError: the folder does not exist.
    """
    if not root.is_dir():
        raise RunError("runs", "must be a folder of runs", str(root))
    try:
        tried = TrialLedger(root / "trials.sqlite").by_source()
    except RunError:  # `regimen runs trials` says what it has; the runs are there all the same
        tried = {}
    rows = [_row(RunDirectory(path), tried) for path in folders_of_runs(root)]
    return sorted(rows, key=lambda row: row["created"] or "")


def _row(run: RunDirectory, tried: Tried) -> dict[str, Any]:
    row: dict[str, Any] = {"run": run.path.name, **dict.fromkeys(_COLUMNS)}
    try:
        manifest = run.manifest()
        row |= {name: manifest.get(name) for name in ("name", "created", "model")}
        row |= {"data": manifest["fingerprint"][:12], "status": run.status}
        if row["status"] == "finished":
            run.require_undamaged("data.json", "judgement.json")
            row |= _judged(run, tried)
    except RunError as error:
        row |= {"status": "damaged", "problem": error.rule}
    return row


def _judged(run: RunDirectory, tried: Tried) -> dict[str, Any]:
    values, data = (read_json(run.path / name) for name in ("judgement.json", "data.json"))
    try:
        judgement = Judgement.from_dict(values)
        policy, count = judgement.policy, judgement.trials.count
        summary: dict[str, Any] = plain(
            {"sharpe": policy.sharpe, "dsr": policy.dsr, "verdict": judgement.verdict.level}
        )
        now = counted(tried.get(data["source_fingerprint"], []), judgement.sample.periods_per_year)
        if now.count > count:
            standing = by_trials_of_now(judgement, now)
            summary |= {"trials_now": standing["now"], **{name: standing[name] for name in ("dsr_now", "verdict_now")}}
    except (KeyError, TypeError, RunError):  # of a run that has no checksums yet
        raise RunError("run", "holds a judgement.json of another shape", str(run.path)) from None
    return summary | {"trials": count}
