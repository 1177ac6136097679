"""The bound that one more value exceeds with a given chance, for few values and for many."""

from __future__ import annotations

import numpy as np
import pytest

from regimen.monitoring.bounds import upper_bound


@pytest.mark.parametrize("count", [6, 12, 48])
def test_one_more_gumbel_value_exceeds_it_with_the_chance_that_was_asked_for(count: int) -> None:
    draws = 3.0 + 0.7 * np.random.default_rng(2).gumbel(size=(20_000, count + 1))
    bounds = [upper_bound(row[:count], 0.05) for row in draws]
    share = np.mean(draws[:, count] > bounds)
    assert abs(share - 0.05) < 3.0 * np.sqrt(0.05 * 0.95 / 20_000)
