"""The differentiated account against the compiled one, its gradient against differences, the contract of the agent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from regimen.agents.analytic.band import BandPolicy
from regimen.agents.analytic.config import AnalyticConfig
from regimen.agents.analytic.differentiable import Band, DifferentiableMarket, differentiable
from regimen.bars import Bars
from regimen.envs import EnvSpec, VectorMarket
from regimen.errors import ConfigError, RunError
from regimen.execution import Costs, MarketConfig
from regimen.proving import KnownMarketEnv, PlayableMarket, evaluate
from regimen.simulators import (
    Ar1Config,
    GarleanuPedersenConfig,
    HiddenRegimeConfig,
    HysteresisConfig,
    KellyConfig,
    MartingaleConfig,
    MertonConfig,
    OrnsteinUhlenbeckConfig,
)

MARKETS: list[tuple[PlayableMarket, float]] = [
    (MartingaleConfig(), 1.0),
    (Ar1Config(), 1.0),
    (Ar1Config(lag=2), 1.0),
    (OrnsteinUhlenbeckConfig(), 1.0),
    (HysteresisConfig(cost=0.7), 1.0),
    (GarleanuPedersenConfig(), 3.5),
    (HiddenRegimeConfig(), 1.0),
    (KellyConfig(chance=0.6), 0.8),
    (MertonConfig(drift=0.008, volatility=0.1, risk_aversion=2.0), 1.0),
    (MertonConfig(drift=0.008, volatility=0.1, risk_aversion=1.0), 1.0),
]
HYSTERESIS = HysteresisConfig(cost=0.5)
PATH = HYSTERESIS.simulate(3000, seed=1)
SMALL = AnalyticConfig(horizon=16, hidden=(16,))


def lanes(n: int = 32, market: PlayableMarket = HYSTERESIS, reach: float = 1.0, **more: Any) -> KnownMarketEnv:
    path = PATH if market is HYSTERESIS else market.simulate(1000, seed=3)
    return KnownMarketEnv(market, path, n, levels=None, reach=reach, **more)


def exactly(actions: np.ndarray[Any, Any]) -> Band:
    """The band that does what it is told."""
    told = torch.from_numpy(actions)
    return Band(told, told, torch.ones_like(told))


@pytest.mark.parametrize(("market", "reach"), MARKETS)
def test_rewards_are_those_of_the_known_market(market: PlayableMarket, reach: float) -> None:
    env = lanes(8, market, reach, episode_length=50)
    env.reset(seed=5)
    while len(set(env.state()["left"])) > 1:  # let the lanes' episodes begin together
        env._left[:] = 50
    bars = env.state()["bar"]
    actions = np.random.default_rng(0).uniform(-reach, reach, (40, 8))
    paid = np.array([env.step(row[:, None])[1].copy() for row in actions])
    walked = torch.from_numpy(bars) + torch.arange(40)[:, None]
    rewards, _ = differentiable(env).unroll(walked, torch.zeros(8, dtype=torch.float64), exactly(actions))
    np.testing.assert_allclose(rewards.numpy(), paid, rtol=0.0, atol=1e-9 * np.abs(paid).max())


@pytest.mark.parametrize(("market", "reach"), MARKETS)
def test_the_compiled_adjoint_is_the_derivative(market: PlayableMarket, reach: float) -> None:
    env = differentiable(lanes(2, market, reach))
    random = np.random.default_rng(1)
    lower = torch.from_numpy(random.uniform(-reach, 0.2 * reach, (30, 5))).requires_grad_()
    upper = torch.from_numpy(lower.detach().numpy() + random.uniform(0.0, 0.5 * reach, (30, 5))).requires_grad_()
    rate = torch.from_numpy(random.uniform(0.3, 0.9, (30, 5))).requires_grad_()
    bars, start = torch.arange(7, 37)[:, None].expand(30, 5), torch.from_numpy(random.uniform(-reach, reach, 5))
    weights = torch.from_numpy(random.normal(size=(30, 5)))

    def total(*band: Tensor) -> Tensor:
        return (env.unroll(bars, start, Band(*band))[0] * weights).sum()

    assert torch.autograd.gradcheck(total, (lower, upper, rate), eps=1e-6, atol=1e-6)


def priced(bars: int = 400, **extras: Any) -> Bars:
    made = HysteresisConfig(volatility=0.01).simulate(bars, seed=8).bars
    volume = made.volume.copy()
    volume[50], volume[60] = 0.0, np.nan
    columns = {name: np.asarray(values)[:, None] for name, values in extras.items()}
    split = {name: getattr(made, name) / columns["adjustment"] for name in ("open", "high", "low", "close")}
    return replace(made, volume=volume, extras=columns, **split)


ALL = Costs(
    commission_bps=3.0,
    half_spread_bps=2.0,
    impact_coefficient=0.8,
    borrow_annual=0.05,
    financing_annual=0.08,
    stamp_duty_bps=4.0,
    funding=True,
)
RULES: list[dict[str, Any]] = [
    {},
    {"reward": {"kind": "mean_variance", "risk_aversion": 3.0}},
    {"reward": {"kind": "log_wealth", "drawdown_penalty": 0.3, "turnover_penalty": 0.002, "scale": 100.0}},
    {"market": MarketConfig(costs=ALL, latency_bars=3)},
    {"market": MarketConfig(costs=ALL, rebalance="every_bar")},
    {"market": MarketConfig(costs=ALL, leverage=0.6)},
    {"market": MarketConfig(costs=ALL, leverage=1.0, maintenance_margin=0.95)},
]


def market_env(n: int = 6, **fields: Any) -> VectorMarket:
    random = np.random.default_rng(2)
    funding = np.where(random.random(400) < 0.2, random.normal(0.0, 1e-3, 400), np.nan)
    adjustment = np.where(np.arange(400) < 120, 1.0, 2.0)
    bars = priced(funding_rate=funding, adjustment=adjustment)
    features = random.normal(size=(400, 2))
    features[:5] = np.nan
    given = {"market": MarketConfig(costs=ALL), "n_envs": n, "precision": "float64", "threads": 1, **fields}
    return VectorMarket(bars, features, **given)


@pytest.mark.parametrize("fields", RULES, ids=lambda fields: ",".join(map(str, fields)) or "log_wealth")
def test_rewards_are_those_of_the_account(fields: dict[str, Any]) -> None:
    """All costs, splits, funding, a bar without volume and one whose volume is unknown, margin calls."""
    env = market_env(**fields)
    starts = np.array([5, 20, 40, 45, 100, 200])
    env.reset(starts=starts)
    random = np.random.default_rng(4)
    actions = random.uniform(-1.0, 1.0, (120, 6))
    actions[random.random((120, 6)) < 0.3] = 0.5  # targets that repeat
    actions[:, 0] = -1.0
    paid, seen = [], []
    for row in actions:
        observation, reward, *_ = env.step(row)
        paid.append(reward.copy())
        seen.append(observation[:, env.columns.index("position")].copy())
    market = differentiable(env)
    walked = torch.from_numpy(starts) + torch.arange(120)[:, None]
    rewards, _ = market.unroll(walked, torch.zeros(6, dtype=torch.float64), exactly(actions))
    np.testing.assert_allclose(rewards.numpy(), np.array(paid), rtol=1e-9, atol=1e-10 * env.config.reward.scale)


@pytest.mark.parametrize("fields", RULES[:6], ids=lambda fields: ",".join(map(str, fields)) or "log_wealth")
def test_the_gradient_is_that_of_the_account(fields: dict[str, Any]) -> None:
    """Against differences of the sum that the compiled environment pays."""
    env = market_env(n=1, **fields)
    actions = np.random.default_rng(5).uniform(-1.0, 1.0, 25)

    def paid(told: Any) -> float:
        env.reset(starts=np.array([100]))
        return sum(float(env.step(np.array([each]))[1][0]) for each in told)

    differences = np.zeros(25)
    for k in range(25):
        step = np.eye(25)[k] * 1e-5
        differences[k] = (paid(actions + step) - paid(actions - step)) / 2e-5
    told = torch.from_numpy(actions)[:, None].requires_grad_()
    bars, none = torch.arange(100, 125)[:, None], torch.zeros(1, dtype=torch.float64)
    rewards, _ = differentiable(env).unroll(bars, none, Band(told, told, torch.ones(25, 1, dtype=torch.float64)))
    rewards.sum().backward()  # type: ignore[no-untyped-call]
    found = told.grad
    assert found is not None
    np.testing.assert_allclose(found[:, 0].numpy(), differences, rtol=1e-5, atol=1e-8 * np.abs(differences).max())


def test_what_is_shown_is_what_the_environment_shows() -> None:
    env = market_env(context=3, show_account=True)
    seen, _ = env.reset(starts=np.array([7, 9, 30, 60, 100, 200]))
    found = differentiable(env).shown(torch.tensor([7, 9, 30, 60, 100, 200]))
    np.testing.assert_allclose(found.numpy(), seen[:, :6], rtol=1e-6)


def test_a_band_keeps_what_lies_inside_and_never_pulls_neighbours_apart() -> None:
    position = torch.linspace(-1.0, 1.0, 101, dtype=torch.float64).requires_grad_()
    edges = [torch.full((101,), value, dtype=torch.float64) for value in (-0.4, 0.3, 0.7)]
    moved = Band(*edges).move(position)
    moved.sum().backward()  # type: ignore[no-untyped-call]
    inside = (position >= -0.4) & (position <= 0.3)
    assert torch.equal(moved[inside], position[inside])
    assert position.grad is not None
    assert position.grad.min() >= 0.3 - 1e-12
    assert position.grad.max() <= 1.0


def test_edges_are_sorted_and_bounded_but_beyond_a_bound_not_dead() -> None:
    policy = BandPolicy(EnvSpec(columns=("x", "position")), 1, (8,), "tanh", 0.5)
    head = policy.body[-1]
    assert isinstance(head, torch.nn.Linear)
    with torch.no_grad():
        head.bias.copy_(torch.tensor([1.5, -9.0, 0.0]))
    band = policy(torch.zeros(4, 1))
    assert band.lower.tolist() == [-1.0] * 4
    assert band.upper.tolist() == [1.0] * 4
    (band.upper.sum() + band.lower.sum()).backward()  # descent would lower an edge that is far below: held
    assert head.bias.grad is not None
    assert head.bias.grad.tolist() == [4.0, 0.0, 0.0]
    head.bias.grad = None
    band = policy(torch.zeros(4, 1))
    (-band.upper.sum() - band.lower.sum()).backward()
    assert head.bias.grad is not None
    assert head.bias.grad.tolist() == [-4.0, -4.0, 0.0]


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"actions": "levels"}, "env: actions: must be continuous, to be differentiated; got '3 choices'"),
        ({"actions": {"kind": "continuous", "dead_band": 0.1}}, "env: actions.dead_band: must be 0"),
        ({"actions": {"kind": "continuous", "smoothing": 0.1}}, "env: actions.smoothing: must be 0"),
        ({"show_account": False}, "env: columns: must be the market's, then 'position'"),
        ({"reward": "rolling_sharpe"}, "env: reward: must be log_wealth or mean_variance"),
        ({"reward": "differential_sharpe"}, "env: reward: must be log_wealth or mean_variance"),
        ({"market": MarketConfig(lot_size=1.0)}, "env: market.lot_size: must be 0"),
        ({"market": MarketConfig(participation_cap=0.1)}, "env: market.participation_cap: must be null"),
        ({"market": MarketConfig(intrabar_margin=True)}, "env: market.intrabar_margin: must be false"),
        ({"market": MarketConfig(costs=Costs(commission_fixed=1.0))}, "env: market.costs.commission_fixed: must be 0"),
        (
            {"market": MarketConfig(rebalance="every_bar", rebalance_band=0.1)},
            "env: market.rebalance_band: must be 0",
        ),
        ({"start": 380}, "agents.analytic.horizon: must leave room on the path of 399 bars"),
        ({"autoreset": False}, "envs.autoreset: must be true to learn"),
    ],
)
def test_what_has_no_gradient_is_refused_in_one_line(fields: dict[str, Any], line: str) -> None:
    env = market_env(**fields)
    with pytest.raises((RunError, ConfigError)) as caught:
        AnalyticConfig(horizon=64).build(env).learn(env, 1000)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


class Opaque:
    """An environment that shows no path."""

    n_envs, spec = 4, EnvSpec(columns=("x", "position"))


def test_other_mistakes_are_one_line_each() -> None:
    with pytest.raises(RunError, match="must be a VectorMarket or have a path"):
        SMALL.build(Opaque.spec).learn(Opaque(), 100)  # type: ignore[arg-type]
    with pytest.raises(RunError, match="env: symbols: must be one"):
        SMALL.build(EnvSpec(columns=("x", "position"), size=2))
    with pytest.raises(RunError, match="then 'position'"):
        SMALL.build(EnvSpec(columns=("position", "x")))
    with pytest.raises(RunError, match="signal: must be finite"):
        SMALL.build(lanes()).predict(np.array([[np.nan, 0.0]]))
    with pytest.raises(ConfigError, match=r"agents\.horizon"):
        AnalyticConfig(horizon=0)
    env = lanes()
    env._gains = np.full_like(env._gains, np.nan)
    with pytest.raises(RunError, match=r"reward and gradient: must be finite \(iteration 1"):
        SMALL.build(env).learn(env, 100)


def learned(market: PlayableMarket, steps: int, reach: float = 1.0, bars: int = 100_000) -> Any:
    env = KnownMarketEnv(market, market.simulate(bars, seed=101), 32, levels=None, reach=reach)
    agent = AnalyticConfig().build(env, seed=1)
    agent.learn(env, steps)
    return evaluate(agent, market, seed=999, levels=None, paths=16, bars=500)


@pytest.mark.parametrize(
    ("market", "reach", "least"),
    [
        (Ar1Config(), 1.0, 0.97),
        (OrnsteinUhlenbeckConfig(), 1.0, 0.98),
        (HysteresisConfig(cost=1.0), 1.0, 0.95),
        (GarleanuPedersenConfig(), 3.5, 0.98),
        (KellyConfig(chance=0.6), 0.8, 0.98),
    ],
    ids=lambda value: getattr(value, "kind", None),
)
def test_the_optimum_is_reached_in_a_second_or_two(market: PlayableMarket, reach: float, least: float) -> None:
    assert learned(market, 500_000, reach).score > least


def test_nothing_is_traded_where_nothing_can_be_earned() -> None:
    """Random positions turn over 8/9 a bar."""
    assert learned(MartingaleConfig(), 400_000).turnover <= 0.01 * 8.0 / 9.0


def test_markets_keep_their_protocol() -> None:
    market: DifferentiableMarket = differentiable(lanes())
    assert market.unit > 0.0
    assert market.last == len(PATH) - 2
