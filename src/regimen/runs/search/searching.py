"""A search that was begun: its space, its data and its study are checked before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regimen.errors import ConfigError, RunError, SplitError
from regimen.predictors import PredictorSettings
from regimen.records import RunConfig, TrialLedger, resolve
from regimen.runs.data_file import on_file
from regimen.runs.families import require_own_code
from regimen.runs.prepare import Prepared, prepare
from regimen.runs.search.defaults import default_space
from regimen.runs.search.objectives import COLUMNS
from regimen.runs.search.settings import SearchConfig
from regimen.runs.search.space import FIXED, Space
from regimen.runs.search.study import FILE, Study, Tried, require_optuna
from regimen.runs.vault import require_shut


@dataclass(frozen=True, eq=False)
class Searching:
    """A search that was begun: what it searches, where, and on which bars.

    Attributes:
        base: config of the file.
        search: its section ``search``, with the space that is searched.
        space: of the search.
        folder: of the study.
        outer: what the run that is searched for is judged on; the search itself sees nothing of it but its sketch.
        inner: the bars before its first test span, and the windows that trials are scored on.
        study: the trials.
    """

    base: RunConfig
    search: SearchConfig
    space: Space
    folder: Path
    outer: Prepared
    inner: Prepared
    study: Study

    @property
    def ledger(self) -> TrialLedger:
        """The trial ledger beside the runs."""
        return TrialLedger(self.folder.parent / "trials.sqlite")

    @property
    def epochs(self) -> int:
        """Of a whole training."""
        return self.base.training.epochs

    def features_hash(self, config: RunConfig) -> str:
        """Returns the hash of the features of a trial, which takes a moment and is the same for most of them."""
        if config.features == self.base.features:
            return self.outer.features.hash
        return config.features.build().hash

    def home(self, number: int) -> Path:
        """The folder of a trial; one that revives another goes on in its folder."""
        return self.folder / "trials" / f"{number:04d}"

    def config(self, settings: Mapping[str, Any]) -> RunConfig:
        """Returns the config of a trial: on the bars of the training span alone."""
        return inside(self.space.config(settings), self.base, self.inner.config)

    def best(self) -> Tried:
        """Returns the complete trial that is best by the first objective; of equal ones the first.

        Raises:
            RunError: no trial is complete.
        """
        name = self.search.objectives[0]
        sign = COLUMNS[name].better
        complete = [trial for trial in self.study.trials() if trial.status == "complete" and trial.last]
        if not complete:
            failures = [trial.failure for trial in self.study.trials() if trial.failure]
            why = f"; the first says {failures[0]}" if failures else ""
            raise RunError("search", f"must have a trial that can be trained to its end{why}", str(self.folder))
        return max(complete, key=lambda trial: (sign * _value(trial, name), -trial.number))


def begin(values: Mapping[str, Any], search: SearchConfig, root: Path, *, resume: bool = False) -> Searching:
    """Checks a search whole, before anything is trained: its space, its data, its study.

    Args:
        values: of the config file, its overrides applied, without its section ``search``.
        search: that section.
        root: the folder of runs.
        resume: go on with the study that is there.

    Raises:
        ConfigError: a parameter that no trial has; a value that the typed config refuses; settings that do not fit.
        RunError: a study that is there already and was not asked to be gone on with, or is of another space.
        RegimenError: as for a run.
    """
    require_optuna()
    base = resolve(values)
    base = base.model_copy(update={"data": on_file(base.data, root)})
    if not search.space:
        search = search.model_copy(update={"space": default_space(base)})
    space = Space({**values, "data": base.data.model_dump(mode="json")}, search.space)
    space.check()
    models = space.models
    _check_epochs(search, base, models)
    for config in models:
        require_own_code(config)
    outer = prepare(base)
    require_shut(TrialLedger(root / "trials.sqlite"), outer.series.fingerprint, outer.series.sketch, outer.bars)
    try:
        inner = prepare(_cut(base, search, outer))
    except SplitError as error:
        raise error.named(f"search.{error.field}") from None
    folder = root / f"tune-{base.name}"
    study = Study(folder / FILE, search, space)
    study.open(
        {
            "search": search.identity(),
            "config": {name: part for name, part in base.as_dict().items() if name not in ("name", "judge", "tracking")}
            | {"data": outer.bars.fingerprint},
        },
        resume,
    )
    return Searching(base, search, space, folder, outer, inner, study)


def inside(config: RunConfig, base: RunConfig, inner: RunConfig) -> RunConfig:
    """Returns a config on the bars and windows that trials are scored on, and with the seeds of the search."""
    fixed = {name: getattr(base, name) for name in FIXED if name != "name"}
    return config.model_copy(update={**fixed, "data": inner.data, "splits": inner.splits})


def _cut(base: RunConfig, search: SearchConfig, outer: Prepared) -> RunConfig:
    """The config whose bars end before the first bar that is traded out of sample."""
    data = base.data.model_copy(update={"end": str(outer.bars.time[outer.span[0]]), "vault": None})
    return base.model_copy(update={"data": data, "splits": search.splits, "tracking": ()})


def _check_epochs(search: SearchConfig, base: RunConfig, models: Sequence[RunConfig]) -> None:
    if search.hyperband is None:
        return
    for config in models:
        if not isinstance(config.model, PredictorSettings):
            rule = f"must go with models that are trained in epochs, and {config.model.kind} is not"
            raise ConfigError("search.hyperband", rule)
    if "training.epochs" in search.space:
        rule = "must not be a parameter beside hyperband, which decides the epochs of a trial"
        raise ConfigError("search.space.training.epochs", rule, "training.epochs")
    if search.hyperband.smallest >= base.training.epochs:
        rule = f"must be less than training.epochs={base.training.epochs}"
        raise ConfigError("search.hyperband.smallest", rule, search.hyperband.smallest)


def _value(trial: Tried, name: str) -> float:
    assert trial.last is not None
    return trial.last.objectives[name]
