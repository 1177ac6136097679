"""What stands between a fitted classifier and its exposures: the calibration of its probabilities, then the rule.

It is fitted here for every family of classifiers, and read back here.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from regimen.errors import ConfigError, RunError, SplitError
from regimen.labels import CLASSES, Labels
from regimen.policies import (
    CalibratedClassifier,
    Calibration,
    CalibrationConfig,
    Classifier,
    ClassifierPolicy,
    Confirmation,
    ExposureConfig,
    ExposureRule,
    History,
    KellyRule,
    Policy,
    Probable,
    Scaler,
    innermost,
)
from regimen.records import RunConfig, read_json, write_json
from regimen.records.layout import CALIBRATION
from regimen.runs.families.sizing import fit_rule, read_rule, write_rule
from regimen.runs.fit import Fit
from regimen.runs.prepare import Prepared
from regimen.splits import Slice, Window

FEWEST = 30
"""Rows below which no calibration is fitted, whatever they are."""

Floats = NDArray[np.float64]
Refit = Callable[[Prepared, Window, int], Fit]
"""Fits a model in a window, by a seed; the ``fit`` of a family is one."""

_log = logging.getLogger("regimen.runs")


class Forecasts(NamedTuple):
    """What a model says of the labelled rows of a slice, and what came.

    Attributes:
        probabilities: (n, 3) SELL, HOLD, BUY.
        y: (n,) class of each row.
    """

    probabilities: Floats
    y: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class CalibratedRule:
    """How a classifier's probabilities become exposures, as fitted in one window.

    Attributes:
        rule: from probabilities to exposure.
        calibration: applied before it; None where the config has none, or too little was there to fit one.
        about: how it was fitted, as plain values; None where the config has no calibration.
    """

    rule: ExposureRule
    calibration: Calibration | None = None
    about: dict[str, Any] | None = None

    @property
    def saw_validation(self) -> bool:
        """Whether validation rows decided some of it."""
        if isinstance(self.rule, KellyRule) and self.rule.confirmation is not None:
            return True
        return self.calibration is not None and self.about is not None and self.about["fit_on"] == "validation"

    def policy(self, classifier: Classifier, scaler: Scaler | None) -> ClassifierPolicy:
        """Returns the policy of a classifier."""
        if self.calibration is not None:
            classifier = CalibratedClassifier(classifier, self.calibration)
        return ClassifierPolicy(classifier, self.rule, scaler)

    def save(self, folder: Path) -> None:
        """Writes what was fitted into a window's folder."""
        write_rule(self.rule, folder)
        if self.about is not None:
            state = None if self.calibration is None else self.calibration.state()
            write_json(folder / CALIBRATION, {**self.about, "state": state})


def fit_calibrated_rule(prepared: Prepared, window: Window, raw: Policy, refit: Refit, seed: int) -> CalibratedRule:
    """Fits what stands between a classifier and its exposures in a window.

    Args:
        prepared: bars, features before any preprocessing, and labels.
        window: the window.
        raw: the classifier that its training slice gave, behind its preprocessing; its rule is not asked.
        refit: fits the same model on a fold, for a calibration out of fold.
        seed: of the fit.

    Raises:
        ConfigError: there is no validation slice to fit on.
        SplitError: a training slice that cannot be cut into the folds.
    """
    calibration, about = _fit_calibration(prepared, window, raw, refit, seed)

    def opinions() -> Floats:
        part = window.validation
        given = probabilities_of(raw, prepared.history, part.start, part.stop)
        return given if calibration is None else calibration(given.reshape(-1, 3)).reshape(given.shape)

    rule = fit_rule(prepared, window, opinions)
    if calibration is None and about is not None:
        rule = _betting_nothing(rule)
    return CalibratedRule(rule, calibration, about)


def _betting_nothing(rule: ExposureRule) -> ExposureRule:
    """Returns the rule of a window whose probabilities could not be calibrated: Kelly bets nothing on those."""
    return replace(rule, confirmation=Confirmation(0.0, math.inf, 0.0)) if isinstance(rule, KellyRule) else rule


def _fit_calibration(
    prepared: Prepared, window: Window, raw: Policy, refit: Refit, seed: int
) -> tuple[Calibration | None, dict[str, Any] | None]:
    """Returns the calibration of a window, and how it was fitted; see `fit_calibrated_rule`."""
    config = prepared.config
    if config.calibration is None:
        return None, None
    if config.calibration.fit_on == "out_of_fold":
        forecasts = out_of_fold(prepared, window, config.calibration.folds, refit, seed)
    elif window.validation.rows:
        forecasts = forecasts_of(raw, prepared.history, prepared.labels, window.validation)
    else:
        rule = f"must be out_of_fold, or calibration none: window {window.number + 1} has no validation rows"
        raise ConfigError("calibration.fit_on", rule, config.calibration.fit_on)
    needed = 2 if config.training.allow_missing_classes else len(CLASSES)
    return fit_calibration(config.calibration, forecasts, f"window {window.number + 1}", needed)


def read_calibrated_rule(folder: Path, config: RunConfig) -> CalibratedRule:
    """Reads what `CalibratedRule.save` wrote.

    Raises:
        RunError: the file is missing or damaged.
    """
    rule = read_rule(folder, config)
    if config.calibration is None:
        return CalibratedRule(rule)
    about = read_json(folder / CALIBRATION)
    try:
        state = about.pop("state")
        if state is None:
            return CalibratedRule(_betting_nothing(rule), None, about)
        arrays = {name: np.asarray(values, np.float64) for name, values in state.items()}
        return CalibratedRule(rule, config.calibration.restore(arrays), about)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise RunError("run", f"holds a damaged {CALIBRATION}", str(folder)) from None


def fit_calibration(
    config: CalibrationConfig, forecasts: Forecasts, where: str, needed: int = len(CLASSES)
) -> tuple[Calibration | None, dict[str, Any]]:
    """Returns a calibration, and how it was fitted; none, and a line on the log, where too little is there.

    Args:
        config: of the calibration.
        forecasts: of rows that the model did not learn from.
        where: what the line begins with.
        needed: classes that must be among them.
    """
    rows, seen = len(forecasts.y), np.unique(forecasts.y)
    about: dict[str, Any] = {"kind": config.kind, "fit_on": config.fit_on, "rows": rows}
    if rows < FEWEST or len(seen) < needed:
        classes = ", ".join(CLASSES[k] for k in seen) or "no class"
        rule = f"must have {FEWEST} rows, and {'each class' if needed == len(CLASSES) else 'two classes'} among them"
        _log.warning("%s: not calibrated: %s; got %d rows of %s", where, rule, rows, classes)
        return None, about
    return config.fit(forecasts.probabilities, forecasts.y), about


def forecasts_of(policy: Policy, history: History, labels: Labels, part: Slice) -> Forecasts:
    """Returns what a policy says of a slice's labelled rows; those that it does not see whole are left out.

    Args:
        policy: one that says probabilities, with whatever is around it.
        history: bars and features as that policy sees them.
        labels: of the whole series.
        part: a slice.

    Raises:
        RunError: a policy that says no probabilities.
    """
    times, symbols = part.positions
    classes = probabilities_of(policy, history, part.start, part.stop)[times - part.start, symbols]
    y = labels.y[times, symbols].astype(np.int64)
    known = np.isfinite(classes).all(axis=1) & (y >= 0)
    return Forecasts(classes[known], y[known])


def probabilities_of(policy: Policy, history: History, start: int, stop: int) -> Floats:
    """Returns (stop − start, symbol, 3) of bars [start, stop); NaN where what is seen is not whole.

    Raises:
        RunError: a policy that says no probabilities.
    """
    inner, sight = innermost(policy, history)
    if not isinstance(inner, Probable):
        raise RunError("model", "must say probabilities", type(inner).__name__)
    return inner.probabilities(sight, start, stop)


def out_of_fold(prepared: Prepared, window: Window, folds: int, refit: Refit, seed: int) -> Forecasts:
    """Returns what models say of a training slice that were fitted on the other folds of it, purged and embargoed.

    Args:
        prepared: bars, features and labels.
        window: its training slice is cut; the folds stop early on its validation slice.
        folds: into how many.
        refit: fits one of them, itself not calibrated.
        seed: of each fit.
    """
    config = prepared.config
    alone = replace(prepared, config=config.model_copy(update={"calibration": None, "exposure": ExposureConfig()}))
    try:
        parts = prepared.folds(window.train, folds)
    except SplitError as error:
        raise error.named(f"calibration.{error.field}") from None
    each = [
        forecasts_of(refit(alone, part.window(window), seed).policy, alone.history, alone.labels, part.test)
        for part in parts
    ]
    return Forecasts(*(np.concatenate(columns) for columns in zip(*each, strict=True)))
