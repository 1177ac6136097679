"""The rule of exposure of a window: the config itself, or what Kelly's is fitted to; kept in a file."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from regimen.policies import ExposureConfig, ExposureRule, FractionalKellyConfig, FunctionConfig, KellyRule
from regimen.records import RunConfig, unread_by
from regimen.records.layout import EXPOSURE
from regimen.runs.families.scaling import read_arrays, write_arrays
from regimen.runs.prepare import Prepared
from regimen.splits import Window

Floats = NDArray[np.float64]


def aiming(config: RunConfig) -> ExposureConfig | FractionalKellyConfig:
    """Returns how opinions become exposures: without limits and dead band where a no-trade band comes after them."""
    exposure = config.exposure
    if config.band is None or isinstance(config.model, FunctionConfig):  # a function is asked to keep to the limits
        return exposure
    free: dict[str, object] = {"max_exposure": math.inf, "long_only": False}
    if isinstance(exposure, ExposureConfig):
        free["dead_band"] = 0.0
    return exposure.model_copy(update=free)


def limits_of(config: RunConfig) -> tuple[float, float]:
    """Returns the lowest and the highest exposure that a config allows; infinite where the model has its own."""
    if "exposure" in unread_by(config.model):
        return -math.inf, math.inf
    exposure = config.exposure
    return 0.0 if exposure.long_only else -exposure.max_exposure, exposure.max_exposure


def unconfirmed_rule(prepared: Prepared, window: Window) -> ExposureRule:
    """Returns the rule of a window as its training slice has it, before any probabilities are known."""
    config, costs = aiming(prepared.config), prepared.config.market.costs
    if isinstance(config, ExposureConfig):
        return config
    return config.fit(prepared.labels, window.train, 0.0 if prepared.config.band is not None else costs.round_trip)


def fit_rule(prepared: Prepared, window: Window, opinions: Callable[[], Floats]) -> ExposureRule:
    """Returns the rule of a window.

    Args:
        prepared: bars and labels.
        window: the window.
        opinions: gives the calibrated probabilities (stop − start, symbol, 3) of the bars of its validation slice.
    """
    rule = unconfirmed_rule(prepared, window)
    if isinstance(rule, KellyRule) and rule.config.shrink:
        return rule.confirmed_by(opinions(), prepared.labels, window.validation)
    return rule


def write_rule(rule: ExposureRule, folder: Path) -> None:
    """Writes what a rule was fitted to into a window's folder, where it was fitted."""
    if isinstance(rule, KellyRule):
        write_arrays(folder, EXPOSURE, rule.state())


def read_rule(folder: Path, config: RunConfig) -> ExposureRule:
    """Reads what `write_rule` wrote.

    Raises:
        RunError: the file is missing or damaged.
    """
    rule = aiming(config)
    if isinstance(rule, ExposureConfig):
        return rule
    return KellyRule.from_state(rule, read_arrays(folder, EXPOSURE))
