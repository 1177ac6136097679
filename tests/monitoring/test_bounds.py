"""The bound that one more value exceeds with a given chance, by rank and for few values."""

from __future__ import annotations

import numpy as np
import pytest

from regimen.monitoring.bounds import upper_bound


def test_with_enough_values_it_is_the_conformal_rank() -> None:
    scores = np.random.default_rng(1).permutation(np.arange(1.0, 40.0))
    assert upper_bound(scores, 0.05) == (38.0, "rank")  # the ⌈.95 · 40⌉-th of 39
    assert upper_bound(scores[:19], 0.05) == (scores[:19].max(), "rank")


@pytest.mark.parametrize("count", [6, 12, 18])
def test_with_few_values_one_more_gumbel_value_exceeds_it_with_the_chance_that_was_asked_for(count: int) -> None:
    draws = 3.0 + 0.7 * np.random.default_rng(2).gumbel(size=(4000, count + 1))
    bounds = [upper_bound(row[:count], 0.05) for row in draws]
    assert {bound.method for bound in bounds} == {"gumbel"}
    share = np.mean(draws[:, count] > [bound.value for bound in bounds])
    assert abs(share - 0.05) < 3.0 * np.sqrt(0.05 * 0.95 / 4000)
