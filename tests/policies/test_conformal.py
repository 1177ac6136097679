"""Policies with intervals around them: smaller where it is wide, flat where too wide, the same bits bar by bar."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError
from tests.markets import bars_of

from regimen import Bars, Market
from regimen.errors import RunError
from regimen.execution import History, MarketConfig, decide, targets
from regimen.labels import FixedHorizonConfig, label
from regimen.policies import ConformalConfig, ConformalPolicy, Constant, ExposureConfig, Fitting, Momentum
from regimen.policies.conformal import ConformalIntervals
from regimen.splits import Slice, WalkForwardConfig, walk_forward

CONFIG = ConformalConfig(coverage=0.8, scores=80, volatility_bars=10, horizon=2)


def market(count: int = 900) -> Bars:
    """Two symbols, the second with holes, whose volatility doubles for a quarter of the bars."""
    rng = np.random.default_rng(4)
    wild = np.where(np.arange(count) // 75 % 4 == 3, 2.0, 1.0)[:, None]
    closes = 100.0 * np.exp(np.cumsum(0.01 * wild * rng.standard_t(5, (count, 2)), axis=0))
    closes[[100, 101, 500, 700, 703], 1] = np.nan
    return bars_of(closes)


def fitting(config: ConformalConfig = CONFIG) -> tuple[ConformalIntervals, Slice, History]:
    bars = market()
    labels = label(FixedHorizonConfig(horizon=5), bars)
    window = walk_forward(WalkForwardConfig(embargo=5), bars, labels)[-1]
    history = Market().history(bars, None)
    return (
        config.fit(Fitting(Constant(1.0), history, labels, MarketConfig(), window.train, window.validation)),
        window.train,
        history,
    )


def widths_of(config: ConformalConfig, history: History) -> NDArray[np.float64]:
    step = config.step(5)
    return step.scan(history.tape, step.initial_state(2)).widths


def test_what_is_typical_is_learned_from_the_training_slice_alone() -> None:
    fitted, train, history = fitting(CONFIG.model_copy(update={"abstain": 0.9}))
    widths = np.sort(train.take(widths_of(CONFIG, history)))
    widths = widths[~np.isnan(widths)]
    assert fitted.typical == np.median(widths)
    assert fitted.widest == widths[math.ceil(0.9 * len(widths)) - 1]
    assert fitted.horizon == 2
    later = history.bars.close.copy()
    later[train.stop :] *= np.random.default_rng(0).uniform(0.5, 2.0, later[train.stop :].shape)
    bars = bars_of(later)
    again = CONFIG.model_copy(update={"abstain": 0.9}).fit(
        Fitting(
            Constant(1.0), Market().history(bars, None), label(FixedHorizonConfig(), bars), MarketConfig(), train, train
        )
    )
    assert (again.typical, again.widest) == (fitted.typical, fitted.widest)


def test_the_horizon_is_that_of_the_labels_unless_it_is_chosen() -> None:
    assert fitting(CONFIG.model_copy(update={"horizon": None}))[0].horizon == 5
    assert fitting()[0].horizon == 2


def test_the_bars_of_a_horizon_share_the_step_of_a_miss() -> None:
    assert CONFIG.step(5).rate == CONFIG.rate / 2
    assert ConformalConfig(horizon=None).step(5).rate == 0.02 / 5


@pytest.mark.parametrize(
    "changes", [{}, {"size_by": "width"}, {"abstain": 0.7}, {"size_by": "width", "abstain": 0.7}], ids=str
)
def test_a_wide_interval_makes_the_exposure_smaller_and_a_too_wide_one_flat(changes: dict[str, object]) -> None:
    config = CONFIG.model_copy(update=changes)
    fitted, _, history = fitting(config)
    widths = widths_of(config, history)
    expected = np.full(widths.shape, 0.6)
    for t, s in np.ndindex(*widths.shape):
        width = widths[t, s]
        if config.size_by == "width":
            expected[t, s] *= 0.0 if math.isnan(width) else min(1.0, fitted.typical / width)
        if config.abstain is not None and not width <= fitted.widest:
            expected[t, s] = 0.0
    alone = fitted.around(Constant(0.6)).exposures(history, 0, len(widths))
    np.testing.assert_allclose(alone, expected, rtol=1e-14)
    assert bool((alone < 0.6).any()) == bool(changes)
    assert bool(((alone == 0.0) & np.isfinite(widths)).any()) == (config.abstain is not None)


@pytest.mark.parametrize("inner", [Constant(1.0), Momentum(5, ExposureConfig())], ids=["constant", "momentum"])
def test_bar_by_bar_gives_the_bits_of_the_whole_and_what_came_before_is_watched(inner: Constant | Momentum) -> None:
    fitted, _, history = fitting(CONFIG.model_copy(update={"size_by": "width", "abstain": 0.9}))
    policy = fitted.around(inner)
    whole = targets(policy, history)
    state = policy.initial_state(2)
    for t in range(len(history.bars)):
        row, state = decide(policy, history.at(t), state)
        np.testing.assert_array_equal(row, whole[t])
    np.testing.assert_array_equal(targets(policy, history, 600, 700), whole[600:700])
    state = policy.initial_state(2)
    for t in range(600):
        state = policy.watch(history.at(t), state)
    np.testing.assert_array_equal(decide(policy, history.at(600), state)[0], whole[600])


def test_what_was_fitted_comes_back() -> None:
    config = CONFIG.model_copy(update={"size_by": "width", "abstain": 0.9})
    fitted, _, history = fitting(config)
    again = config.from_state(fitted.state())
    before, after = (targets(each.around(Constant(1.0)), history) for each in (fitted, again))
    np.testing.assert_array_equal(before, after)
    with pytest.raises(RunError, match="must have horizon, typical, widest"):
        config.from_state({"horizon": np.array(5.0)})


def test_the_intervals_of_a_span_tell_what_became_of_them() -> None:
    fitted, _, history = fitting()
    step = fitted.step
    whole = step.scan(history.tape, step.initial_state(2))
    part = ConformalPolicy(Constant(1.0), fitted).intervals(history, 500, 600)
    np.testing.assert_array_equal(part.widths, whole.widths[500:600])
    np.testing.assert_array_equal(part.misses, whole.misses[500:600])
    end = ConformalPolicy(Constant(1.0), fitted).intervals(history, 890, 900)
    assert np.isnan(end.misses[-3:]).all()
    assert np.isfinite(end.misses[:-3]).all()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"coverage": 0.0}, "greater than 0"),
        ({"coverage": 1.0}, "less than 1"),
        ({"coverage": 0.99, "scores": 98}, r"scores must be at least coverage / \(1 − coverage\), 99 for 0.99; got 98"),
        ({"abstain": 1.0}, "less than 1"),
    ],
)
def test_what_cannot_be_said_is_refused(values: dict[str, float], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        ConformalConfig(**values)
    assert ConformalConfig(coverage=0.99, scores=99).scores == 99


def test_a_training_slice_without_intervals_is_refused() -> None:
    with pytest.raises(RunError, match="intervals: need training bars behind which there are enough"):
        fitting(CONFIG.model_copy(update={"horizon": 800}))
    with pytest.raises(RunError, match=r"intervals\.rate: must be lower: half the training intervals have no end"):
        fitting(CONFIG.model_copy(update={"rate": 0.99, "horizon": 1, "coverage": 0.95}))
