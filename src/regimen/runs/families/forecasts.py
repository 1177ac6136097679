"""How good a run's probabilities are out of sample, as the model says them and as they are calibrated: its exhibit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regimen.labels import CLASSES, Labels
from regimen.metrics import brier_score, class_prior, expected_calibration_error, log_loss_skill, reliability
from regimen.numerals import count, number, percent, significant
from regimen.policies import (
    CalibratedClassifier,
    Calibration,
    ClassifierPolicy,
    ExposureConfig,
    History,
    Policy,
    Probable,
    innermost,
)
from regimen.policies.ensemble import CalibratedBlend, Committee
from regimen.policies.online import OnlinePolicy
from regimen.predictors import OnlineSettings
from regimen.records import RunDirectory
from regimen.reporting.report import Curve, Drawing, Exhibit
from regimen.runs.families.calibrated_rule import Forecasts, forecasts_of
from regimen.runs.families.online.family import read_opinions
from regimen.runs.prepare import Prepared
from regimen.runs.window import load_policy
from regimen.splits import Slice

_UNIT = 1e4
"""What a skill, in nats, is multiplied with where it is shown."""
_STYLES = ("hold", "reference", "policy")
"""Of SELL, HOLD, BUY in the figures."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class WindowForecasts:
    """The forecasts of one window's test span.

    Attributes:
        raw: as the model says them.
        calibrated: as the exposure rule is given them; the same where nothing was calibrated.
        prior: (3,) share of each class among the training rows.
        calibration: what lies between; None where nothing does.
    """

    raw: Forecasts
    calibrated: Forecasts
    prior: Floats
    calibration: Calibration | None

    @property
    def skills(self) -> tuple[float, float]:
        """Log-loss skill over the prior before and after, in 10⁻⁴ nats."""
        before, after = (log_loss_skill(*each, self.prior) for each in (self.raw, self.calibrated))
        return _UNIT * before, _UNIT * after

    @property
    def known(self) -> Forecasts:
        """The prior as the forecast of every row."""
        return Forecasts(np.tile(self.prior, (len(self.raw.y), 1)), self.raw.y)


def show_forecasts(prepared: Prepared, directory: RunDirectory) -> Iterator[Exhibit]:
    """Yields the scores of a run's forecasts, each test span by the model of its own window.

    Nothing for a model that says no probabilities, or where no test row has a label. Of several models it is what they
    say together, each calibrated already, before that is calibrated and after.
    """
    config, labels = prepared.config, prepared.labels
    if "calibration" not in config.model.sections() and not isinstance(config.model, OnlineSettings):
        return
    windows, is_calibrated = [], False
    for window in prepared.windows:
        policy = load_policy(directory.window(window.number), config, prepared.features.hash)
        inner, _ = innermost(policy, prepared.history)
        if not isinstance(inner, OnlinePolicy | Probable):
            return
        is_calibrated = config.calibration is not None and isinstance(inner, ClassifierPolicy | Committee)
        prior = class_prior(window.train.take(labels.y))
        if isinstance(inner, OnlinePolicy):
            folder, shape = directory.window(window.number), (len(window.test.usable), len(prepared.bars.symbols))
            each = learning_forecasts(
                *read_opinions(folder, *shape), labels, window.test, prior, inner.carried.calibration
            )
            is_calibrated = each.calibration is not None
        else:
            each = window_forecasts(policy, prepared.history, labels, window.test, prior)
        if len(each.raw.y):
            windows.append(each)
    if windows:
        yield forecast_exhibit(windows, is_calibrated)


def window_forecasts(policy: Policy, history: History, labels: Labels, part: Slice, prior: Floats) -> WindowForecasts:
    """Returns what a window's policy says of a slice, before its calibration and after.

    Args:
        policy: with whatever is around it.
        history: bars and features as it sees them.
        labels: of the whole series.
        part: the test slice.
        prior: (3,) share of each class among the training rows.
    """
    inner, sight = innermost(policy, history)
    if isinstance(inner, Committee) and isinstance(inner.blend, CalibratedBlend):
        raw = forecasts_of(Committee(inner.members, ExposureConfig(), inner.blend.below), sight, labels, part)
        calibration = inner.blend.calibration
        return WindowForecasts(raw, Forecasts(calibration(raw.probabilities), raw.y), prior, calibration)
    model = inner.classifier if isinstance(inner, ClassifierPolicy) else None
    if not isinstance(inner, ClassifierPolicy) or not isinstance(model, CalibratedClassifier):
        plain = forecasts_of(inner, sight, labels, part)
        return WindowForecasts(plain, plain, prior, None)
    raw = forecasts_of(ClassifierPolicy(model.below, ExposureConfig(), inner.scaler), sight, labels, part)
    return WindowForecasts(raw, Forecasts(model.calibration(raw.probabilities), raw.y), prior, model.calibration)


def learning_forecasts(
    raw: Floats, calibrated: Floats, labels: Labels, part: Slice, prior: Floats, calibration: Calibration | None
) -> WindowForecasts:
    """Returns what a model that learns on said of a slice while it learned.

    Args:
        raw, calibrated: (bar, symbol, 3), as the model said it and as the rule was given it.
        labels: of the whole series.
        part: the test slice.
        prior: (3,) share of each class among the training rows.
        calibration: as it was at the beginning of the slice; None: there is none.
    """
    times, symbols = part.positions
    y = labels.y[times, symbols].astype(np.int64)
    at = times - part.start, symbols
    known = (y >= 0) & np.isfinite(raw[at]).all(axis=1)
    before, after = (Forecasts(each[at][known], y[known]) for each in (raw, calibrated))
    return WindowForecasts(before, after, prior, calibration)


def forecast_exhibit(windows: Sequence[WindowForecasts], is_calibrated: bool) -> Exhibit:
    """Returns the table and the figures of forecasts.

    A skill is the mean over windows, each against its own prior, with the standard error of that mean. Brier score,
    calibration error (class-wise, ten bins of equal count) and accuracy are of the rows of all windows together.

    Args:
        windows: each with some rows.
        is_calibrated: whether what they say was to be calibrated.
    """
    raw, calibrated, prior = (
        Forecasts(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
        for parts in zip(*((each.raw, each.calibrated, each.known) for each in windows), strict=True)
    )
    before, after = np.array([each.skills for each in windows]).T
    rows = [
        ("always the class prior", number(0.0, 1), *_scores(prior)),
        ("as the model says", _with_error(before), *_scores(raw)),
    ]
    drawings = [_drawing("Reliability of what the model says", raw)]
    sentences = [
        f"{count(len(raw.y))} rows out of sample. The skill is the log loss of always saying the class prior of the "
        "training rows less that of the forecasts, in units of 10⁻⁴ nats: above 0 is better than the prior. It is the "
        f"mean over {count(len(windows))} windows, ± the standard error of that mean."
    ]
    if is_calibrated:
        rows.append(("calibrated", _with_error(after), *_scores(calibrated)))
        rows.append(("gain, window by window", _with_error(after - before, plus=True), "", "", ""))
        drawings.insert(0, _drawing("Reliability after calibration", calibrated))
        sentences.append(_fitted(windows))
    columns = ("", "log-loss skill · 10⁴", "Brier score", "calibration error", "accuracy")
    return Exhibit("forecasts", "Forecasts", tuple(sentences), columns, tuple(rows), tuple(drawings))


def _scores(forecasts: Forecasts) -> tuple[str, str, str]:
    """Returns Brier score, calibration error and accuracy as they are shown."""
    right = float((forecasts.probabilities.argmax(axis=1) == forecasts.y).mean())
    error = expected_calibration_error(*forecasts)
    return number(brier_score(*forecasts), 4), number(error, 4), percent(right)


def _with_error(values: Floats, *, plus: bool = False) -> str:
    """Returns the mean of a number by window, and its standard error where there are several."""
    mean = number(float(values.mean()), 1, plus=plus)
    if len(values) < 2:
        return mean
    return f"{mean} ± {number(float(values.std(ddof=1)) / len(values) ** 0.5, 1)}"


def _fitted(windows: Sequence[WindowForecasts]) -> str:
    """Says what was fitted, and in how many windows nothing was."""
    every = [each.calibration.about for each in windows if each.calibration is not None]
    without = len(windows) - len(every)
    words = []
    for name in every[0] if every else ():
        low, high = (significant(edge(about[name] for about in every), 3) for edge in (min, max))
        words.append(f"{name} {low}" + (f" to {high}" if low != high else ""))
    line = f"Fitted: {', '.join(words)}." if words else "No window was calibrated."
    if words and without:
        line += f" {count(without)} of {count(len(windows))} windows had too little to be calibrated on."
    return line


def _drawing(title: str, forecasts: Forecasts) -> Drawing:
    """Draws how often each class came, by the probability that it was given."""
    curves, ends = [], []
    for k, (name, style) in enumerate(zip(CLASSES, _STYLES, strict=True)):
        points = reliability(forecasts.probabilities[:, k], forecasts.y == k)
        given, share, low, high = (tuple(column.tolist()) for column in points[:4])
        curves.append(Curve(name, share, given, low, high, style))
        ends += [given[0], given[-1]]
    line = (min(ends), max(ends))
    note = "How often a class came, by the probability that it was given; bands: 95 % of independent rows."
    return Drawing("lines", title, note, (*curves, Curve("as often as said", line, line, style="flat")))
