"""What lanes see, where they start and end, and that nothing but the seed and the lane's number matters."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.markets import bars_of

from regimen.agents import PPOConfig
from regimen.bars import Bars
from regimen.envs import VectorMarket
from regimen.envs.streams import lane_keys, uniform
from regimen.errors import RunError
from regimen.execution import COST_KINDS, Costs, Market
from regimen.execution.columns import FIRST_COST
from regimen.observation import Accounts, ObservationSchema, observe_symbols

MakeBars = Callable[..., Bars]
MakeFeatures = Callable[..., np.ndarray]
Dear = Callable[..., Market]


def trace(env: VectorMarket, steps: int, lanes: int, seed: int = 7) -> list[bytes]:
    """Plays the same actions and returns the bytes of all that the first lanes got."""
    observation, _ = env.reset(seed)
    symbols = len(env.symbols)
    got = [observation[:lanes].tobytes()]
    for k in range(steps):
        actions = np.random.default_rng(k).uniform(-1.0, 1.0, (2048, symbols))[: env.n_envs]
        observation, reward, terminated, truncated, info = env.step(actions)
        got += [a[:lanes].tobytes() for a in (observation, reward, terminated, truncated)]
        got += [info[name][:lanes].tobytes() for name in sorted(info)]
    return got


@pytest.mark.compiled
@pytest.mark.parametrize("symbols", [1, 3])
def test_a_lane_does_not_depend_on_the_others_or_on_threads(
    symbols: int, make_bars: MakeBars, make_features: MakeFeatures, dear: Dear
) -> None:
    bars = make_bars(symbols=symbols, sigma=0.1)
    settings: dict[str, Any] = {"market": dear(), "episode_length": 9}
    features = make_features(bars)

    def lanes(n: int, threads: int) -> VectorMarket:
        return VectorMarket(bars, features, n_envs=n, threads=threads, **settings)

    alone = trace(lanes(3, 1), 40, 3)
    assert trace(lanes(2048, 1), 40, 3) == alone
    assert len(lanes(2048, 4)._blocks) == 4
    assert trace(lanes(2048, 4), 40, 3) == alone
    assert trace(lanes(2048, 3), 40, 2048) == trace(lanes(2048, 1), 40, 2048)


def test_the_seed_and_nothing_else_decides(make_bars: MakeBars, make_features: MakeFeatures) -> None:
    bars = make_bars()
    env = VectorMarket(bars, make_features(bars), n_envs=16, episode_length=5, seed=7)
    first = trace(env, 20, 16)
    assert trace(env, 20, 16) == first
    assert trace(env, 20, 16, seed=8) != first
    fresh, _ = VectorMarket(bars, make_features(bars), n_envs=16, episode_length=5, seed=7).reset()
    assert fresh.tobytes() == first[0]
    _, info = env.reset(7)
    one = info["start"].copy()
    _, info = env.reset()
    assert (info["start"] != one).any()  # without a seed the streams go on


def test_the_streams_are_splitmix() -> None:
    """Against SplitMix64 written with Python's integers; its first number for state 0 is published with the code."""

    def splitmix(state: int) -> int:
        word = state & (2**64 - 1)
        word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & (2**64 - 1)
        word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & (2**64 - 1)
        return word ^ (word >> 31)

    golden = 0x9E3779B97F4A7C15
    assert splitmix(golden) == 0xE220A8397B1DCDAF
    keys = lane_keys(5, 100)
    for n in (0, 1, 99):
        for counter in (0, 1, 10**6):
            word = splitmix(int(keys[n]) + golden * (counter + 1))
            assert uniform(keys, n, counter) == (word >> 11) / 2**53
    assert len(set(lane_keys(5, 10_000).tolist())) == 10_000
    np.testing.assert_array_equal(lane_keys(5, 3), keys[:3])


def test_starts_are_uniform_over_the_bars_with_an_observation(make_bars: MakeBars, make_features: MakeFeatures) -> None:
    bars = make_bars(60)
    features = make_features(bars)
    features[30:35] = np.nan
    env = VectorMarket(bars, features, n_envs=20_000, episode_length=10, context=3)
    _, info = env.reset(0)
    # Warm from 10, three whole rows from 12, a hole at 30 to 34 is in a window until 36; 49 is the last start.
    possible = [t for t in range(12, 50) if not 30 <= t < 37]
    found, counts = np.unique(info["start"], return_counts=True)
    assert found.tolist() == possible
    expected = 20_000 / len(possible)
    assert ((counts - expected) ** 2 / expected).sum() < 62.5  # chi-square, 30 degrees of freedom, p = 0.0005


def test_episode_k_of_a_lane_starts_at_draw_k_of_its_stream(make_bars: MakeBars, make_features: MakeFeatures) -> None:
    bars = make_bars()
    env = VectorMarket(bars, make_features(bars), n_envs=4, episode_length=2)
    keys, possible = lane_keys(6, 4), np.arange(10, 298)
    _, info = env.reset(6)
    for episode in range(20):
        expected = [possible[int(uniform(keys, n, episode) * len(possible))] for n in range(4)]
        assert info["start"].tolist() == expected
        for _ in range(2):
            *_, info = env.step([0.0] * 4)


def test_an_observation_is_the_policies_one(make_bars: MakeBars, make_features: MakeFeatures, dear: Dear) -> None:
    bars = make_bars(symbols=2)
    features = make_features(bars)
    market = dear()
    env = VectorMarket(
        bars, features, n_envs=4, market=market, precision="float64", random_start=False, sizing="weight"
    )
    observation, info = env.reset()
    assert env.columns == ("x0", "x1", "x2", "x3", "position", "cash", "drawdown")
    first = int(info["bar"][0])
    rows = np.full(bars.shape, np.nan)
    for k in range(40):
        action = np.random.default_rng(k).uniform(-1.0, 1.0, 2)
        rows[first + k] = action
        observation, *_ = env.step(np.tile(action, (4, 1)))
    ledger = market.backtest(bars, rows, first, first + 41)
    equity, last = ledger.equity[-1], first + 40
    marks = np.array([bars.close[: last + 1, s][np.isfinite(bars.close[: last + 1, s])][-1] for s in range(2)])
    drawdown = 1.0 - equity / max(1e6, ledger.equity.max())
    assert 0.0 < drawdown < 1.0
    account = np.stack(
        [ledger.units[-1] * marks / equity, np.full(2, ledger.cash[-1] / equity), np.full(2, drawdown)], axis=1
    )
    ones = np.ones(2)
    peak = max(1e6, ledger.equity.max())
    accounts = Accounts(ledger.units[-1] * marks, ones * ledger.cash[-1], ones * equity, ones * peak, ones, ones)
    schema = ObservationSchema(inputs=4, account=True)
    expected = observe_symbols(schema, features[last][None], np.ones(2, np.bool_), accounts)
    np.testing.assert_array_equal(expected, np.concatenate([features[last], account], axis=1))
    np.testing.assert_array_equal(observation[3], expected)


def test_a_window_is_its_rows_oldest_first(make_bars: MakeBars, make_features: MakeFeatures) -> None:
    bars = make_bars()
    features = make_features(bars)
    env = VectorMarket(bars, features, n_envs=5, context=3, show_account=False)
    observation, info = env.reset(0)
    assert env.columns[:5] == ("x0[-2]", "x1[-2]", "x2[-2]", "x3[-2]", "x0[-1]")
    for n, t in enumerate(info["bar"]):
        np.testing.assert_array_equal(observation[n], features[t - 2 : t + 1, 0].astype(np.float32).ravel())


def test_holes_are_zero_and_masked(make_bars: MakeBars, make_features: MakeFeatures) -> None:
    bars = make_bars(symbols=3, holes=0.2)
    features = make_features(bars)
    env = VectorMarket(bars, features, n_envs=50, episode_length=20)
    observation, info = env.reset(0)
    seen = 0
    for _ in range(60):
        assert np.isfinite(observation).all()
        ready = env.ready
        np.testing.assert_array_equal(ready, bars.present[info["bar"]])
        assert (observation[..., :4][~ready] == 0.0).all()
        assert (observation[..., :4][ready] != 0.0).all()
        seen += int((~ready).sum())
        observation, *_, info = env.step(np.full((50, 3), 0.5))
    assert seen > 100


def test_the_last_observation_of_an_episode_is_kept(
    make_bars: MakeBars, make_features: MakeFeatures, dear: Dear
) -> None:
    bars = make_bars(sigma=0.15)
    features = make_features(bars)
    settings: dict[str, Any] = {"n_envs": 30, "episode_length": 12, "market": dear()}
    lanes = VectorMarket(bars, features, **settings)
    lanes.reset(1)
    rng = np.random.default_rng(0)
    for _ in range(3):
        _, info = lanes.reset()
        twins = []
        for start in info["start"].tolist():
            twin = VectorMarket(bars, features, **{**settings, "n_envs": 1, "autoreset": False})
            twin.reset(starts=[start])
            twins.append(twin)
        over = np.zeros(30, bool)
        while not over.all():
            actions = np.sign(rng.uniform(-1.0, 1.0, (30, 1)))
            observation, _, terminated, truncated, info = lanes.step(actions)
            for n in np.flatnonzero(~over):
                mine, _, gone, cut, _ = twins[n].step(actions[n])
                assert (gone[0], cut[0]) == (terminated[n], truncated[n])
                ended = gone[0] or cut[0]
                np.testing.assert_array_equal(mine[0], (info["final_observation"] if ended else observation)[n])
                if ended:
                    assert observation[n, -3:].tolist() == [0.0, 1.0, 0.0]  # a fresh account
                    over[n] = True


def test_ends(make_bars: MakeBars, make_features: MakeFeatures) -> None:
    bars = make_bars(50)
    features = make_features(bars)
    env = VectorMarket(bars, features, n_envs=3, start=20, stop=40, autoreset=False)
    env.reset(starts=[20, 30, 38])
    lengths = []
    for n in range(3):
        alone = VectorMarket(bars, features, n_envs=1, start=20, stop=40, autoreset=False)
        alone.reset(starts=[(20, 30, 38)[n]])
        steps, truncated = 0, np.zeros(1, bool)
        while not truncated[0]:
            *_, truncated, info = alone.step([0.0])
            steps += 1
        lengths.append((steps, int(info["bar"][0])))
    assert lengths == [(19, 39), (9, 39), (1, 39)]


def of_the_six_costs(account: np.ndarray) -> np.ndarray:
    """Returns accounts as they were saved before there was a stamp duty: six costs, in columns 7 to 12."""
    six = np.delete(account[:, FIRST_COST:], COST_KINDS.index("stamp_duty"), axis=1)
    return np.hstack([account[:, :7], six, account[:, 7:FIRST_COST]])


@pytest.mark.parametrize("old", [False, True])
def test_a_restored_state_goes_on_bit_for_bit(
    make_bars: MakeBars, make_features: MakeFeatures, dear: Dear, old: bool
) -> None:
    bars = make_bars(sigma=0.1)
    settings: dict[str, Any] = {"n_envs": 20, "episode_length": 8, "market": dear(latency_bars=2)}
    settings["reward"] = {"kind": "rolling_sharpe", "bars": 4, "drawdown_penalty": 0.1}
    env = VectorMarket(bars, make_features(bars), **settings)
    rng = np.random.default_rng(0)
    env.reset(3)
    for _ in range(13):
        env.step(rng.uniform(-1.0, 1.0, 20))
    kept = env.state()
    actions = rng.uniform(-1.0, 1.0, (25, 20))
    went = [tuple(np.copy(part) for part in env.step(row)[:4]) for row in actions]
    other = VectorMarket(bars, make_features(bars), **settings)
    other.restore({**kept, "account": of_the_six_costs(kept["account"])} if old else kept)
    for row, expected in zip(actions, went, strict=True):
        for mine, its in zip(other.step(row)[:4], expected, strict=True):
            np.testing.assert_array_equal(mine, its)


@pytest.mark.parametrize("symbols", [1, 3])
def test_lanes_of_another_process_go_on_bit_for_bit(
    make_bars: MakeBars, make_features: MakeFeatures, dear: Dear, symbols: int
) -> None:
    """What is pickled in the middle of episodes shows, pays and ends as the lanes do that it was taken from."""
    bars = make_bars(symbols=symbols)
    env = VectorMarket(bars, make_features(bars), n_envs=20, episode_length=8, market=dear(latency_bars=2))
    with pytest.raises(RunError, match="must come after reset"):
        pickle.loads(pickle.dumps(env)).step(np.zeros((20, symbols)))
    rng = np.random.default_rng(0)
    env.reset(3)
    for _ in range(13):
        env.step(rng.uniform(-1.0, 1.0, (20, symbols)))
    other = pickle.loads(pickle.dumps(env))
    for _ in range(25):
        actions = rng.uniform(-1.0, 1.0, (20, symbols))
        (*mine, info), (*its, info_too) = env.step(actions), other.step(actions)
        for one, two in zip((*mine, *info.values()), (*its, *info_too.values()), strict=True):
            np.testing.assert_array_equal(one, two)


def test_liquidation_and_ruin_are_told_apart() -> None:
    """A short of everything: +70 % calls the margin, +100 % and more is ruin, and that alone terminates."""
    close = np.array([100.0, 100.0, 100.0, 170.0, 170.0, 170.0])
    for last, ruined in ((170.0, False), (230.0, True)):
        prices = np.where(close == 170.0, last, close)
        bars = bars_of(prices)
        env = VectorMarket(bars, np.zeros((6, 0)), n_envs=1, random_start=False, autoreset=False)
        env.reset()
        for _ in range(2):
            _, reward, terminated, truncated, info = env.step([-1.0])
            assert not terminated[0]
        _, reward, terminated, truncated, info = env.step([-1.0])
        assert terminated[0] == ruined
        if ruined:
            assert info["equity"][0] <= 0.0
            assert abs(info["episode_reward"][0] - np.log(1e-6)) < 1e-9
            assert np.isfinite(reward[0])
        else:
            observation, *_ = env.step([-1.0])
            assert observation[0, 0] == 0.0  # closed by the margin call
            assert not truncated[0]


def sloped(rate: float, count: int = 400) -> Bars:
    """Bars that gain ``rate`` each; the open is the close before."""
    close = 100.0 * (1.0 + rate) ** np.arange(count)
    return bars_of(close, volume=np.full(count, 1e9))


def test_an_account_that_has_grown_tenfold_looks_like_a_fresh_one() -> None:
    bars = sloped(0.01)
    free = Market(costs=Costs(commission_bps=0.0, half_spread_bps=0.0, zero_costs=True))
    features = np.random.default_rng(0).standard_normal((len(bars), 2))
    settings = {"n_envs": 1, "market": free, "precision": "float64", "autoreset": False}
    old, fresh = VectorMarket(bars, features, **settings), VectorMarket(bars, features, **settings)
    old.reset(starts=[0])
    for _ in range(300):
        old.step([1.0])
    fresh.reset(starts=[298])
    for _ in range(2):
        fresh.step([1.0])
    seen, *_, info = old.step([1.0])
    young, *_ = fresh.step([1.0])
    assert info["equity"][0] > 10 * free.config.initial_cash
    np.testing.assert_allclose(seen, young, rtol=0.0, atol=1e-12)
    agent = PPOConfig().build(old, seed=1)
    assert agent.predict(seen.astype(np.float32))[0] == agent.predict(young.astype(np.float32))[0]


def test_the_drawdown_is_bounded_and_begins_anew_after_a_span() -> None:
    bars = sloped(-0.01)
    free = Market(costs=Costs(commission_bps=0.0, half_spread_bps=0.0, zero_costs=True))
    settings = {"n_envs": 1, "market": free, "precision": "float64", "autoreset": False}
    features = np.zeros((len(bars), 1))
    always, anew = VectorMarket(bars, features, **settings), VectorMarket(bars, features, account_span=20, **settings)
    for env in (always, anew):
        env.reset(starts=[0])
    for k in range(1, 300):
        falls = k - 1  # the first bar was bought at its open, which is the close before
        long, short = (env.step([1.0])[0][0, -1] for env in (always, anew))
        assert long == pytest.approx(1.0 - 0.99 ** (falls + 1), abs=1e-9)
        assert short == pytest.approx(1.0 - 0.99 ** (k % 20), abs=1e-9)
        assert 0.0 <= short <= long <= 1.0


def test_a_closed_symbol_keeps_its_share_and_an_ended_one_is_paid_out() -> None:
    """A coin, a stock that is closed on weekends, and one that ends at bar 20; every action is 1."""
    present = np.ones((42, 3), dtype=np.bool_)
    present[np.arange(42) % 7 >= 5, 1] = False
    present[21:, 2] = False
    price = np.where(present, 100.0, np.nan)
    bars = bars_of(price, price, start="2021-01-04")
    actions = {"kind": "continuous", "smoothing": 0.5}  # shows the target in force
    market = Market(costs=Costs.none())
    env = VectorMarket(bars, np.zeros((42, 3, 1)), n_envs=1, random_start=False, market=market, actions=actions)
    observation, _ = env.reset()
    targets = np.full(bars.shape, np.nan)
    turnover, shown = [], []
    for t in range(41):
        observation, _, _, truncated, info = env.step(np.ones((1, 3)))
        targets[t] = env.targets[0]
        turnover.append(float(info["turnover"][0]))
        seen = info["final_observation"] if truncated[0] else observation
        shown.append(seen[0, :, env.columns.index("target")].copy())
    assert targets[2].tolist() == pytest.approx([0.875 / 3] * 3)
    assert targets[19, 0] == pytest.approx(1.0 / 3)
    assert targets[21, 0] == pytest.approx(0.5)
    np.testing.assert_array_equal(np.isnan(targets[:41]), ~present[:41])
    assert sum(turnover[:20]) == pytest.approx(1.0, abs=1e-3)
    assert sum(turnover[20:]) == pytest.approx(1.0 / 3, abs=1e-3)
    assert shown[19][2] > 0.99
    assert [row[2] for row in shown[20:]] == [0.0] * 21  # the observation of bar 21 and later
