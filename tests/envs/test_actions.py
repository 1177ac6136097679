"""Actions become the documented targets, and verbs and weights translate into each other."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regimen.bars import Bars
from regimen.envs import Migrator, VectorMarket, Verb, VerbsConfig
from regimen.envs.actions import continuous_target, verb_target
from regimen.execution import Costs, Market


def test_verbs_by_hand() -> None:
    config = VerbsConfig()
    path = [1, 2, 3, 3, 4, 0, 6, 5, 6, 4]
    winning = [False] * 6 + [True, False, True, False]
    expected = [0.1, 0.35, 0.85, 1.0, 0.5, 0.5, 0.7, 0.0, 0.2, 0.1]
    np.testing.assert_allclose(Migrator(config).targets(path, winning), expected, atol=1e-15)
    assert verb_target(Verb.ADD_TO_WINNER, 0.5, False, *config.sizes) == 0.5


def test_every_path_of_five_verbs_round_trips() -> None:
    """All 7⁵ paths with all gains: the weights come back exactly, and so do the verbs up to synonyms."""
    migrator = Migrator()
    for flags in ((False,) * 5, (True,) * 5, (False, True, False, True, True)):
        for path in itertools.product(range(7), repeat=5):
            weights = migrator.targets(path, flags)
            verbs = migrator.verbs(weights, flags)
            np.testing.assert_array_equal(migrator.targets(verbs, flags), weights)
            np.testing.assert_array_equal(migrator.verbs(migrator.targets(verbs, flags), flags), verbs)
            assert (verbs <= np.array(path)).all()  # the first of the synonyms


@given(
    path=st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=200),
    sizes=st.lists(st.floats(0.01, 1.0), min_size=3, max_size=3, unique=True).map(sorted),
    start=st.floats(0.0, 1.0),
)
@settings(max_examples=200, deadline=None)
def test_long_paths_round_trip(path: list[tuple[int, bool]], sizes: list[float], start: float) -> None:
    migrator = Migrator(VerbsConfig(small=sizes[0], medium=sizes[1], large=sizes[2]))
    verbs, winning = zip(*path, strict=True)
    weights = migrator.targets(verbs, winning, start)
    assert ((weights >= 0.0) & (weights <= 1.0)).all()
    back = migrator.targets(migrator.verbs(weights, winning, start), winning, start)
    np.testing.assert_array_equal(back, weights)


def test_an_unreachable_weight_becomes_the_nearest() -> None:
    assert Migrator().verbs([0.3]).tolist() == [Verb.BUY_MEDIUM]
    assert Migrator().verbs([0.3, 0.34]).tolist() == [Verb.BUY_MEDIUM, Verb.BUY_SMALL]  # from 0.25, not from 0.3
    assert Migrator().verbs([0.02], start=0.9).tolist() == [Verb.SELL_ALL]


def test_verbs_and_their_weights_earn_the_same(
    make_bars: Callable[..., Bars], make_features: Callable[..., np.ndarray], dear: Callable[..., Market]
) -> None:
    """The environment of verbs, and the continuous one given the migrated weights: equal equity, bit for bit."""
    bars = make_bars(sigma=0.02)
    features = make_features(bars)
    market = dear()
    said = VectorMarket(bars, features, n_envs=1, market=market, actions="verbs", random_start=False)
    assert said.columns[-2:] == ("target", "gain")
    observation, _ = said.reset()
    verbs = np.random.default_rng(6).integers(0, 7, 280)
    winning, equity, targets = [], [], []
    for verb in verbs:
        winning.append(bool(observation[0, -1] > 0.0))
        observation, *_, info = said.step([int(verb)])
        equity.append(float(info["equity"][0]))
        targets.append(float(said.targets[0, 0]))
    assert 50 < sum(winning) < 250
    weights = Migrator().targets(verbs, winning)
    np.testing.assert_array_equal(weights, targets)
    again = Migrator().targets(Migrator().verbs(weights, winning), winning)
    weighed = VectorMarket(
        bars, features, n_envs=1, market=market, actions={"kind": "continuous", "long_only": True}, random_start=False
    )
    weighed.reset()
    for weight, expected in zip(again, equity, strict=True):
        *_, info = weighed.step([weight])
        assert info["equity"][0] == expected


def test_gain_is_the_price_since_the_opening_fill(make_bars: Callable[..., Bars]) -> None:
    bars = make_bars(120, sigma=0.02, seed=4)
    market = Market(costs=Costs(commission_bps=1.0))
    env = VectorMarket(
        bars, np.zeros((120, 0)), n_envs=1, market=market, actions="verbs", random_start=False, precision="float64"
    )
    env.reset()
    for verb in [Verb.HOLD, Verb.BUY_SMALL, *[Verb.HOLD] * 100]:
        observation, *_ = env.step([int(verb)])
    price = (bars.close * bars.extras["adjustment"])[102, 0] / (bars.open * bars.extras["adjustment"])[2, 0]
    assert observation[0, -1] == pytest.approx(price - 1.0, rel=1e-9)
    assert bars.extras["adjustment"][102, 0] != bars.extras["adjustment"][2, 0]  # over a split


def test_dead_band_and_smoothing(make_bars: Callable[..., Bars], make_features: Callable[..., np.ndarray]) -> None:
    assert continuous_target(0.35, 0.3, 0.1, 0.0) == 0.3
    assert continuous_target(-0.6, 0.3, 0.1, 0.0) == -0.6
    assert continuous_target(1.0, 0.0, 0.0, 0.75) == 0.25
    bars = make_bars()
    kind = {"kind": "continuous", "dead_band": 0.2, "smoothing": 0.5}
    env = VectorMarket(bars, make_features(bars), n_envs=2, actions=kind, random_start=False, precision="float64")
    assert env.columns[-1] == "target"
    env.reset()
    target = 0.0
    for action in np.random.default_rng(0).uniform(-1.0, 1.0, 100):
        observation, *_ = env.step([action, action])
        target = target if abs(action - target) < 0.2 else 0.5 * target + 0.5 * action
        assert observation[1, -1] == env.targets[1, 0] == pytest.approx(target, abs=1e-12)


def test_a_repeated_target_does_not_trade(make_bars: Callable[..., Bars]) -> None:
    bars = make_bars(sigma=0.02)
    env = VectorMarket(bars, np.zeros((300, 0)), n_envs=1, random_start=False)
    env.reset()
    turnover = [float(env.step([0.5])[4]["turnover"][0]) for _ in range(290)]
    assert turnover[0] == pytest.approx(0.5, rel=1e-6)
    assert max(turnover[1:]) == 0.0


def test_a_margin_call_clears_the_target_in_force() -> None:
    """+70 % against a short: closed at the next open; a smoothed target must not remember what is gone."""
    close = np.array([100.0, 100.0, 170.0, 170.0, 170.0, 170.0])
    opens = np.concatenate([close[:1], close[:-1]])
    bars = Bars.from_arrays(
        np.datetime64("2020-01-01") + np.arange(6), open=opens, high=close, low=opens, close=close, checked=False
    )
    kind = {"kind": "continuous", "smoothing": 0.001}
    env = VectorMarket(bars, np.zeros((6, 0)), n_envs=1, actions=kind, random_start=False)
    env.reset()
    env.step([-1.0])
    env.step([-1.0])
    observation, *_ = env.step([-1.0])
    assert observation[0].tolist()[0] == observation[0].tolist()[-1] == 0.0
