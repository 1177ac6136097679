"""p-values of draws, Benjamini and Hochberg's correction, and intervals of a mean, by their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from regimen.errors import ConfigError
from regimen.metrics import benjamini_hochberg, exceedance_p, sequential_p, standard_error, t_interval


def test_a_p_value_counts_what_was_observed_among_the_draws() -> None:
    assert exceedance_p(0.0, np.arange(1.0, 100.0)) == 0.01
    assert exceedance_p(1.0, np.array([1.0, 2.0, 0.0])) == 0.75  # a draw as low counts
    assert exceedance_p(1.0, np.empty(0)) == 1.0


def test_a_sequential_p_value_stops_at_the_last_draw_that_counts() -> None:
    draws = np.array([3.0, 0.0, 3.0, 1.0, 3.0, 0.0, 3.0])
    assert sequential_p(1.0, draws, 2) == 2 / 4  # the second draw that is as low is the fourth
    assert sequential_p(1.0, draws[:4], 2) == 2 / 4
    assert sequential_p(1.0, draws, 4) == exceedance_p(1.0, draws) == 4 / 8


def test_a_sequential_p_value_is_uniform_on_its_values() -> None:
    """Besag and Clifford (1991), section 2: P(p <= a) = a at each of them, of 20,000 exchangeable rows."""
    rows = np.random.default_rng(0).random((20_000, 20))
    p = np.array([sequential_p(row[0], row[1:], 3) for row in rows])
    values = np.unique(p)
    assert values.tolist() == pytest.approx(sorted([1 / 20, 2 / 20, 3 / 20, *(3 / count for count in range(3, 20))]))
    for value in values:
        assert (p <= value).mean() == pytest.approx(value, abs=4.0 * math.sqrt(value * (1.0 - value) / len(p)))


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=40))
def test_the_correction_is_that_of_scipy(p: list[float]) -> None:
    np.testing.assert_allclose(benjamini_hochberg(np.array(p)), stats.false_discovery_control(p), rtol=1e-12)


def test_the_correction_by_hand() -> None:
    """Benjamini and Hochberg (1995), section 3.2: of fifteen p-values the first four pass at .05."""
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528]
    q = benjamini_hochberg(np.array([*p, 0.7590, 1.0]))
    assert (q <= 0.05).sum() == 4
    with pytest.raises(ConfigError, match="p: must lie between 0 and 1"):
        benjamini_hochberg(np.array([0.5, np.nan]))


def test_an_interval_of_a_mean_is_students() -> None:
    values = np.random.default_rng(0).normal(size=7)
    expected = stats.t.interval(0.9, 6, loc=values.mean(), scale=stats.sem(values))
    assert t_interval(values, 0.9) == pytest.approx(expected)
    assert standard_error(values) == pytest.approx(stats.sem(values))
    assert all(math.isnan(end) for end in t_interval(values[:1]))
