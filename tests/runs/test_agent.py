"""Agents in a run: what is on disk, several seeds, a kill in the middle, other bars, panels, the leak search."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from regimen.envs import innermost, markets_of, spec_of
from regimen.errors import ConfigError, RegimenError, RunError
from regimen.learning import Iteration
from regimen.learning.checkpoint import FILE
from regimen.metrics import annual_sharpe
from regimen.policies import targets as asked
from regimen.records import RunConfig, RunDirectory, load_config, read_json
from regimen.runs import backtest_run, find_run_leaks, reproduce_run, resume_run, start
from regimen.runs.families import agent as module
from regimen.runs.families.lanes import lane_data, lanes_of
from regimen.runs.prepare import prepare
from regimen.runs.window import fit_model
from regimen.splits import combinatorial

from .conftest import silent, simulated

YAML = """
name: agent
seeds: 2
data: {{path: {path}}}
features: {{kind: indicators, columns: [rsi_14, return_5d, volatility_20d]}}
labels: {{kind: fixed_horizon, horizon: 4, volatility_bars: 20}}
splits: {{train: 300, test: 200}}
model: {{kind: ppo, hidden: [8], rollout_steps: 8, minibatch_size: 128}}
environment: {{steps: 2048, n_envs: 32, episode_length: 40, evaluations: 3}}
judge: {{bootstrap_draws: 200, random_controls: 20}}
tracking: none
"""

Configured = Callable[..., RunConfig]


@pytest.fixture
def agent_config(tmp_path: Path, market_file: Path) -> Configured:
    path = tmp_path / "agent.yaml"
    path.write_text(YAML.format(path=market_file))
    return lambda *overrides: load_config(path, overrides)


def files(folder: Path) -> dict[str, bytes]:
    kept = ("*.safetensors", "*.npy", "judgement.json", "history.json", "entropies.json")
    return {str(path.relative_to(folder)): path.read_bytes() for form in kept for path in folder.rglob(form)}


def test_a_run_of_two_seeds_judges_the_first_and_shows_both(agent_config: Configured, tmp_path: Path) -> None:
    directory, judgement = start(agent_config(), tmp_path / "runs", silent)
    folder = directory.window(0)
    assert {path.name for path in folder.iterdir()} == {
        "model",
        "last",
        "history.json",
        "fit.json",
        "exposures.npy",
        "drawn.npy",
        "entropies.json",
    }
    further = {path.name for path in directory.seed(1).window(2).iterdir()}
    assert further == {"model", "last", "history.json", "fit.json", "exposures.npy"}
    assert (
        np.load(folder / "exposures.npy").tobytes() != np.load(directory.seed(1).window(0) / "exposures.npy").tobytes()
    )
    history = read_json(folder / "history.json")
    assert len(history["steps"]) == 8
    assert history["evaluations"]["steps"] == [768, 1536, 2048]
    assert history["best_steps"] in history["evaluations"]["steps"]
    assert [row["seed"] for row in judgement["seeds"]["rows"]] == [0, 1]
    assert judgement["seeds"]["headline"] == 0
    policy = next(row for row in judgement["rows"] if row["name"] == "policy")
    assert judgement["seeds"]["rows"][0]["total_return"] == policy["total_return"]
    assert judgement["trials"]["count"] == 2
    rows = directory.trials.rows()
    assert [(row["kind"], row["seed"]) for row in rows] == [("fit", 0)] * 3 + [("fit", 1)] * 3 + [
        ("evaluation", 0),
        ("evaluation", 1),
    ]
    assert any("drawn" in row["name"] for row in judgement["rows"])
    assert "<html" in (directory.path / "report.html").read_text()
    assert reproduce_run(directory, silent).differing == ()


def test_a_run_that_was_killed_while_learning_ends_with_the_same_bytes(
    agent_config: Configured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = agent_config()
    whole, _ = start(config, tmp_path / "whole", silent)

    class Often(module.Checkpoint):  # type: ignore[misc]
        def __init__(self, folder: Path) -> None:
            super().__init__(folder, seconds=0.0)

    monkeypatch.setattr(module, "Checkpoint", Often)
    told = module._message
    count = 0

    def killed(found: Iteration, standing: Mapping[str, float]) -> str:
        nonlocal count
        count += 1
        if count == 13:  # in the middle of the second window
            raise KeyboardInterrupt
        return told(found, standing)

    with monkeypatch.context() as patch:
        patch.setattr(module, "_message", killed)
        with pytest.raises(KeyboardInterrupt) as caught:
            start(config, tmp_path / "parts", silent)
    directory = RunDirectory.open(Path(str(caught.value)))
    checkpoint = directory.window(1) / "checkpoint"
    assert (checkpoint / "learning.safetensors").exists()
    resume_run(directory, silent)
    assert not checkpoint.exists()
    ours, theirs = files(directory.path), files(whole.path)
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_kept_state_is_the_one_that_trades_the_validation_slice_best(agent_config: Configured, seed: int) -> None:
    prepared = prepare(agent_config("environment.evaluations=6", "model.learning_rate=0.02"))
    window = prepared.windows[0]
    found = module.fit(prepared, window, seed)
    assert found.was_chosen
    assert len(set(found.evaluations.values())) > 2
    # The kept agent earns on the validation slice what the best evaluation said, in the judge's own account.
    part, bars = window.validation, prepared.bars
    targets = np.full(bars.shape, np.nan)
    targets[part.start : part.stop] = asked(found.policy, prepared.history, part.start, part.stop)
    ledger = prepared.config.market.build().backtest(bars, targets, part.start, part.stop)
    assert annual_sharpe(ledger.returns, bars.periods_per_year) == max(found.evaluations.values())


def test_without_evaluations_the_last_state_is_kept(agent_config: Configured) -> None:
    prepared = prepare(agent_config("environment.evaluations=0"))
    found = module.fit(prepared, prepared.windows[0], 0)
    assert not found.was_chosen
    assert found.model is found.last


def test_the_accounts_of_agent_and_backtest_are_one(agent_config: Configured) -> None:
    """The equity of the lane in which an agent decides is the ledger's of its targets, bit for bit."""
    config = agent_config("environment.actions=continuous")
    prepared = prepare(config)
    fit = fit_model(prepared, prepared.windows[0], 0)
    first, last = prepared.windows[0].test.start, prepared.windows[0].test.stop
    rows = asked(fit.policy, prepared.history, first, last)
    assert np.unique(rows).size > 10
    desk = lane_data(prepared.bars, prepared.frame)[0]
    market = lanes_of(prepared.config, first, last).build(desk.bars, desk.frame)
    market.reset(0)
    equity = []
    for row in rows[:-1, 0]:
        info = market.step(np.array([[row]]))[4]
        equity.append(float(info["equity"][0]))
    targets = np.full(prepared.bars.shape, np.nan)
    targets[first:last] = rows
    ledger = config.market.build().backtest(prepared.bars, targets, first, last)
    np.testing.assert_array_equal(ledger.equity[1:], equity)


def test_a_panel_is_learned_symbol_by_symbol_and_shared(tmp_path: Path) -> None:
    frames = [simulated(700, seed).assign(symbol=name) for seed, name in enumerate(("A", "B", "C"))]
    frames[2] = frames[2].iloc[:350]  # C is gone before the first test span ends
    path = tmp_path / "panel.parquet"
    pd.concat(frames).sort_values(["timestamp", "symbol"]).to_parquet(path)
    (tmp_path / "panel.yaml").write_text(YAML.format(path=path))
    config = load_config(tmp_path / "panel.yaml", ["seeds=1", "environment.actions=continuous"])
    prepared = prepare(config)
    env = module.learning_env(prepared, prepared.windows[0])
    assert env.n_envs == 30
    fit = fit_model(prepared, prepared.windows[0], 0)
    first, last = prepared.windows[0].test.start, prepared.windows[0].test.stop
    rows = asked(fit.policy, prepared.history, first, last)
    assert rows.shape == (last - first, 3)
    present = prepared.bars.present[first:last]
    np.testing.assert_array_equal(np.isnan(rows[:-1]), ~present[:-1])
    assert np.nanmax(np.abs(rows[: 350 - first])) <= 1.0 / 3.0
    # the agent's decisions for A are those that it makes when A is all there is
    alone = prepare(config.model_copy(update={"data": config.data.model_copy(update={"symbols": ("A",)})}))
    own = asked(fit.policy, alone.history, first, last)
    shared = rows[:-1, 0] * present[:-1].sum(axis=1)
    np.testing.assert_allclose(own[:-1, 0], shared, rtol=1e-5, atol=1e-6)


def test_a_trained_agent_trades_other_bars_and_costs(agent_config: Configured, tmp_path: Path) -> None:
    directory, judgement = start(agent_config("seeds=1"), tmp_path / "runs", silent)
    _, same = backtest_run(directory, None, [], silent)
    assert same["rows"][0]["total_return"] == judgement["rows"][0]["total_return"]
    _, dear = backtest_run(directory, None, ["market.costs.commission_bps=50"], silent)
    assert dear["rows"][0]["total_return"] < judgement["rows"][0]["total_return"]
    history = read_json(directory.window(0) / "history.json")
    module.write_json(directory.window(0) / "history.json", {**history, "schema": "other"})
    with pytest.raises(RegimenError, match="features"):
        backtest_run(directory, None, [], silent)


@pytest.mark.slow
def test_the_leak_search_finds_an_agent_clean(agent_config: Configured) -> None:
    report = find_run_leaks(agent_config(), silent)
    assert report.leaks == ()
    assert "policy" in {row.kind for row in report.rows}


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("exposure.scale=2.0", "exposure is not read by a model of kind ppo"),
        ("training.epochs=3", "training is not read"),
        ("environment.episode_length=5000", "environment.episode_length: must be at most"),
        ("environment.n_envs=0", "environment.n_envs"),
        ("environment.actions=jump", "environment.actions.kind: must be one of"),
        ("environment.reward=luck", "environment.reward.kind: must be one of"),
        ("environment.stepps=5", "did you mean 'steps'"),
        ("model.gama=0.9", "did you mean 'gamma'"),
        ("seeds=0", "seeds"),
    ],
)
def test_one_line_for_each_mistake(agent_config: Configured, override: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        start(agent_config(override), tmp_path / "runs", silent)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "runs").glob("*/manifest.json"))


def test_a_classifier_has_no_environment(configured: Configured) -> None:
    with pytest.raises(ConfigError, match="environment is not read by a model of kind baseline"):
        configured("environment.steps=5")


def test_what_is_seen_of_the_account_in_trading_lies_in_the_range_of_the_training(agent_config: Configured) -> None:
    """The account of the whole span, five times as long as an episode, never looks unlike one of an episode."""
    prepared = prepare(agent_config("environment.show_account=true"))
    env = module.learning_env(prepared, prepared.windows[0])
    place = env.columns.index("drawdown")
    rng = np.random.default_rng(0)
    shown = [env.reset(1)[0]] + [
        env.step(rng.integers(0, spec_of(env).choices, env.n_envs))[0].copy() for _ in range(400)
    ]
    known = np.concatenate(shown)[:, place]
    seen: list[np.ndarray] = []
    agent = prepared.config.model.build(env, 3)
    window = prepared.windows[0].test
    policy = module.policy_of(agent, prepared.config).drawing(lambda sight: seen.append(sight[0][:, place].copy()))
    asked(policy, prepared.history, window.start, window.stop)
    traded = np.concatenate(seen)
    assert len(traded) == window.stop - window.start
    assert (traded >= 0.0).all()
    assert traded.max() <= known.max() < 1.0
    assert (traded[40::40] == 0.0).all()  # begins anew as an episode does


def test_an_agent_of_other_account_columns_is_refused_by_name(agent_config: Configured) -> None:
    prepared = prepare(agent_config())
    env = module.learning_env(prepared, prepared.windows[0])
    spec = spec_of(env)
    old = spec.model_copy(update={"columns": tuple("equity" if name == "drawdown" else name for name in spec.columns)})
    agent = prepared.config.model.build(old, 3)
    with pytest.raises(
        RunError, match=r"agent: column \d: must be 'equity', as the agent was built for; got 'drawdown'"
    ):
        asked(module.policy_of(agent, prepared.config), prepared.history, 400, 450)


def test_evaluations_that_were_changed_or_lost_choose_no_state(tmp_path: Path) -> None:
    assert module._read_evaluations(tmp_path) == {}
    module._write_evaluations(tmp_path, {512: 1.25, 1024: 0.5})
    assert module._read_evaluations(tmp_path) == {512: 1.25, 1024: 0.5}
    path = tmp_path / "evaluations.json"
    path.write_text(path.read_text().replace("1.25", "0.25"))
    with pytest.raises(RunError, match=r"holds a damaged evaluations\.json"):
        module._read_evaluations(tmp_path)
    path.unlink()
    (tmp_path / FILE).write_bytes(b"a checkpoint")
    with pytest.raises(RunError, match=r"lacks a readable evaluations\.json"):
        module._read_evaluations(tmp_path)


def test_an_agent_learns_in_wrapped_lanes_where_a_config_asks_for_them(agent_config: Configured) -> None:
    plain = agent_config()
    assert "wrappers" not in plain.model_dump_json()  # a config without one is known as before
    shaping = "environment.wrappers=[{kind: shaped, gamma: 0.99, weights: {position: 0.5}}]"
    config = agent_config("environment.show_account=true", shaping)
    assert config.hash != agent_config("environment.show_account=true").hash
    prepared = prepare(config)
    env = module.learning_env(prepared, prepared.windows[0])
    assert [market.n_envs for market in markets_of(env)] == [32]
    assert innermost(env) is not env
    prepared = prepare(agent_config("environment.show_account=true", shaping, "model.gamma=0.9"))
    with pytest.raises(
        ConfigError, match=r"^environment\.wrappers\.0\.gamma: must be the agent.s own, 0\.9; .* 0\.99$"
    ):
        module.learning_env(prepared, prepared.windows[0])


def test_an_agent_with_a_goal_learns_in_hindsight_and_trades_for_one(agent_config: Configured) -> None:
    goals = "environment.wrappers=[{kind: goal, ranges: {position: [-1, 1]}, tolerance: 0.1, trading: {position: %s}}]"
    model = "model={kind: sac, hidden: [8], rollout_steps: 8, warmup_steps: 256, replay: {kind: hindsight}}"
    held = []
    for goal in (-1.0, 1.0):
        config = agent_config(model, "environment.evaluations=0", "environment.steps=512", goals % goal)
        prepared = prepare(config)
        fit = module.fit(prepared, prepared.windows[0], seed=0)
        assert fit.model.spec.columns[-1] == "position_goal"
        held.append(asked(fit.policy, prepared.history, 400, 450))
    assert not np.array_equal(*held)
    alone = agent_config(model)
    with pytest.raises(ConfigError, match=r"^model\.replay: needs lanes with a goal"):
        module.fit(prepare(alone), prepare(alone).windows[0], seed=0)


def test_no_episode_runs_through_bars_that_are_cut_out_of_a_training_slice(agent_config: Configured) -> None:
    prepared = prepare(agent_config("environment.episode_length=40"))
    splits = combinatorial(prepared.known, prepared.labels, folds=6, tested=2, embargo=5)
    window = splits.window(splits.choices.index((1, 4)), 0.15)
    assert len(window.train.spans) == 3
    env = module.learning_env(prepared, window)
    seen = set(env.reset(0)[1]["bar"].tolist())
    rng = np.random.default_rng(0)
    for _ in range(200):
        *_, info = env.step(rng.integers(0, spec_of(env).choices, env.n_envs))
        seen |= set(info["bar"].tolist())
    allowed = {bar for first, last in window.train.spans for bar in range(first, last)}
    assert len(seen) > 200
    assert seen <= allowed
    longest = max(last - first for first, last in window.train.spans)
    too_long = replace(prepared, config=agent_config(f"environment.episode_length={longest}"))
    with pytest.raises(ConfigError, match=f"must be at most {longest - 1}, the bars of window .* longest stretch"):
        module.learning_env(too_long, window)
