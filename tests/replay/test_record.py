"""What `record` keeps is what a plain loop sees; lanes do not know of each other; ledgers tell the same story."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from regimen.bars import Bars
from regimen.envs import MarketGroup, VectorMarket
from regimen.errors import ConfigError, DataError, RunError
from regimen.execution import Costs, Market
from regimen.features import FeatureFrame
from regimen.proving import KnownMarketEnv
from regimen.replay import LaneRandom, Trajectories, from_ledger, noisy, record, uniform
from regimen.simulators import HysteresisConfig

Make = Callable[..., VectorMarket]
NAMES = ("observations", "actions", "rewards", "terminated", "truncated")


def looped(env: Any, behaviour: Any, steps: int, seed: int) -> list[dict[str, Any]]:
    """The slow twin: one list per episode, lane by lane."""
    random = LaneRandom(seed, env.n_envs)
    observation, info = env.reset(seed)
    running: list[list[tuple[Any, ...]]] = [[] for _ in range(env.n_envs)]
    ended: list[list[dict[str, Any]]] = [[] for _ in range(env.n_envs)]
    for t in range(steps):
        before = observation.copy().reshape(env.n_envs, -1)
        actions = np.asarray(behaviour(before, info, random), np.float32)
        observation, reward, dead, cut, info = env.step(actions)
        for n in range(env.n_envs):
            running[n].append((before[n], actions[n], reward[n]))
            over = bool(dead[n] or cut[n])
            if over or t == steps - 1:
                final = info["final_observation"][n] if over else observation[n]
                ended[n].append({"rows": running[n], "dead": bool(dead[n]), "final": final.copy().ravel()})
                running[n] = []
    return [episode for lane in ended for episode in lane]


@pytest.mark.parametrize("symbols", [1, 2])
def test_a_recording_is_what_a_plain_loop_sees(make_market: Make, symbols: int) -> None:
    env = make_market(symbols=symbols, sigma=0.5, market=Market(costs=Costs(), leverage=3.0))
    played = record(uniform(env), env, 22, seed=4)
    twin = looped(env, uniform(env), 22, seed=4)
    assert played.episodes == len(twin)
    assert played.terminated.any()
    assert played.truncated.any()
    for k, episode in enumerate(twin):
        part = slice(played.offsets[k], played.offsets[k + 1])
        seen, actions, rewards = (np.array(list(column)) for column in zip(*episode["rows"], strict=True))
        np.testing.assert_array_equal(played.observations[part], seen)
        np.testing.assert_array_equal(played.actions[part], actions)
        np.testing.assert_array_equal(played.rewards[part], rewards)
        np.testing.assert_array_equal(played.final_observations[k], episode["final"])
        assert bool(played.terminated[part][-1]) == episode["dead"] != bool(played.truncated[part][-1])
        assert not played.terminated[part][:-1].any()
    assert len(played.columns) == played.observations.shape[1]
    assert played.columns[-1] == ("drawdown" if symbols == 1 else "B.drawdown")


def test_a_lane_is_the_same_in_any_company(make_market: Make) -> None:
    few, many = (record(noisy(uniform(env), env, 0.5), env, 20, seed=2) for env in map(make_market, (3, 6)))
    for name in NAMES:
        np.testing.assert_array_equal(getattr(few, name), getattr(many, name)[:60])
    np.testing.assert_array_equal(few.final_observations, many.final_observations[: few.episodes])


def test_the_seed_decides_and_the_streams_are_not_those_of_the_starts(make_market: Make) -> None:
    env = make_market(64)
    first, again, other = (record(uniform(env), env, 10, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.actions, again.actions)
    assert not np.array_equal(first.actions, other.actions)
    _, info = env.reset(1)
    assert abs(np.corrcoef(info["start"], first.actions.reshape(64, 10)[:, 0])[0, 1]) < 0.5
    numbers = LaneRandom(1, 2000).uniform(3)
    assert np.abs(numbers.mean(axis=0) - 0.5).max() < 0.03
    assert len(np.unique(numbers)) == numbers.size


def test_noise_replaces_whole_actions_at_its_rate(make_market: Make) -> None:
    env = make_market(200, actions="levels")

    def flat(observation: np.ndarray, _info: Mapping[str, Any], _random: LaneRandom) -> np.ndarray:
        return np.ones(len(observation), np.int64)

    played = record(noisy(flat, env, 0.3), env, 20)
    shares = np.bincount(played.actions[:, 0], minlength=3) / len(played)
    np.testing.assert_allclose(shares, [0.1, 0.8, 0.1], atol=0.02)
    assert (record(noisy(flat, env, 0.0), env, 3).actions == 1).all()
    assert played.choices == 3


def test_groups_and_other_lanes_are_recorded(make_market: Make) -> None:
    group = MarketGroup([make_market(2), make_market(3)])
    assert len(record(uniform(group), group, 5)) == 25
    market = HysteresisConfig(cost=1.0)
    env = KnownMarketEnv(market, market.simulate(500, seed=1), n_envs=4, episode_length=16)
    played = record(uniform(env), env, 40, seed=1)
    assert played.columns == env.spec.columns
    assert played.lengths.max() == 16
    # The position shown is that of the action before it: the alignment of action and successor.
    shown = played.transitions().successors[:, played.columns.index("position")]
    np.testing.assert_array_equal(shown, played.actions[:, 0] - 1)


def test_a_ledger_tells_what_the_lane_saw(make_prices: Callable[..., Bars]) -> None:
    bars = make_prices(60)
    values = np.random.default_rng(1).standard_normal((60, 1, 2))
    values[:5] = np.nan
    frame = FeatureFrame(values, ("p", "q"), bars.time, bars.symbols)
    market = Market(costs=Costs(commission_bps=5.0))
    env = VectorMarket(bars, frame, n_envs=1, market=market, random_start=False)
    played = record(uniform(env), env, 54)
    targets = np.full(60, np.nan)
    targets[5:59] = played.actions[:, 0]
    told = from_ledger(
        market.backtest(bars, targets, 5, 60), FeatureFrame(values[5:], ("p", "q"), bars.time[5:], ("A",))
    )
    same(told, played)
    kept = targets.copy()
    kept[20:30] = np.nan
    told = from_ledger(market.backtest(bars, kept), frame)
    assert (told.actions[15:25, 0] == np.float32(kept[19])).all()
    with pytest.raises(DataError, match="features: must be of the times"):
        from_ledger(market.backtest(bars, targets, 5, 60), frame)
    with pytest.raises(DataError, match="features: must be known"):
        from_ledger(market.backtest(bars, targets), FeatureFrame(values * np.nan, ("p", "q"), bars.time, bars.symbols))


def test_a_ledger_of_a_panel_and_of_ruin(make_prices: Callable[..., Bars]) -> None:
    bars = make_prices(40, symbols=2)
    frame = FeatureFrame(np.ones((40, 2, 1)), ("p",), bars.time, bars.symbols)
    told = from_ledger(Market(costs=Costs()).backtest(bars, np.full((40, 2), 0.25)), frame)
    assert told.columns == ("A.p", "A.position", "A.cash", "A.drawdown", "B.p", "B.position", "B.cash", "B.drawdown")
    assert told.truncated[-1]
    crash = make_prices(40, sigma=0.9)
    ledger = Market(costs=Costs(), leverage=3.0).backtest(crash, np.tile([3.0, -3.0], 20))
    assert ledger.ruined
    told = from_ledger(ledger, FeatureFrame(np.ones((40, 1, 1)), ("p",), crash.time, crash.symbols))
    assert told.terminated[-1]
    assert len(told) == int((ledger.equity <= 0).argmax())
    assert told.rewards.sum() == pytest.approx(np.log(1e-6), abs=1e-9)


def same(one: Trajectories, other: Trajectories) -> None:
    """The ledger computes in float64 and in another order: equal to float32's rounding."""
    assert one.columns == other.columns
    np.testing.assert_array_equal(one.actions, other.actions)
    np.testing.assert_array_equal(one.terminated, other.terminated)
    np.testing.assert_array_equal(one.truncated, other.truncated)
    np.testing.assert_allclose(one.rewards, other.rewards, atol=1e-12)
    np.testing.assert_allclose(one.observations, other.observations, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(one.final_observations, other.final_observations, rtol=1e-6, atol=1e-7)


def test_what_cannot_be_recorded(make_market: Make) -> None:
    env = make_market()
    with pytest.raises(ConfigError, match=r"^record.steps: must be at least 1; got 0$"):
        record(uniform(env), env, 0)
    with pytest.raises(ConfigError, match=r"^envs.autoreset: must be true for recording; got False$"):
        record(uniform(env), make_market(autoreset=False), 3)
    with pytest.raises(ConfigError, match=r"^noisy.epsilon: must be between 0 and 1; got 1.5$"):
        noisy(uniform(env), env, 1.5)
    with pytest.raises(RunError, match=r"^env: must be a VectorMarket"):
        uniform(object())
    for actions, line in (
        (np.zeros((5, 2)), r"must return actions of shape \(5, 1\); got \(5, 2\)"),
        (np.full(5, np.nan), "must return finite actions; got nan"),
        (np.full(5, "long"), "must return numbers"),
    ):
        with pytest.raises(RunError, match=f"^behaviour: {line}"):
            record(lambda *_, actions=actions: actions, env, 3)
    with pytest.raises(RunError, match="must return choices; got 'float64'"):
        record(lambda *_: np.zeros(5), make_market(actions="levels"), 3)

    class Holed:
        """Lanes that show a NaN."""

        n_envs, spec = 5, KnownMarketEnv(HysteresisConfig(), HysteresisConfig().simulate(400, seed=1), 5).spec

        def reset(self, seed: int | None = None) -> tuple[np.ndarray, dict[str, Any]]:
            del seed
            return np.full((5, len(self.spec.columns)), np.nan), {}

        def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
            del actions
            flags = np.zeros(5, bool)
            return self.reset()[0], np.zeros(5), flags, flags, {}

    with pytest.raises(
        DataError, match=r"^trajectories.observations: must be finite; row 0, column 'signal'; got nan$"
    ):
        record(uniform(Holed()), Holed(), 2)
