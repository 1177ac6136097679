"""The study of a search: an SQLite file that Optuna keeps in the study's folder, refused for another space."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regimen.errors import ConfigError, RunError
from regimen.reporting.search import Status
from regimen.runs.search.objectives import COLUMNS
from regimen.runs.search.proposals import propose, settings_of
from regimen.runs.search.result import TrialResult
from regimen.runs.search.settings import SearchConfig
from regimen.runs.search.space import Settings, Space

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

FILE = "study.sqlite"
_NAME, _IDENTITY, _HASH = "search", "identity", "space_hash"
_SETTINGS, _REVIVES, _FAILURE = "settings", "revives", "failure"
_RESULT = "result "


@dataclass(frozen=True)
class Tried:
    """One trial of a study, as it stands there.

    Attributes:
        number: in the study, and of its folder.
        status: ``running``, ``complete``, ``pruned`` or ``failed``.
        settings: what it was given, by dotted key; empty until all of it is proposed.
        results: by epochs of its rung (0: all that the config says), what it showed.
        failure: why there is no result.
        revives: number of the pruned trial that it goes on with; None for a trial of its own.
    """

    number: int
    status: Status
    settings: Mapping[str, Any]
    results: Mapping[int, TrialResult]
    failure: str | None = None
    revives: int | None = None

    @property
    def last(self) -> TrialResult | None:
        """The result with the most epochs."""
        return self.results[max(self.results, key=lambda rung: rung or 2**62)] if self.results else None


@dataclass(frozen=True, eq=False)
class Study:
    """The trials of one search, kept by Optuna.

    Args:
        path: the SQLite file.
        search: the section of the config file.
        space: of the search.
    """

    path: Path
    search: SearchConfig
    space: Space

    def open(self, identity: Mapping[str, Any], resume: bool) -> None:
        """Begins the study, or finds that it can be gone on with.

        Args:
            identity: what must be equal: the search, the config, the data.
            resume: go on with a study that is there.

        Raises:
            RunError: it is there already, and was not asked to be gone on with; or it is of another space.
            ConfigError: Optuna is not installed.
        """
        require_optuna()
        text = json.dumps(identity, sort_keys=True)
        if self.path.exists():
            before = self._optuna.user_attrs.get(_IDENTITY)
            if before not in (None, text):
                raise RunError("search", _difference(json.loads(before), json.loads(text)), str(self.path.parent))
            if before is not None and not resume and self.trials():
                rule = "is there already: --resume goes on with it, and another name= begins another"
                raise RunError("study", rule, str(self.path.parent))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._optuna.set_user_attr(_IDENTITY, text)
        self._optuna.set_user_attr(_HASH, space_hash(identity))

    def trials(self) -> list[Tried]:
        """Returns all trials in the order of their numbers."""
        return [_tried(trial) for trial in self._frozen()]

    def own(self) -> list[Tried]:
        """Returns the trials that the search itself proposed: all but those that revive another."""
        return [trial for trial in self.trials() if trial.revives is None]

    def ask(self, place: int) -> None:
        """Proposes the trial of a place in the search; one whose process was killed while it was proposed goes on.

        Args:
            place: among the trials that the search itself proposed.
        """
        own = self.own()
        trial = self._trial(own[place].number) if place < len(own) else self._optuna.ask()
        settings = propose(self._optuna, trial, place, self.space, self.search)
        trial.set_user_attr(_SETTINGS, json.dumps(settings))

    def keep(self, number: int, rung: int, result: TrialResult | str) -> None:
        """Writes down what a trial showed after so many epochs, 0 for all of them; or why it showed nothing."""
        trial = self._trial(number)
        if isinstance(result, str):
            trial.set_user_attr(_FAILURE, result)
            return
        trial.set_user_attr(f"{_RESULT}{rung}", json.dumps(result.to_dict()))
        if rung:
            trial.report(result.objectives[self.search.objectives[0]], rung)

    def tell(self, trial: Tried, status: Status) -> None:
        """Ends a trial that was begun; of one that is complete Optuna gets the objectives."""
        from optuna.trial import TrialState

        if trial.status != "running":
            return
        if status == "complete":
            assert trial.last is not None
            self._optuna.tell(trial.number, [trial.last.objectives[name] for name in self.search.objectives])
        else:
            self._optuna.tell(trial.number, state=TrialState.PRUNED if status == "pruned" else TrialState.FAIL)

    def revive(self, number: int, result: TrialResult) -> None:
        """Adds the trial that went on where a pruned one was stopped."""
        import optuna

        frozen = self._frozen()[number]
        attrs = {_REVIVES: number, _SETTINGS: frozen.user_attrs[_SETTINGS]}
        attrs[f"{_RESULT}0"] = json.dumps(result.to_dict())
        trial = optuna.trial.create_trial(
            values=[result.objectives[name] for name in self.search.objectives],
            params=frozen.params,
            distributions=frozen.distributions,
            user_attrs=attrs,
        )
        self._optuna.add_trial(trial)

    @cached_property
    def _optuna(self) -> optuna.Study:
        import optuna
        from optuna.storages import RDBStorage
        from optuna.study import StudyDirection

        sides = (StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE)
        directions = [sides[COLUMNS[name].better > 0] for name in self.search.objectives]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with _quietly():
            storage = RDBStorage(f"sqlite:///{self.path.resolve()}", engine_kwargs={"connect_args": {"timeout": 60}})
            return optuna.create_study(
                storage=storage,
                study_name=_NAME,
                directions=directions,
                load_if_exists=True,
                pruner=optuna.pruners.NopPruner(),
            )

    def _frozen(self) -> Sequence[FrozenTrial]:
        return self._optuna.get_trials(deepcopy=False)

    def _trial(self, number: int) -> optuna.Trial:
        import optuna

        study = self._optuna
        return optuna.Trial(study, study._storage.get_trial_id_from_study_id_trial_number(study._study_id, number))


def require_optuna() -> None:
    """Raises `ConfigError` where Optuna is not installed."""
    try:
        import optuna
    except ImportError:
        rule = "needs optuna, which is not installed: pip install 'regimen[tune]'"
        raise ConfigError("search", rule) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def space_hash(identity: Mapping[str, Any]) -> str:
    """Returns what a study is known by: SHA-256 (first 16 hex digits) of what must be equal to go on with it."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]


_STATUS: dict[str, Status] = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}


def _tried(trial: FrozenTrial) -> Tried:
    attrs = trial.user_attrs
    status = _STATUS.get(trial.state.name, "running")
    settings: Settings = json.loads(attrs[_SETTINGS]) if _SETTINGS in attrs else {}
    if not settings and status != "running":
        settings = settings_of(trial.params, trial.distributions)
    results = {
        int(name.removeprefix(_RESULT)): TrialResult.of(json.loads(text))
        for name, text in attrs.items()
        if name.startswith(_RESULT)
    }
    return Tried(trial.number, status, settings, results, attrs.get(_FAILURE), attrs.get(_REVIVES))


def _difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """One line that names what differs first from the study that is there."""
    then, later = dict(_flat(before)), dict(_flat(now))
    key = next(name for name in sorted(then.keys() | later.keys()) if then.get(name) != later.get(name))
    hashes = f"{space_hash(before)} is there, {space_hash(now)} is asked for"
    rule = f"must be that of the study, whose {key} was {then.get(key)!r} and not {later.get(key)!r} ({hashes})"
    return f"{rule}; another name= begins another study"


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


@contextmanager
def _quietly() -> Iterator[None]:
    """Keeps the schema's migrations, which Optuna's storage logs, from the terminal."""
    log = logging.getLogger("alembic")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)
