"""A classifier that learns while it trades: bar by bar as at once, in stretches as in one, and blind to the future."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.markets import bars_of

from regimen.bars import Bars
from regimen.execution import History, Market, decide, targets
from regimen.labels import FixedHorizonConfig, LabelStep, TripleBarrierConfig, label
from regimen.policies import ExposureConfig
from regimen.policies.online import NEVER, Carried, OnlinePolicy, StreamCalibrationConfig, read_carried
from regimen.predictors import OnlineLogisticConfig

HORIZON = FixedHorizonConfig(horizon=3, dead_band=0.2, volatility_bars=10)
BARRIERS = TripleBarrierConfig(horizon=5, upper=1.0, lower=1.0, volatility_bars=10)
RULE = ExposureConfig(dead_band=0.02, scale=3.0)
COLUMNS = 4
MODEL = OnlineLogisticConfig(learning_rate=0.1)


def market(bars: int = 400, symbols: int = 2, seed: int = 0) -> tuple[Bars, np.ndarray]:
    """Returns bars whose next moves the first column of the features tells of, and the features."""
    rng = np.random.default_rng(seed)
    moves = rng.normal(0.0, 0.01, (bars, symbols))
    features = rng.normal(size=(bars, symbols, COLUMNS))
    features[:-1, :, 0] += 60.0 * moves[1:]
    close = 100.0 * np.exp(np.cumsum(moves, axis=0))
    close[50:60, -1] = np.nan
    features[100:105, 0] = np.nan
    return bars_of(close, step="1h"), features


def history_of(bars: Bars, features: np.ndarray) -> History:
    return Market().history(bars, features)


def fresh(symbols: int = 2, until: int = NEVER, *, calibrated: bool = True) -> Carried:
    calibration = StreamCalibrationConfig().build() if calibrated else None
    return Carried(MODEL.build(COLUMNS), calibration, until, np.empty(0, np.int64), np.empty((0, symbols, 3)))


def policy(carried: Carried, labels: FixedHorizonConfig | TripleBarrierConfig = HORIZON) -> OnlinePolicy:
    return OnlinePolicy(carried, LabelStep.of(labels), RULE)


@pytest.mark.parametrize("labels", [HORIZON, BARRIERS], ids=lambda labels: labels.kind)
def test_bar_by_bar_it_decides_as_at_once(labels: FixedHorizonConfig | TripleBarrierConfig) -> None:
    history = history_of(*market())
    at_once = targets(policy(fresh(), labels), history, 150, 400)
    again = policy(fresh(), labels)
    state = again.initial_state(2)
    for t in range(150):
        state = again.watch(history.at(t), state)
    for t in range(150, 400):
        before = state.copy()
        row, following = decide(again, history.at(t), state)
        np.testing.assert_array_equal(state, before)  # a state is not changed in place
        np.testing.assert_array_equal(row, at_once[t - 150])
        state = following
    assert np.abs(np.nan_to_num(at_once)).max() > 0.1


@pytest.mark.parametrize("labels", [HORIZON, BARRIERS], ids=lambda labels: labels.kind)
def test_in_stretches_that_begin_where_the_last_one_ended_it_decides_as_in_one(
    labels: FixedHorizonConfig | TripleBarrierConfig, tmp_path: Path
) -> None:
    history = history_of(*market())
    whole = targets(policy(fresh(), labels), history, 0, 400)
    carried, parts = fresh(), []
    for number, (start, stop) in enumerate([(0, 1), (1, 120), (120, 121), (121, 300), (300, 400)]):
        here = policy(carried, labels)
        parts.append(targets(here, history, start, stop))
        here.carried_to(history, stop).save(tmp_path / str(number))
        calibration = StreamCalibrationConfig().build()
        carried = read_carried(tmp_path / str(number), MODEL.read(tmp_path / str(number), ""), calibration)
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_it_learns_exactly_the_labels_whose_last_bar_has_come() -> None:
    bars, features = market()
    history = history_of(bars, features)
    labels = label(HORIZON, bars)
    for stop in (60, 233, 400):
        carried = policy(fresh(calibrated=False)).carried_to(history, stop)
        known = np.isfinite(features).all(axis=2) & bars.present
        expected = MODEL.build(COLUMNS)
        order = sorted((labels.t_end[t, s], s, t) for t, s in np.argwhere(labels.defined & known))
        for end, s, t in order:
            if end < stop:
                expected.learn(features[t, s][None], labels.y[t, s][None])
        np.testing.assert_array_equal(carried.learner.numbers, expected.numbers)  # type: ignore[attr-defined]


def test_bars_of_the_future_change_nothing_that_was_decided() -> None:
    bars, features = market()
    expected = targets(policy(fresh()), history_of(bars, features), 0, 300)
    rng = np.random.default_rng(9)
    close = bars.close.copy()
    close[300:] *= np.exp(rng.normal(0.0, 0.2, close[300:].shape))
    poisoned = features.copy()
    poisoned[300:] = rng.normal(size=poisoned[300:].shape)
    found = targets(policy(fresh()), history_of(bars_of(close, step="1h"), poisoned), 0, 300)
    np.testing.assert_array_equal(found, expected)


def test_up_to_the_bar_that_it_has_learned_to_it_is_a_fixed_model() -> None:
    history = history_of(*market())
    carried = policy(fresh()).carried_to(history, 300)
    fixed = policy(carried)
    says = fixed.probabilities(history, 0, 300)
    known = np.isfinite(says[..., 0])
    assert carried.calibration is not None
    expected = carried.calibration(carried.learner.predict_proba(history.features[:300][known]))
    np.testing.assert_array_equal(says[known], expected)
    assert not np.array_equal(
        fixed.probabilities(history, 300, 400)[-1, 0], fixed.carried.learner.predict_proba(history.features[399, :1])[0]
    )


def test_what_can_be_told_is_learned_and_what_cannot_is_not() -> None:
    bars, features = market(4000, 1, seed=3)
    labels = label(HORIZON, bars)
    rows = labels.defined[2000:, 0] & np.isfinite(features[2000:, 0]).all(axis=1)
    y = labels.y[2000:, 0][rows]
    loss = {}
    for name, seen in {"told": features, "noise": np.random.default_rng(1).normal(size=features.shape)}.items():
        says = policy(fresh(1)).probabilities(history_of(bars, seen), 2000, 4000)[:, 0][rows]
        loss[name] = float(-np.log(says[np.arange(len(y)), y]).mean())
    prior = np.bincount(y) / len(y)
    entropy = float(-(prior * np.log(prior)).sum())
    assert loss["told"] < entropy - 0.015
    assert entropy - 0.005 < loss["noise"] < entropy + 0.02


def test_on_a_martingale_nothing_is_learned() -> None:
    rng = np.random.default_rng(2)
    moves = rng.normal(0.0, 0.01, (20_000, 1))
    bars = bars_of(100.0 * np.cumprod(1.0 + moves, axis=0), step="1h")
    past = [np.roll(moves, k, axis=0) / 0.01 for k in range(COLUMNS)]
    features = np.concatenate(past, axis=1)[:, None]
    coin = FixedHorizonConfig(horizon=1, dead_band=0.0, volatility_bars=10)
    says = policy(fresh(1), coin).probabilities(history_of(bars, features), 0, len(bars))[:, 0]
    labels = label(coin, bars)
    rows = labels.defined[:, 0] & np.isfinite(says[:, 0])
    y, given = labels.y[rows, 0], says[rows]
    assert set(np.unique(y)) == {0, 2}
    right = float((np.where(given[:, 2] > given[:, 0], 2, 0) == y).mean())
    assert abs(right - 0.5) < 0.01  # 2.8 standard deviations of a coin
    loss = -np.log(given[np.arange(len(y)), y])[2000:].mean()
    assert np.log(2.0) - 0.002 < loss < np.log(2.0) + 0.005


def test_symbols_teach_one_model() -> None:
    history = history_of(*market())
    state = policy(fresh()).initial_state(2)
    own = policy(fresh())
    for t in range(200):
        state = own.watch(history.at(t), state)
    knowledge = state[:, -MODEL.build(COLUMNS).numbers.size - 42 :]
    np.testing.assert_array_equal(knowledge[0], knowledge[1])
    assert np.abs(knowledge).max() > 0.0
