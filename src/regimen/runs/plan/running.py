"""A plan is carried out: attempt after attempt, each a run, each in the journal before the next begins."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regimen.errors import RunError
from regimen.files import appearing
from regimen.journal import SqliteJournal
from regimen.records import (
    RunConfig,
    RunDirectory,
    has_its_seal,
    new_id,
    read_json,
    sealed,
    write_json,
    write_report,
)
from regimen.runs.finished import finished_run
from regimen.runs.plan.config import PlanConfig, baseline_of, config_of, plan_of
from regimen.runs.plan.gates import passes
from regimen.runs.plan.machine import Place, PlanRules, advanced
from regimen.runs.plan.measures import measured_of
from regimen.runs.plan.timeline import Attempt, in_words, timeline_exhibit
from regimen.work import HERE, Mapper

FOLDER_FILE = "plan.json"
"""In a plan's folder: the config file that it was started with; in a run's: the timeline, for its report."""
_JOURNAL = "journal.sqlite"
Advance = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Planned:
    """What a plan came to.

    Attributes:
        path: its folder.
        place: where it ended.
        attempts: all of them, in order.
        result: the run that stands at the end.
    """

    path: Path
    place: Place
    attempts: tuple[Attempt, ...]
    result: RunDirectory


def is_plan(path: Path) -> bool:
    """Whether a folder is a plan's."""
    return (path / FOLDER_FILE).exists() and (path / _JOURNAL).exists()


def start_plan(values: Mapping[str, Any], root: Path, advance: Advance, mapper: Mapper = HERE) -> Planned:
    """Carries out the plan of a config file, in a folder of its own beside the runs of its attempts.

    Args:
        values: of the file, with its section ``plan``.
        root: the folder of runs.
        advance: progress.
        mapper: where windows are fitted.

    Raises:
        ConfigError: see `plan_of`; nothing is written then.
    """
    plan_of(values)
    path = root / new_id()
    with appearing(path) as draft:
        write_json(draft / FOLDER_FILE, sealed({"values": json.loads(json.dumps(values, default=str))}))
        SqliteJournal(draft / _JOURNAL, path.name).close()
    return _stoppable(path, advance, mapper)


def resume_plan(path: Path, advance: Advance, mapper: Mapper = HERE) -> Planned:
    """Goes on with a plan that was stopped at any moment; its runs end with the same bytes as ones that never were.

    Raises:
        RunError: the folder is no plan's, or was changed.
    """
    if not is_plan(path):
        raise RunError("plan", f"must be the folder of a plan, with its {FOLDER_FILE}", str(path))
    return _stoppable(path, advance, mapper)


def _stoppable(path: Path, advance: Advance, mapper: Mapper) -> Planned:
    """Carries on; a ``KeyboardInterrupt`` carries the folder of the plan."""
    try:
        return _carry_on(path, advance, mapper)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(str(path)) from None


def _carry_on(path: Path, advance: Advance, mapper: Mapper) -> Planned:
    kept = read_json(path / FOLDER_FILE)
    if not has_its_seal(kept):
        raise RunError("plan", f"holds a damaged {FOLDER_FILE}: it is not what was written", str(path))
    values = kept["values"]
    plan = plan_of(values)
    rules, names = PlanRules(len(plan.phases), plan.attempts, plan.rollbacks), [phase.name for phase in plan.phases]
    journal = SqliteJournal(path / _JOURNAL, path.name)
    try:
        attempts = [Attempt.of_row(stored.row) for stored in journal.read()]
        place = Place()
        for each in attempts:
            place = advanced(place, each.passed, rules)
        while place.end is None:
            attempt = _tried(values, plan, place, path, advance, mapper)
            following = advanced(place, attempt.passed, rules)
            attempt = Attempt(**{**vars(attempt), "after": in_words(place, following, names)})
            journal.append([attempt.to_row(path.name, time.time_ns())])
            attempts.append(attempt)
            place = following
    finally:
        journal.close()
    result = _result(values, plan, place, attempts, path, advance, mapper)
    exhibit = timeline_exhibit(attempts, place, result.id)
    write_json(result.path / FOLDER_FILE, sealed({"exhibits": [exhibit.to_dict()]}))
    write_report(result)
    return Planned(path, place, tuple(attempts), result)


def _tried(
    values: Mapping[str, Any], plan: PlanConfig, place: Place, path: Path, advance: Advance, mapper: Mapper
) -> Attempt:
    """Trains one attempt, or goes on with its run, and holds it against the gates of its phase."""
    phase = plan.phases[place.phase]
    config = config_of(values, plan, place.kept, place.phase, place.attempt)
    directory = _trained(config, path, f"{phase.name.lower()}{place.attempt + 1}", advance, mapper)
    measured = measured_of(directory, config, phase.gates)
    answers = [passes(gate, measured) for gate in phase.gates]
    return Attempt(
        phase=place.phase,
        attempt=place.attempt,
        name=phase.name,
        run=directory.id,
        passed=all(passed for passed, _ in answers),
        reasons=tuple(("" if passed else "not passed: ") + words for passed, words in answers),
        after="",
    )


def _trained(config: RunConfig, path: Path, name: str, advance: Advance, mapper: Mapper) -> RunDirectory:
    """Returns the finished run of an attempt, beside the plan's folder and named after it."""
    place = path.parent / f"{path.name}-{name}"

    def telling(done: int, total: int, message: str) -> None:
        advance(done, total, f"{name} · {message}")

    return finished_run(config, place, telling, mapper)


def _result(
    values: Mapping[str, Any],
    plan: PlanConfig,
    place: Place,
    attempts: list[Attempt],
    path: Path,
    advance: Advance,
    mapper: Mapper,
) -> RunDirectory:
    """Returns the run that stands at the end: that of the last gate, or the baseline, trained now."""
    if place.end == "baseline":
        return _trained(baseline_of(values, plan), path, "baseline", advance, mapper)
    last = next(each for each in reversed(attempts) if each.passed and each.phase == place.checkpoint)
    return RunDirectory(path.parent / last.run)
