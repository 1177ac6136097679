"""A policy from an agent: what it refuses, and that its account is one of its own. Its bits are in the contracts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from regimen.bars import Bars
from regimen.envs import EnvSpec, VectorMarketConfig
from regimen.errors import ConfigError, DataError, RunError
from regimen.execution import Costs, History, MarketConfig
from regimen.policies import AgentPolicy, targets


class Steady:
    """An agent that always wants the same, and keeps what it saw."""

    def __init__(self, action: float, columns: tuple[str, ...] = ("a", "b", "position", "cash", "drawdown")) -> None:
        self.spec = EnvSpec(columns=columns)
        self.action, self.rows = action, []

    def predict(self, observation: Any, state: Any = None, deterministic: bool = True) -> tuple[Any, Any]:
        assert state is None
        assert deterministic
        self.rows.append(np.array(observation))
        return np.full((len(observation), 1), self.action, np.float32), None


def history(market: MarketConfig, features: np.ndarray | None = None, names: tuple[str, ...] = ("a", "b")) -> History:
    close = np.full((30, 2), 100.0)
    close[10:, 0] = 110.0
    bars = Bars.from_arrays(
        np.datetime64("2024-01-01") + np.arange(30), open=close, high=close, low=close, close=close,
        volume=np.full(close.shape, 1e6), symbols=("A", "B"), checked=False
    )  # fmt: skip
    values = np.ones((30, 2, 2)) if features is None else features
    known = market.build().history(bars, values)
    return History(bars, values, known.costs, names=names)


CHEAP = MarketConfig(costs=Costs(commission_bps=1.0))


def test_each_symbol_sees_an_account_of_its_own() -> None:
    agent = Steady(1.0)
    policy = AgentPolicy(agent, VectorMarketConfig(market=CHEAP))
    agent.rows.clear()
    rows = targets(policy, history(CHEAP), 5, 20)
    np.testing.assert_array_equal(rows, 0.5)  # of one account, half each
    seen = np.array(agent.rows)
    assert seen.shape == (15, 2, 5)
    np.testing.assert_array_equal(seen[0, :, 2:], [[0.0, 1.0, 0.0]] * 2)  # opened at bar 5, flat
    np.testing.assert_allclose(seen[1:, :, 2], 1.0, atol=1e-3)  # all of its own equity, not half
    np.testing.assert_allclose(seen[1:, :, 3], 0.0, atol=1e-3)
    assert policy.schema.columns == agent.spec.columns
    state = policy.initial_state(2)
    assert not state.any()


def test_the_last_bar_of_a_series_decides_nothing() -> None:
    rows = targets(AgentPolicy(Steady(1.0), VectorMarketConfig(market=CHEAP)), history(CHEAP), 25, 30)
    np.testing.assert_array_equal(rows[:4], 0.5)
    assert np.isnan(rows[4]).all()


def test_what_does_not_fit_is_one_line() -> None:
    config = VectorMarketConfig(market=CHEAP)
    infinite = np.ones((30, 2, 2))
    infinite[7, 1, 1] = 1e39  # beyond a float32
    dear = MarketConfig(costs=Costs(impact_coefficient=1.0))
    for call, error, line in (
        (
            lambda: AgentPolicy(Steady(1.0, ("a", "b")), config),
            RunError,
            "agent: observation: must have the agent's 2 columns; got 3",
        ),
        (
            lambda: AgentPolicy(Steady(1.0), VectorMarketConfig(market=CHEAP, actions="verbs")),
            RunError,
            "agent: column 0: must be 'a', as the agent was built for; got 'position'",
        ),
        (
            lambda: targets(AgentPolicy(Steady(1.0), config), history(CHEAP, names=("a", "c"))),
            RunError,
            "features: column 1: must be 'b', as the policy was trained on; got 'c'",
        ),
        (
            lambda: targets(AgentPolicy(Steady(1.5), config), history(CHEAP)),
            RunError,
            "actions: must lie in [-1, 1]; got 1.5",
        ),
        (
            lambda: targets(AgentPolicy(Steady(1.0), config), history(CHEAP, infinite)),
            DataError,
            "features: must be finite in float32, or NaN where not known; column 1; got 1e+39",
        ),
        (
            lambda: targets(AgentPolicy(Steady(1.0), config), history(dear)),
            ConfigError,
            "market.costs.impact_coefficient: must be that of the market that is traded",
        ),
    ):
        with pytest.raises(error) as caught:
            call()
        assert str(caught.value).startswith(line)
