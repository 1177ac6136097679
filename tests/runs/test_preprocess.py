"""A run whose features pass through steps of preprocessing: on disk, traded again, for predictors and agents."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regimen.errors import ConfigError, RunError
from regimen.execution import decide, targets
from regimen.preprocess import Chain
from regimen.records import RunConfig, read_json
from regimen.runs import find_run_leaks, reproduce_run, start
from regimen.runs.families import agent as agents
from regimen.runs.families import classifier
from regimen.runs.families.lanes import learning_env
from regimen.runs.families.scaling import preprocessed_by
from regimen.runs.prepare import prepare

from .conftest import silent

Configured = Callable[..., RunConfig]
RUNNING = "preprocess=[{kind: running, half_life: 100}]"
EVERY = (
    "preprocess=[{kind: kalman, rows: 500}, {kind: consensus, steps: 20}, {kind: running}, {kind: standard, clip: 2}]"
)
LSTM = "model={kind: lstm, context: 8, width: 4, layers: 1, heads: 1}"
AGENT = (
    "model={kind: ppo, hidden: [8], rollout_steps: 8, minibatch_size: 64}",
    "environment={steps: 512, n_envs: 16, episode_length: 40, evaluations: 1}",
)


@pytest.mark.parametrize("words", [(), pytest.param((LSTM,), marks=pytest.mark.slow)])
def test_a_run_trades_what_it_would_trade_bar_by_bar_and_after_loading(
    configured: Configured, tmp_path: Path, words: tuple[str, ...]
) -> None:
    config = configured("training.epochs=2", RUNNING, *words)
    directory, _ = start(config, tmp_path / "runs", silent)
    prepared = prepare(config)
    window = prepared.windows[1]
    folder = directory.window(1)
    policy = classifier.load(folder, config, prepared.features.hash)
    kept = np.load(folder / "exposures.npy")
    span = window.test.start, window.test.stop
    np.testing.assert_array_equal(targets(policy, prepared.history, *span), kept)
    assert set(read_json(folder / "preprocess.json")) == {"0/running/names", "0/running/keep", "0/running/clip"}
    history = prepared.history
    state = policy.initial_state(1)
    for t in range(window.test.start + 5):
        row, state = decide(policy, history.at(t), state)
        if t >= window.test.start:
            np.testing.assert_array_equal(row, kept[t - window.test.start])
    assert not reproduce_run(directory, silent).differing
    (folder / "preprocess.json").write_text("{}")
    with pytest.raises(RunError, match=r"holds a preprocess\.json of other steps than its config"):
        classifier.load(folder, config, prepared.features.hash)


def test_without_steps_the_hash_is_the_one_before_there_were_any(configured: Configured) -> None:
    plain = configured()
    assert configured("preprocess=[]").hash == plain.hash
    assert "preprocess" not in plain.as_dict()
    assert len({plain.hash, configured(RUNNING).hash, configured("preprocess=[{kind: running}]").hash}) == 3
    with pytest.raises(ConfigError, match="preprocess is not read by a model of kind momentum"):
        configured("model={kind: momentum}", "training={}", RUNNING)
    with pytest.raises(
        ConfigError, match=r"^preprocess\.0\.kind: must be one of 'consensus', 'kalman', 'running', 'standard'"
    ):
        configured("preprocess=[{kind: runing}]")


def test_an_agent_learns_from_and_trades_on_the_same_steps(configured: Configured, tmp_path: Path) -> None:
    config = configured(EVERY, "training={}", "exposure={}", *AGENT)
    directory, _ = start(config, tmp_path / "runs", silent)
    prepared = prepare(config)
    window = prepared.windows[0]
    policy = agents.load(directory.window(0), config, prepared.features.hash)
    kept = np.load(directory.window(0) / "exposures.npy")
    history = prepared.history
    np.testing.assert_array_equal(targets(policy, history, window.test.start, window.test.stop), kept)
    state = policy.initial_state(1)
    for t in range(window.test.start):
        state = policy.watch(history.at(t), state)
    for t in range(window.test.start, window.test.start + 20):  # bar by bar, as it would trade live
        row, state = decide(policy, history.at(t), state)
        np.testing.assert_array_equal(row, kept[t - window.test.start])
    _, seen = preprocessed_by(prepared, window)
    env = learning_env(seen, window)
    observation, _ = env.reset(seed=0)
    assert np.abs(observation[:, : len(prepared.frame.names)]).max() <= 2.0
    assert np.abs(prepared.frame.values[50:]).max() > 2.0


def test_steps_are_fitted_once_a_window_and_read_back_for_the_figures(
    configured: Configured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts: list[object] = []
    fitted = Chain.fit

    def counted(configs: Any, values: Any, part: Any, names: Any) -> Chain:
        parts.append(part)
        return fitted(configs, values, part, names)

    monkeypatch.setattr(Chain, "fit", counted)
    config = configured("training.epochs=1", RUNNING, LSTM, "tracking=tensorboard", "seeds=2")
    directory, _ = start(config, tmp_path / "runs", silent)
    windows = prepare(config).windows
    assert len({id(part) for part in parts}) == len(parts) == len(windows) > 1
    assert (directory.path / "figures" / "attention.png").exists()


@pytest.mark.parametrize("steps", [RUNNING, pytest.param(EVERY, marks=pytest.mark.slow)])
def test_the_leak_search_finds_the_steps_clean(configured: Configured, steps: str) -> None:
    report = find_run_leaks(configured("training.epochs=2", steps), silent)
    assert report.leaks == ()
