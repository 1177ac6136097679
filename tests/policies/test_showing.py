"""Constants behind what an agent sees."""

from __future__ import annotations

import numpy as np
import pytest

from regimen.agents import PPOConfig
from regimen.envs import EnvSpec
from regimen.errors import RunError
from regimen.policies import Showing

SPEC = EnvSpec(columns=("a", "b", "a_goal"))


def test_it_acts_as_with_these_numbers_behind_each_row() -> None:
    agent = PPOConfig(hidden=(8,)).build(SPEC, seed=1)
    showing = Showing(agent, {"a_goal": 0.25})
    assert showing.spec == EnvSpec(columns=("a", "b"))
    rows = np.random.default_rng(0).standard_normal((5, 2)).astype(np.float32)
    expected, _ = agent.predict(np.hstack([rows, np.full((5, 1), 0.25, np.float32)]))
    np.testing.assert_array_equal(showing.predict(rows)[0], expected)
    with pytest.raises(RunError, match=r"^agent: must have b_goal as its last columns; got 'a_goal'"):
        Showing(agent, {"b_goal": 0.25})
