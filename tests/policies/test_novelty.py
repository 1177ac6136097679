"""The gate before a policy: flat exactly where rows are new, open elsewhere, bar by bar as on the whole tape."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.markets import random_walk

from regimen import Market
from regimen.errors import RunError
from regimen.execution import History, MarketConfig, decide, targets
from regimen.labels import FixedHorizonConfig, Labels, label
from regimen.policies import Constant, ExposureConfig, Fitting, Momentum, NoveltyConfig
from regimen.policies.novelty import NoveltyGate
from regimen.splits import WalkForwardConfig, Window, walk_forward

LEVEL = 0.02


def market(shift: slice | None = None) -> tuple[History, Labels, Window]:
    """Two symbols with five correlated features, some of them missing, and a shift of all where that is wished."""
    rng = np.random.default_rng(1)
    bars = random_walk(1200, symbols=2)
    features = rng.standard_t(6, (1200, 2, 5)) @ rng.normal(size=(5, 5))
    features[rng.random((1200, 2)) < 0.02, 3] = np.nan
    if shift is not None:
        features[shift] += 60.0
    labels = label(FixedHorizonConfig(), bars)
    window = walk_forward(WalkForwardConfig(embargo=5), bars, labels)[-1]
    return Market().history(bars, features), labels, window


def fitted(history: History, labels: Labels, window: Window, config: NoveltyConfig | None = None) -> NoveltyGate:
    config = config or NoveltyConfig(level=LEVEL)
    return config.fit(Fitting(Constant(1.0), history, labels, MarketConfig(), window.train, window.validation))


def test_it_is_flat_exactly_where_a_shift_was_planted() -> None:
    history, labels, window = market()
    start, stop = window.test.start, window.test.stop
    shifted, _, _ = market(slice(start + 20, start + 60))
    policy = fitted(history, labels, window).around(Constant(0.7))
    open_, closed = (policy.exposures(each, start, stop) == 0.7 for each in (history, shifted))
    assert not closed[20:60].any()
    np.testing.assert_array_equal(np.delete(closed, slice(20, 60), axis=0), np.delete(open_, slice(20, 60), axis=0))
    whole = np.isfinite(history.features[start:stop]).all(axis=2)
    assert not open_[~whole].any()
    assert (~open_[whole]).mean() < 3 * LEVEL


@pytest.mark.parametrize("inner", [Constant(1.0), Momentum(5, ExposureConfig())], ids=["constant", "momentum"])
def test_bar_by_bar_gives_the_bits_of_the_whole(inner: Constant | Momentum) -> None:
    history, labels, window = market(slice(900, 950))
    policy = fitted(history, labels, window).around(inner)
    whole = targets(policy, history)
    state = policy.initial_state(2)
    for t in range(len(history.bars)):
        row, state = decide(policy, history.at(t), state)
        np.testing.assert_array_equal(row, whole[t])
    np.testing.assert_array_equal(targets(policy, history, 930, 1000), whole[930:1000])


def test_it_is_fitted_on_training_and_validation_rows_alone() -> None:
    history, labels, window = market()
    mask = window.train.mask | window.validation.mask
    poisoned: NDArray[np.float64] = np.where(mask[..., None], history.features, 1e9)
    mine = fitted(history, labels, window).state()
    other = fitted(replace(history, features=poisoned), labels, window).state()
    for name, array in mine.items():
        np.testing.assert_array_equal(array, other[name])


def test_what_was_fitted_comes_back() -> None:
    history, labels, window = market(slice(900, 950))
    gate = fitted(history, labels, window)
    again = gate.config.from_state({name: np.array(each.tolist()) for name, each in gate.state().items()})
    before, after = (targets(each.around(Constant(1.0)), history, 800, 1000) for each in (gate, again))
    np.testing.assert_array_equal(before, after)
    for damage in ({}, {**gate.state(), "mean": np.zeros(3)}):
        with pytest.raises(RunError, match="must have mean, weight, whitening, reference"):
            gate.config.from_state(damage)


def test_a_level_that_no_row_could_be_below_is_refused() -> None:
    history, labels, window = market()
    rows = int(np.isfinite(window.validation.take(history.features)).all(axis=1).sum())
    with pytest.raises(RunError, match=rf"novelty.level: must be above .*, the least p-value with {rows} validation"):
        fitted(history, labels, window, NoveltyConfig(level=0.9 / (rows + 1)))
    fitted(history, labels, window, NoveltyConfig(level=1.1 / (rows + 1)))
