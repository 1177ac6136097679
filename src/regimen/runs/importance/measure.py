"""Mean decrease of accuracy and single features, by purged folds of the training slices of a run's windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from regimen.augment import SamplesConfig
from regimen.errors import ConfigError, RunError
from regimen.labels import CLASSES
from regimen.learning import AgentSettings
from regimen.metrics import standard_error
from regimen.policies import RuleSettings
from regimen.predictors import OnlineSettings
from regimen.records import RunDirectory, model_title, require_finished, sealed, write_json
from regimen.runs.families import family_of
from regimen.runs.importance.exhibit import exhibit_of
from regimen.runs.importance.held_out import HeldOut, held_out
from regimen.runs.importance.importance import LEVEL, FeatureImportance, Importance, finding
from regimen.runs.importance.mean_decrease import mean_decrease, most_shifts
from regimen.runs.prepare import Prepared, prepare, require_same_data, require_same_features, require_trained
from regimen.seeding import generator
from regimen.splits import Fold, Window

Floats = NDArray[np.float64]
Advance = Callable[[int, int, str], None]
FILE = "importance.json"
FOLDS, SHIFTS, ROWS = 5, 99, 5000


def importance_of(
    directory: RunDirectory,
    advance: Advance,
    *,
    windows: Sequence[int] | None = None,
    folds: int = FOLDS,
    shifts: int = SHIFTS,
    rows: int = ROWS,
    alone: bool = True,
) -> Importance:
    """Measures which features of a finished run mattered, and keeps the result in ``importance.json``.

    Everything is fitted and scored inside the training slices of the run's windows. No test row is looked at and
    nothing is chosen by what comes out, so no trial is recorded; whoever trains anew with the features that mattered
    starts a run, which is one.

    Args:
        directory: of a finished run.
        advance: progress.
        windows: their numbers from 1; the last one by default. Each is measured by folds of its own.
        folds: of each training slice.
        shifts: of each feature that may matter, at least; see `mean_decrease`.
        rows: most that are scored of each fold, evenly spread; those between share their label's bars with them.
        alone: whether the model is fitted on each column alone too, which takes a fit for each column and fold.

    Raises:
        ConfigError: no such window; fewer than 19 shifts, or no rows.
        RunError: the run is not finished, its data file or its features are not what they were, or its model says no
            probabilities.
        SplitError: see `purged_folds` and `HeldOut`.
    """
    manifest = require_finished(directory)
    require_trained(manifest)
    config = directory.located_config()
    if isinstance(config.model, AgentSettings | RuleSettings):
        rule = "must be of a model that says probabilities; a rule or an agent has no log loss to lose"
        raise RunError("run", rule, model_title(config.model))
    if isinstance(config.model, OnlineSettings):
        rule = "must be of a model that is fitted on folds of the training slice; what learns on learns bar after bar"
        raise RunError("run", rule, model_title(config.model))
    if shifts < _least_shifts():
        raise ConfigError("shifts", f"must be at least {_least_shifts()}, or no p can reach {LEVEL:g}", shifts)
    if rows < 1:
        raise ConfigError("rows", "must be at least 1", rows)
    chosen = _numbers(windows, len(manifest["windows"]))
    advance(0, 1, "bars, features, labels")
    prepared = prepare(config)
    require_same_data(prepared.bars, manifest)
    require_same_features(prepared, manifest)
    parts = [prepared.windows[number - 1] for number in chosen]
    importance = measure(prepared, parts, advance, folds=folds, shifts=shifts, rows=rows, alone=alone)
    values = {**importance.to_dict(), "exhibits": [exhibit_of(importance).to_dict()]}
    write_json(directory.path / FILE, sealed({"config_hash": config.hash, **values}))
    return importance


def _least_shifts() -> int:
    return round(1.0 / LEVEL) - 1


def _numbers(windows: Sequence[int] | None, count: int) -> list[int]:
    numbers = [count] if windows is None else sorted(set(windows))
    for number in numbers:
        if not 1 <= number <= count:
            raise ConfigError("windows", f"must be from 1 to {count}", number)
    if not numbers:
        raise ConfigError("windows", "must name at least one window", [])
    return numbers


@dataclass(frozen=True)
class _Fitting:
    """A fold, and where it is."""

    window: Window
    fold: Fold

    def shares(self, seed: int, count: int) -> Floats:
        return generator(seed, "importance", self.window.number, self.fold.number).random(count)


def measure(
    prepared: Prepared,
    windows: Sequence[Window],
    advance: Advance,
    *,
    folds: int = FOLDS,
    shifts: int = SHIFTS,
    rows: int = ROWS,
    alone: bool = True,
) -> Importance:
    """Measures the features of a prepared run; see `importance_of`.

    A column of the rows that a fold holds out is shifted in a circle by at least the label's horizon, so that it keeps
    its own course and loses what it had to do with the labels; see `mean_decrease`. So is each group of columns,
    together: columns that stand in for each other hide each other's importance, and not that of their group.

    Args:
        prepared: of the run; paths of augmentation are left out, see `augmented`. Generators of rows are fitted anew in
            each fold, on its training rows alone.
        windows: whose training slices are cut into folds.
        advance: progress.
        folds, shifts, rows, alone: see `importance_of`.

    Source: Breiman, Random forests (Machine Learning 45, 2001), section 10; López de Prado, Advances in Financial
    Machine Learning (2018), sections 8.3 and 8.4. Deviations: circular shifts instead of permutations, which would
    break a column's own course too; p-values; groups; a single feature is compared with a column that says nothing.
    """
    names, config = prepared.frame.names, prepared.config
    notes: list[str] = []
    samples = tuple(each for each in config.augment if isinstance(each, SamplesConfig))
    if samples != config.augment:
        prepared = replace(prepared, config=config.model_copy(update={"augment": samples}))
        notes.append("Fitted without the paths of augment, which are drawn from held out bars too.")
    fittings = [_Fitting(window, fold) for window in windows for fold in prepared.folds(window.train, folds)]
    groups = {group: [names.index(name) for name in columns] for group, columns in prepared.features.groups.items()}
    singles = {name: [place] for place, name in enumerate(names)}
    most = most_shifts(max(len(singles), len(groups)), shifts)
    progress = _Steps(advance, len(fittings) + len(groups) + len(singles) + alone * (len(singles) + 1) * len(fittings))
    parts = []
    for fitting in fittings:
        progress(f"folds · window {fitting.window.number + 1}, fold {fitting.fold.number + 1} of {folds}")
        parts.append(_held_out(prepared, fitting, rows, fitting.shares(config.seed, most)))
    skills = np.array([_skill(prepared, fitting, part) for fitting, part in zip(fittings, parts, strict=True)])
    moved = mean_decrease("group", groups, parts, shifts, progress)
    single = mean_decrease("feature", singles, parts, shifts, progress)
    if alone:
        single = _with_alone(prepared, fittings, rows, single, progress)
    if len(windows) > 1:
        notes.append("The windows' training slices may overlap: then intervals are too narrow, and p too low.")
    ordered = [tuple(sorted(each, key=lambda row: -row.rise)) for each in (moved, single)]
    skill, error = float(skills.mean()), standard_error(skills)
    sentence, more = finding(ordered[0], ordered[1], skill, error)
    return Importance(
        model=model_title(config.model),
        windows=tuple(window.number + 1 for window in windows),
        folds=folds,
        rows=sum(part.rows for part in parts),
        skill=skill,
        skill_error=error,
        groups=ordered[0],
        features=ordered[1],
        sentence=sentence,
        notes=(*more, *notes),
    )


class _Steps:
    """Counts what is done."""

    def __init__(self, advance: Advance, total: int) -> None:
        self._advance, self._total, self._done = advance, total, 0

    def __call__(self, message: str) -> None:
        self._advance(self._done, self._total, message)
        self._done += 1


def _held_out(prepared: Prepared, fitting: _Fitting, rows: int, shares: Floats) -> HeldOut:
    """Fits the run's model on a fold's training rows, and returns what it says of the others."""
    config, labels = prepared.config, prepared.labels
    window = fitting.fold.window(fitting.window)
    policy = family_of(config.model).fit(prepared, window, config.seed).policy
    return held_out(policy, prepared.history, fitting.fold.test, labels.y, labels.horizon, shares, rows)


def _skill(prepared: Prepared, fitting: _Fitting, part: HeldOut) -> float:
    """Returns by how much a row's log loss is below that of the classes' shares among the fold's training rows."""
    counted = np.bincount(fitting.fold.train.take(prepared.labels.y), minlength=len(CLASSES))
    return (part.prior_loss(counted / counted.sum()) - part.loss) / part.rows


def _with_alone(
    prepared: Prepared,
    fittings: Sequence[_Fitting],
    rows: int,
    single: Sequence[FeatureImportance],
    progress: _Steps,
) -> list[FeatureImportance]:
    """Fits the run's model on each column alone in each fold, and on a column that says nothing, to be compared with.

    Both are fitted and stopped in the same way, so a column of noise gains nothing, whatever the model makes of the
    classes' shares by itself.
    """
    known, values = prepared.known, prepared.frame.values

    def losses(name: str, column: Floats) -> Floats:
        only = _with_column(prepared, name, column)
        one = []
        for fitting in fittings:
            progress(f"alone · {name}")
            part = _held_out(only, fitting, rows, np.empty(0))
            one.append(part.loss / part.rows)
        return np.array(one)

    names = prepared.frame.names
    nothing = losses(names[0], np.where(known, 0.0, np.nan))
    gains = [nothing - losses(row.name, values[..., names.index(row.name)]) for row in single]
    return [
        replace(row, alone=float(gain.mean()), alone_error=standard_error(gain))
        for row, gain in zip(single, gains, strict=True)
    ]


def _with_column(prepared: Prepared, name: str, column: Floats) -> Prepared:
    """Returns the same bars, labels and windows with one column, known where all are, so that the rows stay.

    Args:
        prepared: with all columns.
        name: of the column.
        column: (time, symbol).
    """
    values = np.where(prepared.known, column, np.nan)[..., None]
    return replace(
        prepared, features=prepared.features.select([name]), frame=replace(prepared.frame, values=values, names=(name,))
    )
