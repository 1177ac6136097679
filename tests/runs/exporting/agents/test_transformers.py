"""Agents of a context: the shortest one, windows that are cut in other places, and the precision that is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.contracts.test_agent_contract import TINY
from tests.runs.exporting.agents.test_decision import check, eager, learned

from regimen.agents import CGDTConfig, FlagTraderConfig
from regimen.errors import RunError
from regimen.runs.exporting.agents import agent_decision

CGDT_FIELDS: dict[str, Any] = TINY["cgdt"][0][0]
FLAG_FIELDS: dict[str, Any] = TINY["flag_trader"][0][0]


@pytest.mark.parametrize("context", [1, 2])
def test_a_decision_transformer_of_a_short_context(context: int) -> None:
    policy, env = learned(CGDTConfig(**{**CGDT_FIELDS, "context": context}))
    check(policy, env, eager(agent_decision(policy)), 12, 5)


@pytest.mark.slow
@pytest.mark.parametrize("forget", [1, 4, 6])
def test_windows_are_cut_where_the_agent_cuts_them(forget: int) -> None:
    policy, env = learned(FlagTraderConfig(**{**FLAG_FIELDS, "forget": forget}))
    check(policy, env, eager(agent_decision(policy)), 25, 5)


def test_a_network_in_half_precision_is_refused() -> None:
    policy, _ = learned(FlagTraderConfig(**FLAG_FIELDS, precision="bfloat16", device="cpu"))
    with pytest.raises(RunError) as caught:
        agent_decision(policy)
    assert str(caught.value).startswith("agents.flag_trader.precision: must be float32 to be exported as a graph")
    assert "bfloat16" in str(caught.value)


def test_the_memory_that_goes_out_is_what_the_agent_takes_back() -> None:
    policy, env = learned(CGDTConfig(**CGDT_FIELDS))
    decision = agent_decision(policy)
    rng = np.random.default_rng(0)
    state = np.zeros((3, decision.memory))
    for _ in range(6):
        rows = rng.standard_normal((3, decision.width)).astype(np.float32)
        expected, _ = policy.agent.predict(rows, state.astype(np.float32))
        exposure, _, state, _ = eager(decision)(rows.astype(np.float64), state)
        np.testing.assert_array_equal(exposure, np.array(env.config.actions.levels)[expected])
