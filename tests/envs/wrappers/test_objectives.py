"""What each objective pays, and that no later price and no idle account moves it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from regimen.bars import Bars
from regimen.envs import OBJECTIVES, MarketGroup, ObjectivesConfig, ShapedConfig, VectorMarket
from regimen.errors import ConfigError

Make = Callable[..., Any]
ALL = ObjectivesConfig(names=OBJECTIVES)


def lanes(bars: Bars, features: np.ndarray, **fields: Any) -> VectorMarket:
    usual = {"n_envs": 4, "episode_length": 20, "actions": "continuous", "threads": 1}
    return VectorMarket(bars, features, **{**usual, **fields})


def later(bars: Bars, factor: float, first: int) -> Bars:
    """The same bars, whose prices from bar ``first`` on are other ones."""
    scale = np.where(np.arange(len(bars))[:, None] < first, 1.0, factor)
    prices = {name: getattr(bars, name) * scale for name in ("open", "high", "low", "close")}
    return Bars.from_arrays(
        bars.time, volume=bars.volume, symbols=bars.symbols, extras=dict(bars.extras), checked=False, **prices
    )


@pytest.mark.parametrize("symbols", [1, 2])
def test_each_objective_is_what_an_account_by_itself_says(make_bars: Make, make_features: Make, symbols: int) -> None:
    """Oracle: the definitions, written out over whole arrays of one episode after it."""
    bars = make_bars(symbols=symbols, sigma=0.01, holes=0.05)
    env = ALL.wrap(lanes(bars, make_features(bars), show_account=False))
    env.reset(seed=1, starts=np.full(4, 30))
    random = np.random.default_rng(2)
    paid, equity, drawdown, targets = [], [], [], []
    for _ in range(19):
        actions = np.round(random.uniform(-0.5, 0.5, (4, symbols)), 1).astype(np.float32)
        _, reward, _, _, info = env.step(actions)
        np.testing.assert_allclose(reward, (info["rewards"] * env.preference).sum(1), rtol=1e-12)
        paid.append(info["rewards"])
        equity.append(info["equity"].copy())
        drawdown.append(info["drawdown"].copy())
        targets.append(env.below.targets)
    rewards, worth = np.array(paid), np.vstack([np.full(4, env.markets[0].config.market.initial_cash), equity])
    np.testing.assert_allclose(rewards[..., 0], np.diff(np.log(worth), axis=0), atol=1e-12)
    below = 1.0 - worth / np.maximum.accumulate(worth, axis=0)
    np.testing.assert_allclose(rewards[..., 1], -np.maximum(np.diff(below, axis=0), 0.0), atol=1e-12)
    exposures = np.array(targets)  # (step, lane, symbol)
    for t in range(19):
        before = exposures[t - 1] if t else np.zeros((4, symbols))
        exposures[t] = np.where(np.isnan(exposures[t]), before, exposures[t])
    np.testing.assert_allclose(rewards[..., 2], np.abs(exposures).sum(2), atol=1e-12)
    prices = bars.adjusted()
    for t in range(19):
        gap, span = np.zeros(symbols), np.zeros(symbols)
        for s in range(symbols):
            opens, closes = prices.open[:, s], prices.close[:, s]
            if bars.present[31 + t, s]:
                known = np.flatnonzero(bars.present[: 31 + t, s])[-1]
                gap[s], span[s] = opens[31 + t] / closes[known] - 1.0, closes[31 + t] / opens[31 + t] - 1.0
        mean = exposures[: t + 1].mean(0)
        earned = (exposures[t - 1] - mean) @ gap + (exposures[t] - mean) @ span if t else 0.0
        np.testing.assert_allclose(rewards[t, :, 3], earned, atol=1e-12)
        tenths = np.rint(10.0 * exposures[: t + 1])
        times = (tenths == tenths[t]).sum(0)
        new = np.where(tenths[t] == 0, 0.0, 1.0 / np.sqrt(times)).mean(1)
        np.testing.assert_allclose(rewards[t, :, 5], new, atol=1e-12)
    np.testing.assert_array_equal(rewards[..., 4], np.sign(np.diff(worth, axis=0)))


def test_an_account_that_never_trades_is_paid_nothing(make_bars: Make, make_features: Make) -> None:
    bars = make_bars()
    env = ALL.wrap(lanes(bars, make_features(bars)))
    env.reset(seed=1)
    for _ in range(50):
        _, reward, _, _, info = env.step(np.zeros((4, 1), np.float32))
        assert not info["rewards"].any()
        assert not reward.any()


def test_to_hold_is_as_active_as_to_trade_to_and_fro(make_bars: Make, make_features: Make) -> None:
    bars = make_bars()
    env = ObjectivesConfig(names=("activity", "timing")).wrap(lanes(bars, make_features(bars), n_envs=2))
    env.reset(seed=1, starts=np.full(2, 40))
    for t in range(10):
        side = 0.6 if t % 2 else -0.6
        rewards = env.step(np.array([[0.6], [side]], np.float32))[4]["rewards"]
        assert rewards[0, 0] == pytest.approx(rewards[1, 0]) == pytest.approx(0.6)
        assert rewards[0, 1] == pytest.approx(0.0, abs=1e-12)


def test_no_later_price_changes_what_was_paid(make_bars: Make, make_features: Make) -> None:
    bars = make_bars()
    features, actions = make_features(bars), np.random.default_rng(0).uniform(-1, 1, (15, 4, 1)).astype(np.float32)
    paid = []
    for world in (bars, later(bars, 3.0, 46)):
        env = ALL.wrap(lanes(world, features))
        env.reset(seed=1, starts=np.full(4, 30))
        paid.append([env.step(row)[4]["rewards"] for row in actions])
    np.testing.assert_array_equal(*paid)


def test_a_preference_is_drawn_for_an_episode_and_shown_to_its_end(make_bars: Make, make_features: Make) -> None:
    bars = make_bars()
    config = ObjectivesConfig(names=("profit", "risk", "timing"))
    env = config.wrap(lanes(bars, make_features(bars), n_envs=500, episode_length=3))
    assert env.spec.columns[-3:] == ("preference_profit", "preference_risk", "preference_timing")
    seen, _ = env.reset(seed=1)
    first = env.preference
    np.testing.assert_allclose(seen[:, -3:], first, rtol=1e-6)
    np.testing.assert_allclose(first.sum(1), 1.0)
    np.testing.assert_allclose(np.sort(first[:, 0])[[125, 250, 375]], 1 - np.sqrt([0.75, 0.5, 0.25]), atol=0.05)
    for step in range(3):
        seen, _, _, truncated, info = env.step(np.ones((500, 1), np.float32))
        assert truncated.all() == (step == 2)
    np.testing.assert_allclose(info["final_observation"][:, -3:], first, rtol=1e-6)
    assert (env.preference != first).all()
    np.testing.assert_allclose(seen[:, -3:], env.preference, rtol=1e-6)


def test_lanes_of_a_group_go_on_where_they_stood(make_bars: Make, make_features: Make) -> None:
    tables = [make_bars(seed=seed) for seed in (3, 4)]
    env = ALL.wrap(MarketGroup([lanes(bars, make_features(bars), n_envs=2, episode_length=7) for bars in tables]))
    env.reset(seed=1)
    actions = np.random.default_rng(0).uniform(-1.0, 1.0, (30, 4)).astype(np.float32)
    for row in actions[:11]:
        env.step(row)
    kept = env.state()

    def on() -> list[bytes]:
        return [b"".join((*(part.tobytes() for part in step[:4]), step[4]["rewards"].tobytes()))
                for step in (env.step(row) for row in actions[11:])]  # fmt: skip

    expected = on()
    env.reset(seed=9)
    env.restore(kept)
    assert on() == expected


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"names": ("profit", "luck")}, "objectives.names.1: must be 'profit', 'risk', 'activity', 'timing'"),
        ({"names": ("risk", "risk")}, "objectives: names must be of different objectives; got ['risk', 'risk']"),
        ({"names": ()}, "objectives.names"),
        ({"preference": (1.0,)}, "preference must have a share for each of profit, risk; got [1.0]"),
        ({"preference": (1.5, -0.5)}, "preference must not be negative; got [1.5, -0.5]"),
        ({"preference": (0.5, 0.6)}, "preference must sum to 1, not to 1.1; got [0.5, 0.6]"),
        ({"preference": (float("nan"), 1.0)}, "objectives.preference.0: must be a finite number"),
    ],
)
def test_bad_input_is_one_error(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ObjectivesConfig(**fields)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_lanes_that_are_no_market_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"^objectives: must stand around lanes of a market"):
        ALL.wrap(type("Lanes", (), {"spec": None, "n_envs": 1})())


def test_another_wrapper_below_is_refused(make_bars: Make, make_features: Make) -> None:
    bars = make_bars()
    shaped = ShapedConfig(weights={"position": 1.0}).wrap(lanes(bars, make_features(bars)))
    with pytest.raises(ConfigError, match=r"^objectives: must stand next to the market.*; got 'Shaped'"):
        ALL.wrap(shaped)


@pytest.mark.slow
def test_a_step_of_a_lane_takes_less_than_a_microsecond(make_bars: Make, make_features: Make) -> None:
    bars = make_bars(length=5000)
    env = ALL.wrap(lanes(bars, make_features(bars), n_envs=256, episode_length=512))
    actions, spent = np.full((256, 1), 0.5, np.float32), []
    for each in (env, env.below):
        each.reset(seed=1)
        for _ in range(20):
            each.step(actions)
        began = time.process_time()
        for _ in range(500):
            each.step(actions)
        spent.append((time.process_time() - began) / (500 * 256))
    assert spent[0] - spent[1] < 1e-6, spent
