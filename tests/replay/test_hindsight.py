"""The optimum in hindsight against all paths, against other behaviours, and against the account itself."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest

from regimen.bars import Bars
from regimen.envs import VectorMarket
from regimen.errors import ConfigError, DataError
from regimen.execution import Costs, Market
from regimen.replay import Hindsight, hindsight_path, noisy, record, uniform

Prices = Callable[..., Bars]


def growth(path: np.ndarray, returns: np.ndarray, cost: float, initial: float) -> float:
    """What a path earns, written down once more."""
    held, total = initial, 0.0
    for exposure, change in zip(path, returns, strict=True):
        total += np.log(1.0 + exposure * change) + np.log(1.0 - cost * abs(exposure - held))
        held = exposure
    return float(total)


@pytest.mark.parametrize("cost", [0.0, 0.003, 0.03])
@pytest.mark.parametrize("initial", [0.0, 1.0, 0.3])
def test_no_path_earns_more(cost: float, initial: float) -> None:
    rng = np.random.default_rng(7)
    for levels in ((-1.0, 0.0, 1.0), (0.0, 1.0), (-0.5, 0.25, 0.75)):
        returns = 0.03 * rng.standard_normal(6)
        found = hindsight_path(returns, levels, cost, initial)
        best = max(growth(np.array(path), returns, cost, initial) for path in product(levels, repeat=6))
        assert found.value == pytest.approx(best, abs=1e-12)
        assert growth(found.exposures, returns, cost, initial) == pytest.approx(best, abs=1e-12)


def test_the_table_is_optimal_from_every_time_and_level() -> None:
    levels, returns = (-1.0, 0.0, 1.0), 0.02 * np.random.default_rng(2).standard_normal(7)
    table = hindsight_path(returns, levels, 0.004).choices
    for t in range(7):
        for held in range(3):
            path, at = [], held
            for k in range(t, 7):
                at = int(table[k, at])
                path.append(levels[at])
            best = max(growth(np.array(p), returns[t:], 0.004, levels[held]) for p in product(levels, repeat=7 - t))
            assert growth(np.array(path), returns[t:], 0.004, levels[held]) == pytest.approx(best, abs=1e-12)


def test_it_does_not_trade_for_nothing() -> None:
    assert not hindsight_path(np.zeros(20), (-1.0, 0.0, 1.0), 0.0).exposures.any()
    assert not hindsight_path(np.full(20, 1e-5), (-1.0, 0.0, 1.0), 0.01).exposures.any()
    values = [hindsight_path(0.01 * np.sin(np.arange(50)), (-1.0, 1.0), c).value for c in (0.0, 0.001, 0.01)]
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize(("splits", "start", "stop"), [(False, 0, 120), (True, 0, 120), (True, 15, 100)])
def test_the_account_earns_what_the_model_says(make_prices: Prices, splits: bool, start: int, stop: int) -> None:
    bars = make_prices(120, splits=splits)
    market = Market(costs=Costs(commission_bps=3.0, half_spread_bps=2.0))
    env = VectorMarket(
        bars,
        np.zeros((120, 1)),
        n_envs=1,
        random_start=False,
        start=start,
        stop=stop,
        market=market,
        actions={"kind": "levels", "levels": (0.0, 1.0)},
    )
    best = Hindsight(env)
    played = record(best, env, stop - start - 1)
    np.testing.assert_array_equal(played.actions[:, 0], best.path.exposures)
    earned = float(played.episode_returns[0])
    assert best.path.value > 0.3
    # All in or all out, nothing drifts; what is left is the cost of a cost, at most cost × |return| a trade.
    assert earned == pytest.approx(best.path.value, abs=119 * 5e-4 * 0.02)
    late = np.full(120, np.nan)
    late[start + 1 : stop - 1] = played.actions[:-1, 0]
    ledger = market.backtest(bars, late, start, stop)  # one bar too late: most of it is gone
    assert np.log(ledger.equity[-1] / ledger.start_equity) < 0.5 * earned


def test_a_split_changes_nothing(make_prices: Prices) -> None:
    plain, split = (
        Hindsight(VectorMarket(make_prices(120, splits=splits), np.zeros((120, 1)), n_envs=1)).path
        for splits in (False, True)
    )
    np.testing.assert_array_equal(split.exposures, plain.exposures)
    assert split.value == pytest.approx(plain.value, abs=1e-12)


@pytest.mark.parametrize("actions", ["levels", "continuous"])
def test_it_beats_its_noisy_self_which_beats_chance(make_prices: Prices, actions: str) -> None:
    env = VectorMarket(make_prices(150), np.zeros((150, 1)), n_envs=32, episode_length=40, actions=actions)
    best = Hindsight(env)
    scores = [record(b, env, 80, seed=3).rewards.sum() for b in (best, noisy(best, env, 0.3), uniform(env))]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 10.0 * abs(scores[2])


def test_what_has_no_hindsight(make_prices: Prices) -> None:
    bars = make_prices(40)
    features = np.zeros((40, 1))
    with pytest.raises(DataError, match=r"^hindsight.returns: must be finite and above -1; row 1; got -1.0$"):
        hindsight_path([0.0, -1.0], (0.0, 1.0), 0.0)
    with pytest.raises(DataError, match="at least one"):
        hindsight_path([], (0.0, 1.0), 0.0)
    with pytest.raises(ConfigError, match=r"^hindsight.levels: must be finite and rise"):
        hindsight_path([0.1], (1.0, 0.0), 0.0)
    with pytest.raises(ConfigError, match=r"^hindsight.cost: must lie in \[0, 0.5\)"):
        hindsight_path([0.1], (-1.0, 1.0), 0.5)
    for settings, line in (
        ({"actions": "verbs"}, "must have levels or continuous actions; got 'verbs'"),
        ({"show_account": False}, "must have a latency of one bar and show the account"),
        ({"market": Market(latency_bars=2)}, "must have a latency of one bar"),
    ):
        with pytest.raises(ConfigError, match=line):
            Hindsight(VectorMarket(bars, features, n_envs=1, **settings))
    env = VectorMarket(bars, features, n_envs=1)
    with pytest.raises(ConfigError, match=r"must lie in \[-1, 1\]"):
        Hindsight(env, (0.0, 2.0))
    with pytest.raises(ConfigError, match="must be those of the actions"):
        Hindsight(VectorMarket(bars, features, n_envs=1, actions="levels"), (0.0, 1.0))
    panel = make_prices(40, symbols=2)
    with pytest.raises(ConfigError, match="must trade one symbol; got 2"):
        Hindsight(VectorMarket(panel, np.zeros((40, 2, 1)), n_envs=1))
