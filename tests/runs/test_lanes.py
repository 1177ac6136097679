"""Lanes that a run's agent learns in may be easier, and change; the ones that it trades in never are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regimen.agents import PPOConfig
from regimen.envs import ShapedConfig, Staged, VectorMarket, market_hash, markets_of
from regimen.errors import ConfigError
from regimen.learning import Checkpoint, Iteration
from regimen.records import RunConfig, load_config
from regimen.runs.families import agent as module
from regimen.runs.families.lanes import lanes_of, learning_env
from regimen.runs.prepare import prepare

YAML = """
name: agent
data: {{path: {path}}}
features: {{kind: indicators, columns: [rsi_14, return_5d]}}
labels: {{kind: fixed_horizon, horizon: 4, volatility_bars: 20}}
splits: {{train: 300, test: 200}}
model: {{kind: ppo, hidden: [8], rollout_steps: 16, minibatch_size: 128, anneal: true}}
environment:
  steps: 4096
  n_envs: 32
  episode_length: 20
  evaluations: 1
  wrappers:
    - {{kind: curriculum, stages: simulated, steps: 2048}}
    - {{kind: shaped, learned: {{every: 16, updates: 5}}, adaptive: {{}}}}
"""


@pytest.fixture
def configured(tmp_path: Path, market_file: Path) -> Callable[..., RunConfig]:
    path = tmp_path / "agent.yaml"
    path.write_text(YAML.format(path=market_file))
    return lambda *overrides: load_config(path, overrides)


def test_what_trades_is_the_last_stage_and_has_no_wrapper(configured: Callable[..., RunConfig]) -> None:
    prepared = prepare(configured())
    window = prepared.windows[0]
    env: Any = learning_env(prepared, window)
    trading = VectorMarket(prepared.bars, prepared.frame, lanes_of(prepared.config, window.test.start))
    assert market_hash(env) != market_hash(trading)
    env.reset(seed=0)
    for _ in range(2048 // 32):
        env.step(np.zeros(32, np.int64))
    assert isinstance(env.below, Staged)
    assert env.below.stage == 4
    assert market_hash(env) == market_hash(trading)
    assert [market.n_envs for market in markets_of(env)] == [32]


def test_a_run_that_was_killed_in_a_stage_ends_with_the_same_bytes(
    configured: Callable[..., RunConfig], tmp_path: Path
) -> None:
    """Through all five stages, with a potential that is learned; the learning rate falls over the whole of it."""
    config = configured("environment.evaluations=0")
    prepared = prepare(config)
    window, model = prepared.windows[0], config.model
    assert isinstance(model, PPOConfig)
    stages: list[float] = []

    def tell(_done: int, _of: int, message: str, numbers: Mapping[str, float]) -> None:
        if numbers:
            stages.append(numbers["stage"])
            assert f"stage {stages[-1]:g}, shaping weight {numbers['shaping_weight']:.3g}, " in message

    whole: Any = module.fit(prepared, window, 0, tell=tell)
    assert stages == [2.0, 3.0, 4.0, 5.0, 5.0, 5.0, 5.0, 5.0]
    env = learning_env(prepared, window)
    stopped = model.build(env, 0)

    def kill(iteration: Iteration) -> None:
        if iteration.iteration == 3:
            raise KeyboardInterrupt

    keep = Checkpoint(tmp_path, 0.0)
    with pytest.raises(KeyboardInterrupt):
        stopped.learn(env, config.environment.steps, kill, keep)
    env = learning_env(prepared, window)
    agent: Any = model.build(env, 0)
    history = agent.learn(env, config.environment.steps, None, keep)
    assert history == whole.history
    for name, tensor in agent.network.state_dict().items():
        assert (tensor == whole.last.network.state_dict()[name]).all()
    rates = [each.numbers["learning_rate"] for each in history]
    np.testing.assert_allclose(np.diff(rates), -rates[0] / len(rates))


def test_wrappers_that_do_not_go_with_the_run_are_refused(configured: Callable[..., RunConfig]) -> None:
    prepared = prepare(configured())
    late = replace(prepared, config=configured("environment.steps=2048"))
    with pytest.raises(ConfigError, match=r"^environment\.wrappers\.0\.steps: must be below environment\.steps, 2,048"):
        learning_env(late, prepared.windows[0])
    short = module.short(prepared.config)
    assert learning_env(replace(prepared, config=short), prepared.windows[0]).n_envs == 32
    shaped = ShapedConfig(gamma=0.99, weights={"luck": 1.0})
    config = prepared.config.model_copy(
        update={"environment": prepared.config.environment.model_copy(update={"wrappers": (shaped,)})}
    )
    with pytest.raises(ConfigError, match=r"must be of columns that lanes show .*; got 'luck'"):
        learning_env(replace(prepared, config=config), prepared.windows[0])
