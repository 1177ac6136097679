"""What a searcher tries reads the past alone, and is never the same twice."""

from __future__ import annotations

import numpy as np
import pytest
from tests.markets import bars_of, random_walk

from regimen.runs.calibration import Strategy, draw_strategies
from regimen.runs.calibration.strategies import FAMILIES


@pytest.mark.parametrize("family", FAMILIES)
def test_a_strategy_does_not_see_the_future(family: str) -> None:
    bars = random_walk(600, symbols=2, seed=3)
    other = bars.close.copy()
    other[400:] *= np.exp(np.random.default_rng(0).normal(0.0, 0.05, other[400:].shape))
    strategy = Strategy(family, 40, short=True)
    before, after = strategy.targets(bars), strategy.targets(bars_of(other, start="2001-01-01"))
    assert np.array_equal(before[:400], after[:400])
    assert not np.array_equal(before[400:], after[400:])
    assert set(np.unique(before)) <= {-0.5, 0.0, 0.5}  # of two symbols
    assert np.count_nonzero(np.diff(before[:, 0])) >= 5


def test_who_does_not_go_short_is_flat_instead() -> None:
    bars = random_walk(600)
    both, long = (Strategy("momentum", 20, short=short).targets(bars) for short in (True, False))
    assert np.array_equal(long, np.maximum(both, 0.0))


def test_strategies_differ_and_more_of_them_begin_with_the_same() -> None:
    few, many = draw_strategies(10, 1, 7), draw_strategies(100, 1, 7)
    assert many[:10] == few
    assert len(set(many)) == 100
    assert draw_strategies(10, 1, 8) != few
