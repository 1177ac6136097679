"""How sure a policy is of what it decides, for the limit of confidence."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from regimen.execution import History, Policy
from regimen.policies import Probable, innermost
from regimen.records import RunConfig
from regimen.splits import Window

Floats = NDArray[np.float64]


def entropy_confidence(probabilities: Floats) -> Floats:
    """Returns ``1 − H(p) / ln n`` of probabilities (..., n): 1 is certain, 0 knows nothing; NaN stays."""
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(probabilities > 0.0, probabilities * np.log(probabilities), 0.0 * probabilities)
    return np.asarray(np.clip(1.0 + parts.sum(axis=-1) / np.log(probabilities.shape[-1]), 0.0, 1.0))


def confidence_of(policy: Policy, history: History, start: int, stop: int) -> Floats:
    """Returns (stop − start, symbol) how sure a policy is at bars [start, stop); NaN where it says no probabilities.

    It is `entropy_confidence` of the classes' probabilities, calibrated as they trade, as a bundle serves it.
    """
    inner, sight = innermost(policy, history)
    if not isinstance(inner, Probable):
        return np.full((stop - start, len(history.bars.symbols)), np.nan)
    return entropy_confidence(inner.probabilities(sight, start, stop))


def confidences(
    config: RunConfig, history: History, windows: tuple[Window, ...], policy_of: Callable[[Window], Policy]
) -> Floats | None:
    """Returns (time, symbol) how sure each window's policy is on its test span; NaN outside them.

    None where no limit asks for it.

    Args:
        config: of the run.
        history: bars and features as the policies see them.
        windows: of the run.
        policy_of: the policy of a window.
    """
    if config.safeguards is None or config.safeguards.confidence is None:
        return None
    rows = np.full(history.bars.shape, np.nan)
    for window in windows:
        span = window.test.start, window.test.stop
        rows[slice(*span)] = confidence_of(policy_of(window), history, *span)
    return rows
