"""An agent served from its graph: the exposures, accounts and memories of its policy, bar by bar, without torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.contracts.test_agent_contract import CASES
from tests.contracts.test_bar_by_bar import COLUMNS, COSTS, START, STOP, lanes, learned, moments, panel, whole
from tests.runs.conftest import silent, simulated

from regimen.bundle.lanes import ServedAgent
from regimen.envs import VectorMarketConfig
from regimen.errors import RegimenError
from regimen.execution import Moment
from regimen.features import FeatureSet
from regimen.policies import AgentPolicy
from regimen.records import load_config
from regimen.runs import export_run, start
from regimen.runs.exporting.agents import agent_decision
from regimen.runs.exporting.decision import Decision

RUN = """
data: {{path: {path}}}
features: {{kind: indicators, columns: [rsi_14, return_5d, volatility_20d]}}
labels: {{kind: fixed_horizon, horizon: 4, volatility_bars: 20}}
splits: {{train: 300, test: 420}}
preprocess: [{{kind: running, half_life: 100}}]
model: {{kind: recurrent_ppo, hidden: 8, head: 8, rollout_steps: 16, sequence_length: 8, minibatch_size: 128}}
environment: {{steps: 2048, n_envs: 32, episode_length: 40, actions: {{kind: continuous, dead_band: 0.2}}}}
judge: {{bootstrap_draws: 100, random_controls: 20}}
tracking: none
"""
FEATURES = FeatureSet.indicators().select(COLUMNS)
BANDED = {"kind": "continuous", "smoothing": 0.3, "dead_band": 0.01}
CASE_OF = {each.id: each.values[0] for each in reversed(CASES)}


class Untraced:
    """What a graph is traced of, in its place."""

    def __init__(self, decision: Decision) -> None:
        self.decision, self.name, self.width, self.memory = decision, "decision.onnx", decision.width, decision.memory
        self.details = len(decision.details)

    def __call__(self, rows: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, ...]:
        with torch.inference_mode():
            return tuple(part.numpy() for part in self.decision(torch.tensor(rows), torch.tensor(state)))


def served(name: str, config: VectorMarketConfig) -> tuple[AgentPolicy, ServedAgent]:
    policy = AgentPolicy(learned(CASE_OF[name], config), config)
    decision = agent_decision(policy)
    return policy, ServedAgent(Untraced(decision), config, COLUMNS)


def follow(policy: AgentPolicy, agent: ServedAgent, config: VectorMarketConfig) -> tuple[np.ndarray, np.ndarray]:
    """Asserts equal decisions with the policy's state and with its own; returns exposures and confidences."""
    mine, own = policy.initial_state(3), agent.initial_state(3)
    assert mine.shape == own.shape
    exposures, confidences = [], []
    for t, moment in enumerate(moments(panel(), config.market, FEATURES)):
        if t < START:
            mine, own = policy.watch(moment, mine), agent.watch(moment, own)
        elif t < STOP:
            expected, following = policy.act(moment, mine)
            before = mine.copy()
            decided = agent.decided(moment, mine)
            np.testing.assert_array_equal(mine, before)
            np.testing.assert_allclose(decided.exposures, expected, atol=1e-5)
            np.testing.assert_allclose(decided.state, following, rtol=1e-5, atol=1e-5)
            alone, own = agent.act(moment, own)
            np.testing.assert_allclose(alone, expected, atol=1e-5)
            assert (np.isnan(decided.confidence) == np.isnan(decided.details).all(axis=1)).all()
            exposures.append(expected)
            confidences.append(decided.confidence)
            mine = following
    return np.array(exposures), np.array(confidences)


@pytest.mark.parametrize(
    ("name", "actions", "context", "latency"),
    [pytest.param("recurrent_ppo-continuous", BANDED, 1, 2, marks=pytest.mark.slow), ("ppo-levels", "verbs", 4, 3)],
)
def test_it_decides_as_the_policy_of_the_agent(name: str, actions: Any, context: int, latency: int) -> None:
    config = lanes(CASE_OF[name], latency, context=context)
    config = VectorMarketConfig(**{**dict(config), "actions": actions})
    policy, agent = served(name, config)
    exposures, confidences = follow(policy, agent, config)
    bars = panel()
    unseen = ~bars.present[START:STOP]
    assert np.isnan(confidences[unseen]).all()
    assert np.isnan(exposures[unseen]).any()  # the hole keeps what is held
    assert (confidences[~np.isnan(confidences)] >= 0.0).all()
    assert (confidences[~np.isnan(confidences)] <= 1.0).all()
    assert not np.isnan(confidences[:, 0]).any()
    assert len(np.unique(exposures)) > 5
    history = whole(bars, config.market, FEATURES)
    np.testing.assert_allclose(agent.exposures(history, START, STOP), policy.exposures(history, START, STOP), atol=1e-5)
    assert agent.schema.columns == policy.schema.columns == policy.agent.spec.columns


def test_an_account_that_is_ruined_is_asked_nothing() -> None:
    config = lanes(CASE_OF["ppo-levels"], 1)
    policy, agent = served("ppo-levels", config)
    ruinous = COSTS.model_copy(update={"commission_fixed": 1.0})
    poor = config.market.model_copy(update={"initial_cash": 1e-6, "costs": ruinous})
    config = VectorMarketConfig(**{**dict(config), "market": poor})
    exposures, confidences = follow(
        AgentPolicy(policy.agent, config), ServedAgent(agent.graph, config, COLUMNS), config
    )
    assert (np.nan_to_num(exposures[40:]) == 0.0).all()
    assert np.isnan(confidences[40:]).all()


class Answers:
    """A graph that always wants the same."""

    name, width, memory, details = "decision.onnx", len(COLUMNS) + 3, 0, 3

    def __init__(self, exposure: float) -> None:
        self.exposure = exposure

    def __call__(self, rows: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, ...]:
        return np.full(len(rows), self.exposure), np.ones(len(rows)), state, np.zeros((len(rows), 3))


def test_what_does_not_fit_is_one_line() -> None:
    config = lanes(CASE_OF["ppo-levels"], 1)
    steps = list(moments(panel(), config.market, FEATURES))[: START + 10]

    def all_of(agent: ServedAgent, seen: list[Moment]) -> None:
        state = agent.initial_state(3)
        for moment in seen:
            state = agent.decided(moment, state).state

    def infinite(moment: Moment) -> Moment:
        return moment._replace(features=np.where(np.isnan(moment.features), np.nan, np.inf))

    graph: Any = Answers(1.5)
    for call, line in (
        (
            lambda: ServedAgent(graph, config, ("a", "b")),
            f"decision.onnx: must see the 5 columns of the lanes; got {graph.width}",
        ),
        (lambda: all_of(ServedAgent(graph, config, COLUMNS), steps), "exposures: must lie in [-1, 1]; got 1.5"),
        (
            lambda: all_of(ServedAgent(Answers(0.5), config, COLUMNS), [*steps, infinite(steps[-1])]),  # type: ignore[arg-type]
            "features: must be finite in float32",
        ),
    ):
        with pytest.raises(RegimenError) as caught:
            call()
        assert str(caught.value).startswith(line)
        assert "\n" not in str(caught.value)


def test_neither_torch_nor_pandas_is_needed() -> None:
    code = (
        "import sys; import regimen.bundle.lanes; "
        "bad = {'torch', 'pandas', 'pyarrow', 'matplotlib', 'gymnasium'} & {m.split('.')[0] for m in sys.modules}; "
        "sys.exit(str(sorted(bad)) if bad else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.slow
def test_a_run_of_an_agent_is_exported_and_opened(tmp_path: Path) -> None:
    simulated(750).to_parquet(tmp_path / "coin.parquet")
    (tmp_path / "agent.yaml").write_text(RUN.format(path=tmp_path / "coin.parquet"))
    directory, _ = start(load_config(tmp_path / "agent.yaml"), tmp_path / "runs", silent)
    bundle = export_run(directory, tmp_path / "bundle", silent, observations=200).bundle
    part, parity = bundle.manifest.policy.members[0], bundle.manifest.parity
    assert (part.served, part.details) == ("agent", ("action",))
    assert part.observation.names == bundle.manifest.columns.names
    assert part.settings["environment"]["actions"]["dead_band"] == 0.2
    assert part.settings["environment"]["market"] == bundle.market.model_dump(mode="json")
    assert parity.same_actions == 1.0
    assert 0.0 < parity.drift < 1e-4
    assert bundle.golden.observations > 100
    assert bundle.golden.same_bits
