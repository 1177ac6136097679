"""What an ablation measures of a finished run: one function of a seed and a window each, in the order of the table."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regimen import metrics
from regimen.records import Effort
from regimen.reporting.ablation import Column
from regimen.runs.ablation.robustness import (
    EPSILON,
    RADIUS,
    SIGMA,
    STEPS,
    adversarial_accuracy,
    certified_accuracy,
)
from regimen.runs.ablation.scored import Scored
from regimen.runs.families.calibrated_rule import Forecasts
from regimen.splits import Window

_UNIT = 1e4
"""What a skill, in nats, is multiplied with where it is shown."""
_WILD = 0.95
"""Bars of a higher trailing volatility than this share of the training rows are a crisis."""
_FEWEST = 20
"""Rows of a window below which no share of them is said."""


@dataclass(frozen=True)
class Measure:
    """A column of the table, and how it is measured.

    Attributes:
        column: name, title and direction.
        of: (run, seed, window) -> its score; NaN where it is not known.
    """

    column: Column
    of: Callable[[Scored, int, Window], float]


def _accuracy(forecasts: Forecasts) -> float:
    right = forecasts.probabilities.argmax(axis=1) == forecasts.y
    return 100.0 * float(right.mean()) if len(right) >= _FEWEST else math.nan


def _skill(scored: Scored, seed: int, window: Window) -> float:
    forecasts = _test(scored, seed, window)
    return _UNIT * metrics.log_loss_skill(*forecasts, scored.prior(window)) if len(forecasts.y) else math.nan


def _test(scored: Scored, seed: int, window: Window) -> Forecasts:
    """What is said of the test span; no row where the model gives no probabilities."""
    if not scored.says_probabilities:
        return Forecasts(np.empty((0, 3)), np.empty(0, np.int64))
    return scored.forecasts(seed, window, window.test)


def _test_accuracy(scored: Scored, seed: int, window: Window) -> float:
    return _accuracy(_test(scored, seed, window))


def _gap(scored: Scored, seed: int, window: Window) -> float:
    if not scored.says_probabilities:
        return math.nan
    return _accuracy(scored.forecasts(seed, window, window.train)) - _accuracy(_test(scored, seed, window))


def _crisis(scored: Scored, seed: int, window: Window) -> float:
    if not scored.says_probabilities:
        return math.nan
    volatility = scored.prepared.volatility
    calm = window.train.take(volatility)
    wild = window.test.among(volatility > np.nanquantile(calm, _WILD))
    return _accuracy(scored.forecasts(seed, window, wild)) if wild.rows >= _FEWEST else math.nan


def _calibration(scored: Scored, seed: int, window: Window) -> float:
    forecasts = _test(scored, seed, window)
    return 100.0 * metrics.expected_calibration_error(*forecasts) if len(forecasts.y) else math.nan


def _sharpe(scored: Scored, seed: int, window: Window) -> float:
    returns = scored.ledger(seed).returns[scored.traded(window)]
    ratio = metrics.annual_sharpe(returns, scored.prepared.bars.periods_per_year)
    return ratio if math.isfinite(ratio) else 0.0  # whoever never moved earned nothing


def _turnover(scored: Scored, seed: int, window: Window) -> float:
    turnover = scored.ledger(seed).turnover[scored.traded(window)]
    return metrics.annual_turnover(turnover, scored.prepared.bars.periods_per_year)


def _seconds(scored: Scored, seed: int, window: Window) -> float:
    effort = Effort.read(scored.folder(seed, window).path)
    return math.nan if effort is None or not effort.whole else effort.seconds


MEASURES: tuple[Measure, ...] = (
    Measure(
        Column(
            *("skill", "log-loss skill · 10⁴", 1, 1),
            "log loss of always saying the training rows' class shares less that of the forecasts, 10⁻⁴ nats",
        ),
        _skill,
    ),
    Measure(Column("accuracy", "accuracy, %", 1, 2, "share of test rows whose likeliest class came"), _test_accuracy),
    Measure(
        Column("gap", "generalisation gap, points", -1, 2, "accuracy on the training rows less that on the test rows"),
        _gap,
    ),
    Measure(
        Column(
            *("crisis", "crisis accuracy, %", 1, 2),
            "accuracy on test rows of a higher trailing volatility than 95 % of the training rows",
        ),
        _crisis,
    ),
    Measure(
        Column(
            *("adversarial", "adversarial accuracy, %", 1, 2),
            f"accuracy on test rows after {STEPS} steps of projected gradient descent, scaled features ± {EPSILON:g}",
        ),
        adversarial_accuracy,
    ),
    Measure(
        Column(
            *("certified", "certified accuracy, %", 1, 2),
            f"share of test rows that the model smoothed by σ = {SIGMA:g} is right about, certified to {RADIUS:g}",
        ),
        certified_accuracy,
    ),
    Measure(
        Column(
            *("calibration", "calibration error, points", -1, 2),
            "how far classes come from as often as said, class-wise, ten bins of equal count",
        ),
        _calibration,
    ),
    Measure(Column("sharpe", "net Sharpe", 1, 2, "annual, after costs, of the bars of each window"), _sharpe),
    Measure(Column("turnover", "turnover a year", 0, 0, "traded notional in multiples of the equity"), _turnover),
    Measure(Column("seconds", "seconds a fit", 0, 2, "wall time on the machine that trained"), _seconds),
)
"""The measures of an ablation. What attacks, certificates or scenarios say of a run is one more of them."""


def measured(scored: Scored, measures: Sequence[Measure] = MEASURES) -> dict[str, NDArray[np.float64]]:
    """Returns the scores (seed, window) of a run by the name of the measure.

    Each policy is loaded once, and seeds that share their preprocessing look at one history.
    """
    seeds, windows = scored.config.all_seeds, scored.prepared.windows
    tables = {measure.column.name: np.full((len(seeds), len(windows)), np.nan) for measure in measures}
    for column, window in enumerate(windows):
        for row, seed in enumerate(seeds):
            for measure in measures:
                tables[measure.column.name][row, column] = measure.of(scored, seed, window)
    return tables
