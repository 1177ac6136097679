"""Auxiliary tasks: what the memory foretells is what can be foretold, and no target reaches beyond the slice."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from regimen import ops
from regimen.agents import RecurrentPPOConfig
from regimen.bars import Bars
from regimen.envs import VectorMarket
from regimen.errors import ConfigError, DataError, RunError
from regimen.execution import Costs, Market
from regimen.learning import AuxiliaryConfig, AuxiliaryHeads, AuxiliaryTargets
from regimen.proving import KnownMarketEnv
from regimen.simulators import Ar1Config, MartingaleConfig

FREE = Market(costs=Costs.none())
ALL: Any = ("return", "volatility", "volume", "regime", "action")


def lanes(bars: Bars, column: Any, **fields: Any) -> VectorMarket:
    chosen: dict[str, Any] = {"n_envs": 64, "episode_length": 256, "actions": "levels", "market": FREE} | fields
    return VectorMarket(bars, np.asarray(column).reshape(len(bars), 1, 1), **chosen)


def learned(market: Any) -> tuple[float, float]:
    """The R² of the last four rollouts and the share of signs of the last ten, each on bars as they come."""
    simulation = market.simulate(60_000, 5)
    close = simulation.bars.close[:, 0]
    last = np.append(0.0, np.diff(np.log(close)))
    env = lanes(simulation.bars, last)
    sizes: dict[str, Any] = {
        "hidden": 16,
        "layers": 1,
        "head": 8,
        "epochs": 4,
        "minibatch_size": 2048,
        "learning_rate": 1e-2,
    }
    config = RecurrentPPOConfig(**sizes, auxiliary=AuxiliaryConfig(tasks=("return",), weight=5.0), gamma=0.0)
    history = config.build(env, seed=0).learn(env, 64 * 64 * 160)
    rows = [each.numbers for each in history[-10:]]
    return (
        float(np.mean([row["auxiliary_return"] for row in rows[-4:]])),
        float(np.mean([row["auxiliary_sign"] for row in rows])),
    )


@pytest.mark.slow
def test_the_next_return_of_an_autoregression_is_foretold_as_far_as_it_can_be() -> None:
    """R² = φ², of 16,384 rows, whose own error is 2φ(1 − φ²)/√n = .006."""
    fitted, _ = learned(Ar1Config(phi=0.6))
    assert fitted == pytest.approx(0.36, abs=0.01)


@pytest.mark.slow
def test_the_sign_of_a_martingale_is_not() -> None:
    _, right = learned(MartingaleConfig())
    assert right == pytest.approx(0.5, abs=1.96 * 0.5 / math.sqrt(40_960))


def test_no_target_reads_beyond_the_end_of_the_slice() -> None:
    bars = Bars.sample("sp500").window(0, 300)
    double = np.where(np.arange(300) < 200, 1.0, 2.0)
    prices = {name: getattr(bars, name)[:, 0] * double for name in ("open", "high", "low", "close")}
    changed = Bars.from_arrays(bars.time, **prices, volume=bars.volume[:, 0])
    config = AuxiliaryConfig(tasks=ALL)
    ends = [
        AuxiliaryTargets(lanes(each, np.zeros(300), start=20, stop=200, episode_length=64), config)
        for each in (bars, changed)
    ]
    rows = np.stack([ends[0].at(np.full(64, bar))[0] for bar in range(300)])
    again = np.stack([ends[1].at(np.full(64, bar))[0] for bar in range(300)])
    np.testing.assert_array_equal(rows, again)
    known = np.isfinite(rows)
    assert [int(np.flatnonzero(column).max()) for column in known.T[:4]] == [197, 182, 182, 182]  # t + 1 + span < 199
    opens = np.log(bars.open[:, 0])
    wanted = opens[32] - opens[31]  # decided at the close of 30, from the open of 31 on
    past = opens[22:199] - opens[21:198]
    assert rows[30, 0] == pytest.approx((wanted - past.mean()) / past.std(), abs=0.02)


def test_a_column_beside_a_row_is_refused_and_not_broadcast() -> None:
    """(B, 1) against (B,): half the mean over all pairs would be the loss, and nobody would know."""
    heads = AuxiliaryHeads(4, 3, AuxiliaryConfig(tasks=("return",), weight=2.0))
    features, targets = torch.randn(5, 7, 4), torch.randn(5, 7, 1)
    output = heads.heads[0](features)
    by_hand = (output[..., 0] - targets[..., 0]).square().mean()  # 2 × ½
    assert float(heads.loss(features, targets).detach()) == pytest.approx(float(by_hand.detach()))
    with pytest.raises(DataError):
        ops.value_loss(output.flatten(0, 1), targets.flatten())


def test_every_head_learns() -> None:
    bars = Bars.sample("sp500").window(0, 400)
    env = lanes(bars, np.zeros(400), n_envs=4, episode_length=64)
    config = RecurrentPPOConfig(
        rollout_steps=8, sequence_length=4, hidden=8, layers=1, head=8, auxiliary=AuxiliaryConfig(tasks=ALL)
    )
    agent = config.build(env, seed=0)
    assert agent.auxiliary is not None
    before = [parameter.clone() for parameter in agent.auxiliary.parameters()]
    numbers = agent.learn(env, 64)[-1].numbers
    assert {f"auxiliary_{task}" for task in ALL} < set(numbers)
    assert all(not torch.equal(old, new) for old, new in zip(before, agent.auxiliary.parameters(), strict=True))


def test_lanes_without_targets_are_one_clear_error() -> None:
    market = Ar1Config()
    known = KnownMarketEnv(market, market.simulate(600, 0), 4, episode_length=32)
    config = RecurrentPPOConfig(hidden=8, layers=1, head=8, auxiliary=AuxiliaryConfig())
    with pytest.raises(RunError, match="env: must be lanes of markets of one symbol for auxiliary tasks"):
        config.build(known, seed=0).learn(known, 64)
    with pytest.raises(ConfigError, match="must be without 'action' where actions are continuous"):
        AuxiliaryHeads(4, None, AuxiliaryConfig(tasks=("action",)))
