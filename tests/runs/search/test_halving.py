"""Batches, and the brackets of Hyperband."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regimen.runs.search.halving import Group, brackets, groups, survivors
from regimen.runs.search.settings import HyperbandConfig, SearchConfig


def test_the_brackets_are_those_of_the_paper() -> None:
    """Li et al. 2018, with R = 27 and η = 3: ⌈4/4 · 27⌉, ⌈4/3 · 9⌉, ⌈4/2 · 3⌉ and 4 trials, first after 1, 3, 9, 27."""
    assert brackets(HyperbandConfig(), 27) == ((27, (1, 3, 9, 0)), (12, (3, 9, 0)), (6, (9, 0)), (4, (0,)))
    assert brackets(HyperbandConfig(), 81)[0] == (81, (1, 3, 9, 27, 0))  # the paper's table for R = 81
    assert [number for number, _ in brackets(HyperbandConfig(), 81)] == [81, 34, 15, 8, 5]


def test_all_epochs_need_not_be_a_power_of_the_factor() -> None:
    assert brackets(HyperbandConfig(smallest=2, factor=3), 20) == ((9, (2, 6, 0)), (5, (6, 0)), (3, (0,)))


@given(st.integers(1, 60), st.integers(1, 9), st.booleans())
def test_groups_hold_each_trial_once(total: int, batch: int, halved: bool) -> None:
    search = SearchConfig(batch=batch, hyperband=HyperbandConfig() if halved else None)
    places = [place for group in groups(search, total, 9) for place in range(group.start, group.stop)]
    assert places == list(range(total))


def test_a_batch_is_trained_to_the_end() -> None:
    assert list(groups(SearchConfig(batch=3), 7, 9)) == [Group(0, 3), Group(3, 6), Group(6, 7)]


@pytest.mark.parametrize("larger", [True, False])
def test_one_in_three_goes_on_and_of_equal_ones_the_earlier(larger: bool) -> None:
    sign = 1.0 if larger else -1.0
    values = {4: 1.0 * sign, 5: 3.0 * sign, 6: 2.0 * sign, 7: 3.0 * sign, 8: 0.0, 9: -1.0 * sign}
    assert survivors(values, 3, larger=larger) == [5, 7]
    assert survivors({8: 1.0, 2: 1.0}, 3, larger=larger) == [2]
