"""The alarm of a policy that does one thing only: its count, its threshold, its false alarms and what it finds."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from regimen.errors import ConfigError, DataError, RunError
from regimen.monitoring import CollapseConfig, CollapseReference
from regimen.monitoring.bounds import upper_bound

Floats = NDArray[np.float64]
CONFIG = CollapseConfig(window=40, step=0.5)


def decisions(count: int, seed: int = 0, symbols: int = 2) -> Floats:
    """Exposures that stay for ten bars as a rule, some of them NaN."""
    rng = np.random.default_rng(seed)
    turns = rng.random((count, symbols)) < 0.1
    turns[0] = True
    latest = np.maximum.accumulate(np.where(turns, np.arange(count)[:, None], 0), axis=0)
    drawn = rng.choice([-1.0, -0.5, 0.0, 0.5, 1.0, np.nan], (count, symbols))
    return np.take_along_axis(drawn, latest, axis=0)


def test_share_and_entropy_are_those_of_a_count() -> None:
    reference = CollapseReference.of(decisions(600), CONFIG)
    later, state = decisions(53, seed=1), reference.initial()
    for t, row in enumerate(later, 1):
        state = reference.observe(state, row)
        assert reference.is_due(state) == (t in (40, 50))
        assert (reference.reading(state) is None) == (t < 40)
    reading = reference.reading(state)
    assert reading is not None
    _, counts = np.unique(later[10:50], return_counts=True)
    p = counts / 80
    np.testing.assert_allclose(reading.share, p.max())
    np.testing.assert_allclose(reading.entropy, -(p * np.log(p)).sum() / np.log(6))


@pytest.mark.parametrize("bars", [0, 15, 16, 17, 21, 200])
def test_the_shares_of_all_checks_are_those_of_one_bar_after_the_other(bars: int) -> None:
    reference = CollapseReference.of(decisions(600), CollapseConfig(window=16, checks=4, step=0.5))
    later, state = decisions(200, seed=1)[:bars], reference.initial()
    checks: list[int] = []
    seen: list[float] = []
    for bar, row in enumerate(later):
        reading = reference.reading(state) if reference.advance(state, row) else None
        if reading is not None:
            checks.append(bar)
            seen.append(reading.share)
    at, shares = reference.shares(later)
    assert at.tolist() == checks == list(range(15, bars, 4))
    assert shares.tolist() == seen


def test_the_threshold_is_the_bound_of_the_largest_shares_of_windows() -> None:
    table = decisions(40 * 20 + 30)
    reference = CollapseReference.of(table, CollapseConfig(window=40, checks=4, step=0.5, level=0.05))
    largest = []
    for first in range(0, 80 - 3, 4):
        if first + 3 + 4 <= 83:
            starts = [10 * k for k in range(first, first + 4)]
            largest.append(max(np.unique(table[s : s + 40], return_counts=True)[1].max() / 80 for s in starts))
    assert len(largest) == 20
    bound = upper_bound(-np.log1p(-np.array(largest)), 0.05)
    np.testing.assert_allclose(reference.threshold, 1.0 - np.exp(-bound), rtol=1e-12)


def test_exposures_beyond_the_most_and_between_steps_have_their_action() -> None:
    reference = CollapseReference.of(decisions(600), CONFIG)
    state = reference.observe(reference.initial(), np.array([7.0, -0.3]))
    assert list(state.current) == [0, 1, 0, 0, 1, 0]


def test_a_policy_that_stays_where_it_is_rings_and_one_that_goes_on_as_before_does_not() -> None:
    false, found = [], []
    for seed in range(20):
        table = decisions(40 * 30, seed)
        reference = CollapseReference.of(table[: 40 * 20], CollapseConfig(window=40, checks=1, step=0.5, level=0.05))
        for part in np.split(table[40 * 20 :], 10):
            false.append(rings(reference, part))
        found.append(rings(reference, np.full((40, 2), 0.5)))
    assert np.mean(false) <= 0.05 + 3.0 * np.sqrt(0.05 * 0.95 / len(false))
    assert np.mean(found) == 1.0


def rings(reference: CollapseReference, table: Floats) -> bool:
    state = reference.initial()
    for row in table:
        state = reference.observe(state, row)
    reading = reference.reading(state)
    assert reading is not None
    return reading.rings


def test_a_policy_of_one_mind_in_training_cannot_ring() -> None:
    table = decisions(600)
    table[100:200] = 0.0
    reference = CollapseReference.of(table, CONFIG)
    assert reference.threshold == 1.0
    assert not rings(reference, np.zeros((40, 2)))


def test_what_was_fitted_comes_back_and_what_cannot_be_is_refused() -> None:
    reference = CollapseReference.of(decisions(600), CONFIG)
    again = CollapseReference.of_dict(json.loads(json.dumps(reference.to_dict())))
    assert again.to_dict() == reference.to_dict()
    assert "windows of 40 bars" in repr(again)
    with pytest.raises(RunError, match="damaged"):
        CollapseReference.of_dict({"config": {}})
    with pytest.raises(ConfigError, match=r"collapse\.wind"):
        CollapseReference.of_dict({**reference.to_dict(), "config": {"wind": 3}})
    with pytest.raises(DataError, match="6 windows of 40 bars"):
        CollapseReference.of(decisions(200), CONFIG)
    with pytest.raises(ValueError, match="multiple of checks"):
        CollapseConfig(window=42)
    assert CollapseConfig().bars(252.0) == 20
