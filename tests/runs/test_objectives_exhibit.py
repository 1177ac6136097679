"""A run of several objectives: its front, and a backtest by the preference that a user picks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.contracts.test_agent_contract import market

from regimen.agents import MOSACConfig
from regimen.envs import ObjectivesConfig, VectorMarketConfig
from regimen.errors import ConfigError
from regimen.policies import AgentPolicy, Showing
from regimen.records import RunConfig, load_config, read_json
from regimen.runs import backtest_run, start
from regimen.runs.backtests import preferring
from regimen.runs.exporting.agents import agent_decision
from regimen.runs.families.agent_exhibits.objectives import preferences

from .conftest import silent
from .test_agent import YAML
from .test_sizing_exhibit import exhibits_of

Configured = Callable[..., RunConfig]
MODEL = (
    "{kind: mosac, hidden: [8], rollout_steps: 8, warmup_steps: 128, batch_size: 32, objectives: [profit, activity]}"
)


@pytest.fixture
def several(tmp_path: Path, market_file: Path) -> RunConfig:
    path = tmp_path / "several.yaml"
    path.write_text(YAML.format(path=market_file))
    return load_config(path, ["seeds=1", f"model={MODEL}", "environment.evaluations=1", "environment.steps=1024"])


@pytest.mark.slow
def test_a_run_shows_its_front_and_trades_by_what_is_picked(several: RunConfig, tmp_path: Path) -> None:
    directory, _ = start(several, tmp_path / "runs", silent)
    exhibit = exhibits_of(directory)["objectives"]
    assert exhibit.columns == ("Preference", "profit", "activity", "On the front")
    assert [row[0] for row in exhibit.rows[:3]] == ["0.5, 0.5", "1, 0", "0.9, 0.1"]
    assert len(exhibit.rows) == 11
    assert {row[-1] for row in exhibit.rows} <= {"yes", ""}
    assert f"regimen backtest {directory.id} preference=" in exhibit.sentences[1]
    assert [curve.name for curve in exhibit.drawings[0].curves] == ["all preferences", "the front"]

    folder, judgement = backtest_run(directory, None, ["preference=[0, 1]"], lambda *_: None)
    model = load_config(folder / "config.yaml").model
    assert isinstance(model, MOSACConfig)
    assert model.objectives.shares == (0.0, 1.0)
    own = read_json(directory.path / "judgement.json")["rows"][0]
    assert judgement["rows"][0]["exposure"] != own["exposure"]
    assert [row["kind"] for row in directory.trials.rows()].count("evaluation") == 2


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ("1", "objectives: preference must have a share for each of profit, activity; got [1.0]"),
        ("0.5,0.6", "preference must sum to 1, not to 1.1"),
        ("2,-1", "preference must not be negative"),
        ("much,little", "objectives.preference.0: must be a valid number"),
    ],
)
def test_a_bad_preference_is_one_error(several: RunConfig, shares: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        preferring(several, shares)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_model_without_objectives_has_no_preference(several: RunConfig) -> None:
    other = load_config(Path(several.data.path).parent / "several.yaml")
    with pytest.raises(ConfigError, match="preference: is read by a model of kind mosac only; got 'ppo'"):
        preferring(other, "1,0")


def test_preferences_are_the_corners_and_what_lies_between() -> None:
    three = preferences(ObjectivesConfig(names=("profit", "risk", "timing"), preference=(0.2, 0.3, 0.5)))
    assert len(three) == 8
    np.testing.assert_allclose(three.sum(axis=1), 1.0)
    assert three[0].tolist() == [0.2, 0.3, 0.5]
    assert preferences(ObjectivesConfig(names=("risk",))).tolist() == [[1.0]]


def test_the_preference_is_in_what_is_exported() -> None:
    config = MOSACConfig(
        rollout_steps=8, warmup_steps=64, batch_size=16, hidden=(16,), objectives=["profit", "risk", "activity"]
    )
    bare = market("levels")
    env = config.wrap(bare)
    agent = config.build(env, seed=3)
    agent.learn(env, 512)
    rows = np.random.default_rng(0).standard_normal((50, bare.spec.width)).astype(np.float32)
    answers = set()
    for shares in ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0)):
        actor = Showing(agent, dict(zip(config.objectives.columns, shares, strict=True)))
        policy = AgentPolicy(actor, VectorMarketConfig(**{**dict(bare.config), "n_envs": 1}))
        decision = agent_decision(policy)
        with torch.inference_mode():
            exposure, *_ = decision(torch.tensor(rows), torch.zeros(50, decision.memory))
        levels = np.array(bare.config.actions.levels)  # type: ignore[union-attr]
        np.testing.assert_allclose(exposure.numpy(), levels[actor.predict(rows)[0]])
        answers.add(exposure.numpy().tobytes())
    assert len(answers) == 2
