"""How much a parameter mattered: shares of variance against closed forms, and nothing where there is nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from regimen.reporting.search import sensitivity_of


def test_a_choice_that_decides_everything_explains_it_and_one_that_decides_nothing_does_not() -> None:
    rng = np.random.default_rng(0)
    kinds = ["a", "b", "c"] * 20
    score = [{"a": 0.0, "b": 1.0, "c": 2.0}[kind] for kind in kinds]
    assert sensitivity_of("model.kind", kinds, score, larger=True).share == 1.0
    shares = [sensitivity_of("x", kinds, rng.normal(size=60), larger=True).share for _ in range(300)]
    assert float(np.mean(shares)) < 0.02  # without the correction 2/59 = .034 would be explained by chance


def test_the_share_is_that_of_the_variance() -> None:
    """Score = group (variance 1/4) + noise (variance 1/4): one half."""
    rng = np.random.default_rng(1)
    values = [False, True] * 5_000
    score = np.array(values, dtype=float) + rng.normal(0, 0.5, 10_000)
    assert sensitivity_of("x", values, score.tolist(), larger=True).share == pytest.approx(0.5, abs=0.02)


def test_many_numbers_are_three_parts_of_equal_count() -> None:
    each = sensitivity_of("x", [float(k) for k in range(9)], [float(k) for k in range(9)], larger=False)
    assert [part.values for part in each.parts] == [(0.0, 2.0), (3.0, 5.0), (6.0, 8.0)]
    assert [part.trials for part in each.parts] == [3, 3, 3]
    assert [part.best for part in each.parts] == [0.0, 3.0, 6.0]
    assert [part.mean for part in each.parts] == [1.0, 4.0, 7.0]


def test_what_is_not_known_is_not_said() -> None:
    assert math.isnan(sensitivity_of("x", [1, 2], [0.0, 1.0], larger=True).share)
    assert math.isnan(sensitivity_of("x", [1, 1, 2, 2], [1.0] * 4, larger=True).share)
