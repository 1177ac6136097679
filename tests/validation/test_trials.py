"""The trials behind a result."""

from __future__ import annotations

import math

import pytest

from regimen.errors import ConfigError
from regimen.validation import Trials


def test_unknown_variance_is_that_of_trials_without_skill() -> None:
    assert Trials(1).variance_used(501) == 1 / 500
    assert Trials(40, math.nan).variance_used(501) == 1 / 500


def test_a_small_variance_of_few_trials_is_not_believed() -> None:
    assert Trials(3, 1e-9).variance_used(501) == 1 / 500
    assert Trials(3, 0.01).variance_used(501) == 0.01
    assert Trials(10, 1e-9).variance_used(501) == 1e-9
    # Fifty trials of which two were evaluated.
    assert Trials(50, 1e-9, measured=2).variance_used(501) == 1 / 500


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"count": 0}, "trials.count: must be at least 1"),
        ({"count": 3, "sharpe_variance": -0.1}, "trials.sharpe_variance: must not be negative"),
        ({"count": 3, "effective": 4}, "trials.effective: must be from 1 to the count of 3"),
    ],
)
def test_impossible_trials_are_refused(values: dict[str, float], line: str) -> None:
    with pytest.raises(ConfigError, match=line):
        Trials(**values)  # type: ignore[arg-type]
