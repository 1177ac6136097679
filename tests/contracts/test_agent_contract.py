"""What every member of the agents' union keeps: a new agent is covered by joining the union."""

from __future__ import annotations

import importlib.util
import random
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from regimen.agents import agent_configs, load_agent
from regimen.bars import Bars
from regimen.envs import EnvSpec, VectorMarket, spec_of
from regimen.errors import RegimenError, RunError
from regimen.execution import Costs, Market
from regimen.learning import Checkpoint
from regimen.learning.storage import FILE
from regimen.tensorfile import read_tensors

LANES, STEPS = 8, 8 * 8 * 4
BONUS = {"kind": "rnd", "hidden": (8,), "features": 4}
CURIOSITY = {"kind": "icm", "hidden": (8,), "features": 4, "weight": 0.1}
REPLAY: dict[str, Any] = {"learning_starts": 64, "buffer_size": 256, "batch_size": 16, "train_freq": 4}
BOTH, CONTINUOUS, LEVELS = ("continuous", "levels"), ("continuous",), ("levels",)

TINY: dict[str, list[tuple[dict[str, Any], tuple[str, ...]]]] = {
    "ppo": [({"rollout_steps": 8, "minibatch_size": 32, "hidden": (16,)}, BOTH)],
    "recurrent_ppo": [
        (
            {
                "rollout_steps": 8,
                "sequence_length": 4,
                "minibatch_size": 32,
                "hidden": 8,
                "layers": 1,
                "head": 8,
            },
            BOTH,
        ),
        (
            {
                "rollout_steps": 8,
                "sequence_length": 4,
                "minibatch_size": 32,
                "hidden": 8,
                "layers": 1,
                "head": 8,
                "auxiliary": {"tasks": ("return", "regime")},
            },
            LEVELS,
        ),
    ],
    "flag_trader": [
        (
            {
                "width": 8,
                "layers": 1,
                "heads": 2,
                "hidden": 16,
                "context": 6,
                "rank": 2,
                "rollout_steps": 8,
                "epochs": 2,
                "minibatch_windows": 8,
                "accumulation": 2,
                "learning_rate": 3e-3,
            },
            BOTH,
        )
    ],
    "sac": [
        ({"rollout_steps": 8, "warmup_steps": 64, "batch_size": 16, "capacity": 96, "hidden": (16,)}, BOTH),
        (
            {"rollout_steps": 8, "warmup_steps": 64, "batch_size": 16, "capacity": 96, "hidden": (16,), "bonus": BONUS},
            LEVELS,
        ),
        (
            {
                "rollout_steps": 8,
                "warmup_steps": 64,
                "batch_size": 16,
                "capacity": 96,
                "hidden": (16,),
                "bonus": CURIOSITY,
            },
            CONTINUOUS,
        ),
    ],
    "mosac": [
        ({"rollout_steps": 8, "warmup_steps": 64, "batch_size": 16, "capacity": 96, "hidden": (16,)}, BOTH),
    ],
    "options": [
        (
            {
                "rollout_steps": 8,
                "warmup_steps": 64,
                "batch_size": 16,
                "capacity": 96,
                "hidden": (16,),
                "inner_hidden": (8,),
                "options": ({"kind": "trend", "bars": 3}, {"kind": "scalp", "bars": 2}, {"kind": "open"}),
                "learned": 1,
            },
            BOTH,
        ),
    ],
    "cgdt": [
        (
            {
                "updates": 9,
                "report_updates": 3,
                "batch_size": 8,
                "context": 4,
                "width": 16,
                "layers": 1,
                "heads": 2,
                "hidden": 16,
                "critic_hidden": 8,
            },
            LEVELS,
        )
    ],
    "cloned": [
        (
            {"expert": {"kind": "momentum", "lookback": 5}, "rollout_steps": 8, "gradient_steps": 4, "hidden": (16,)},
            BOTH,
        )
    ],
    "analytic": [({"horizon": 8, "hidden": (16,)}, CONTINUOUS)],
    "cql": [
        ({"updates": 48, "report_updates": 8, "batch_size": 16, "alpha": None, "hidden": (16,)}, LEVELS),
        ({"network": "heads", "updates": 48, "report_updates": 8, "batch_size": 16, "hidden": (16,)}, LEVELS),
    ],
    "es": [({"population": 4, "rollout_steps": 8, "hidden": (16,)}, BOTH)],
    "hybrid_es": [
        (
            {
                "population": 4,
                "rollout_steps": 8,
                "warmup_steps": 64,
                "batch_size": 16,
                "capacity": 96,
                "hidden": (16,),
            },
            BOTH,
        )
    ],
    "vtrace": [({"rollout_steps": 8, "minibatch_size": 32, "epochs": 2, "hidden": (16,)}, BOTH)],
    "sb3": [
        ({"algorithm": "dqn", "parameters": {**REPLAY, "target_update_interval": 64}, "hidden": (16,)}, LEVELS),
        ({"algorithm": "td3", "parameters": REPLAY, "hidden": (16,)}, CONTINUOUS),
        ({"algorithm": "ppo", "parameters": {"n_steps": 8, "batch_size": 32}, "hidden": (16,)}, BOTH),
    ],
}
"""Fields that make an iteration 64 steps or so of eight lanes, and the actions that can be learned; see `cases`."""
NEEDS = {"sb3": "stable_baselines3"}
SAME_STARTS = ("analytic", "cql", "cgdt")
"""Those whose lanes begin alike in each call: they draw elsewhere, or record the data of their config's seed."""


@dataclass(frozen=True)
class Case:
    """One member with one set of fields on one kind of actions."""

    config: Any
    actions: str

    @property
    def env(self) -> VectorMarket:
        """A new environment; all are alike."""
        return market(self.actions)


def market(actions: str, columns: int = 3) -> VectorMarket:
    """Returns lanes on bars with jumps enough to be learned from, with costs, and a warm-up of the features."""
    rng = np.random.default_rng(2)
    signal_, length = rng.standard_normal(160), 160
    close = 100.0 * np.exp(np.cumsum(0.01 * rng.standard_normal(length) + 0.01 * np.roll(signal_, 1)))
    start = np.concatenate([[100.0], close[:-1]])
    bars = Bars.from_arrays(
        np.datetime64("2020-01-01") + np.arange(length),
        open=start,
        high=np.maximum(start, close) * 1.01,
        low=np.minimum(start, close) * 0.99,
        close=close,
        volume=np.full(length, 1e6),
        checked=False,
    )
    features = np.column_stack([signal_, rng.standard_normal((length, columns - 1))])
    features[:5] = np.nan
    costs = Market(costs=Costs(commission_bps=1.0))
    return VectorMarket(
        bars, features, n_envs=LANES, episode_length=11, actions=actions, market=costs, reward="log_wealth", threads=1
    )


def cases() -> list[Any]:
    """Returns every member with its fields of `TINY`; one that is not there is built from its defaults, on both."""
    found = []
    for member in agent_configs():
        kind = member.model_fields["kind"].default
        absent = kind in NEEDS and importlib.util.find_spec(NEEDS[kind]) is None
        marks = [pytest.mark.skip(reason=f"{NEEDS[kind]} is not installed")] if absent else []
        for fields, actions in TINY.get(kind, [({}, BOTH)]):
            more = {"report_steps": 64} if "report_steps" in member.model_fields else {}
            config = member(**fields, **more)
            for each in actions:
                parts = (kind, fields.get("algorithm"), each, fields.get("bonus", {}).get("kind"))
                name = "-".join(part for part in parts if part)
                found.append(pytest.param(Case(config, each), id=name, marks=marks))
    return found


CASES = cases()
every = pytest.mark.parametrize("case", CASES)
WAYS = [next(each for each in CASES if each.values[0].config.kind == kind) for kind in ("ppo", "sac", "cql")]
"""One member of each way to learn: from rollouts, from a replay, from a data set."""


def saved(agent: Any, folder: Path) -> bytes:
    agent.save(folder)
    return (folder / FILE).read_bytes()


def learned(case: Case, seed: int = 3) -> Any:
    agent = case.config.build(case.env, seed=seed)
    agent.learn(case.env, STEPS)
    return agent


_LEARNED: dict[int, Any] = {}


def shared(case: Case) -> Any:
    """Returns what `learned` does, learned once for all tests that change nothing of it but where its draws stand."""
    if id(case) not in _LEARNED:
        _LEARNED[id(case)] = learned(case)
    return _LEARNED[id(case)]


def observations(case: Case) -> np.ndarray:
    width = spec_of(case.env).width
    return np.random.default_rng(0).standard_normal((20, width)).astype(np.float32)


def one_line(caught: pytest.ExceptionInfo[RegimenError], *words: str) -> None:
    text = str(caught.value)
    assert "\n" not in text
    assert all(word in text for word in words), text


def test_the_union_has_members_and_each_its_own_kind() -> None:
    kinds = [member.model_fields["kind"].default for member in agent_configs()]
    assert len(set(kinds)) == len(kinds) >= 1
    assert "ppo" in kinds


@every
def test_config_round_trip(case: Case) -> None:
    config = case.config
    assert type(config).model_validate_json(config.model_dump_json()) == config
    assert all(field.description for field in type(config).model_fields.values())
    with pytest.raises(RegimenError) as caught:
        type(config)(**{**dict(config), "colour": 3})
    one_line(caught, "agents.colour: is not a known key", "3")


@every
def test_builds_from_a_spec_alone(case: Case, tmp_path: Path) -> None:
    spec = spec_of(case.env)
    agent = case.config.build(spec, seed=3)
    assert (agent.config, agent.spec, agent.seed, agent.iterations) == (case.config, spec, 3, 0)
    assert saved(agent, tmp_path / "a") == saved(case.config.build(case.env, seed=3), tmp_path / "b")
    actions, _ = agent.predict(observations(case))
    assert actions.shape == ((20,) if case.actions == "levels" else (20, 1))


@every
def test_the_same_seed_gives_the_same_bytes_and_another_does_not(case: Case, tmp_path: Path) -> None:
    first, second, other = (saved(each, tmp_path) for each in (shared(case), learned(case), learned(case, 4)))
    assert first == second
    assert first != other


@every
def test_random_streams_of_others_are_left_alone(case: Case) -> None:
    def streams() -> list[Any]:
        legacy = np.random.get_state()  # noqa: NPY002
        return [
            torch.get_rng_state().tolist(),
            str(legacy),
            random.getstate(),
            torch.get_num_threads(),
            torch.is_grad_enabled(),
        ]

    before = streams()
    agent = learned(case)
    agent.predict(observations(case), None, False)
    assert streams() == before


@every
def test_learning_tells_what_it_does(case: Case) -> None:
    told: list[Any] = []
    agent = case.config.build(case.env)
    history = agent.learn(case.env, STEPS, told.append)
    assert told == history
    assert len(history) >= 3, "give it fields in TINY that make an iteration shorter"
    assert [each.iteration for each in history] == list(range(1, len(history) + 1))
    assert history[-1].steps >= STEPS
    assert all(each.total == history[-1].total for each in history)
    assert all(np.isfinite(each.reward) for each in history)
    assert agent.iterations == len(history)


@every
def test_predict_changes_nothing(case: Case, tmp_path: Path) -> None:
    agent = shared(case)
    before = saved(agent, tmp_path / "before")
    seen = observations(case) * 10.0
    kept = seen.copy()
    seen.flags.writeable = False
    first, _ = agent.predict(seen)
    agent.predict(seen, None, False)
    second, _ = agent.predict(seen)
    assert first.tobytes() == second.tobytes()
    np.testing.assert_array_equal(seen, kept)
    assert saved(agent, tmp_path / "after") == before


@every
def test_actions_are_what_the_environment_takes(case: Case) -> None:
    agent, env = case.config.build(case.env), case.env
    seen, _ = env.reset(1)
    state = None
    for deterministic in (True, False) * 3:
        actions, state = agent.predict(seen, state, deterministic)
        seen, *_ = env.step(actions)
    one, _ = agent.predict(seen[0])
    np.testing.assert_allclose(one, agent.predict(seen)[0][0], atol=1e-6)


@every
def test_a_loaded_agent_acts_alike(case: Case, tmp_path: Path) -> None:
    agent = learned(case)
    content = saved(agent, tmp_path)
    loaded = load_agent(tmp_path, case.env)
    assert type(loaded) is type(agent)
    assert (loaded.config, loaded.spec, loaded.seed) == (agent.config, agent.spec, agent.seed)
    assert loaded.iterations == agent.iterations
    for deterministic in (True, False):
        states = [None, None]
        for scale in (1.0, -1.0, 3.0):  # a memory is handed on
            acted = []
            for k, each in enumerate((agent, loaded)):
                actions, states[k] = each.predict(scale * observations(case), states[k], deterministic)
                acted.append(actions.tobytes())
            assert acted[0] == acted[1]
    assert saved(loaded, tmp_path / "again") == content
    loaded.learn(case.env, STEPS)
    assert loaded.iterations > agent.iterations


@every
def test_who_learns_on_from_a_file_draws_what_it_would_have_drawn(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where lanes begin and what is done first: as without the file, and not as at the beginning once more."""
    resets: list[Any] = []
    acted: list[bytes] = []
    reset, step = VectorMarket.reset, VectorMarket.step

    def spied_reset(self: VectorMarket, seed: int | None = None, starts: Any = None) -> Any:
        resets.append((seed, np.asarray(starts).tolist()))
        return reset(self, seed, starts)

    def spied_step(self: VectorMarket, actions: Any) -> Any:
        acted.append(np.asarray(actions).tobytes())
        return step(self, actions)

    def drawn(agent: Any) -> tuple[Any, ...]:
        resets.clear(), acted.clear()
        agent.learn(case.config.wrap(case.env), STEPS)
        return (*resets[:1], *acted[:1])

    monkeypatch.setattr(VectorMarket, "reset", spied_reset)
    monkeypatch.setattr(VectorMarket, "step", spied_step)
    agent = case.config.build(case.config.wrap(case.env), seed=3)
    begun = drawn(agent)
    agent.save(tmp_path)
    loaded = load_agent(tmp_path, case.config.wrap(case.env))
    later = drawn(loaded)
    if case.config.kind != "sb3":  # which builds the library's object anew
        assert later == drawn(agent)
    if case.config.kind not in SAME_STARTS:
        assert later != begun


@every
def test_another_environment_is_refused(case: Case, tmp_path: Path) -> None:
    agent = case.config.build(case.env)
    agent.save(tmp_path)
    wider = market(case.actions, columns=4)
    other = market("levels" if case.actions == "continuous" else "continuous")
    renamed = spec_of(case.env).model_dump() | {"columns": ("other", *spec_of(case.env).columns[1:])}
    for env, words in ((wider, ("columns",)), (other, ("actions",)), (EnvSpec(**renamed), ("column 0", "'other'"))):
        with pytest.raises(RunError) as caught:
            load_agent(tmp_path, env)
        one_line(caught, *words)
        if isinstance(env, VectorMarket):
            with pytest.raises(RunError) as caught:
                agent.learn(env, STEPS)
            one_line(caught, *words)


class Killed(Exception):
    pass


def kill_at_the_third(iteration: Any) -> None:
    if iteration.iteration == 3:
        raise Killed


@every
def test_learning_that_was_killed_ends_with_the_same_bytes(case: Case, tmp_path: Path) -> None:
    whole, env = case.config.build(case.env, seed=3), case.env
    history = whole.learn(env, STEPS)
    first = saved(whole, tmp_path / "whole")
    whole.learn(env, STEPS // 2)
    checkpoint = Checkpoint(tmp_path / "checkpoint", seconds=0.0)
    with pytest.raises(Killed):
        case.config.build(case.env, seed=3).learn(case.env, STEPS, kill_at_the_third, checkpoint)
    again, fresh = case.config.build(case.env, seed=3), case.env
    assert again.learn(fresh, STEPS, None, checkpoint) == history
    assert saved(again, tmp_path / "again") == first
    if case.config.kind != "sb3":  # which begins anew and never keeps a checkpoint
        assert again.learn(fresh, STEPS, None, checkpoint) == history, "a finished learning is returned at once"
    again.learn(fresh, STEPS // 2)
    assert saved(again, tmp_path / "again") == saved(whole, tmp_path / "whole")


SCRIPT = """
import importlib, os, runpy, signal, sys
from pathlib import Path

here, module, name, values, actions, folder = sys.argv[1:]
market = runpy.run_path(here)["market"]
from regimen.learning import Checkpoint

config = getattr(importlib.import_module(module), name).model_validate_json(values)


def kill(iteration):
    if iteration.iteration == 3:
        os.kill(os.getpid(), signal.SIGKILL)


config.build(market(actions), seed=3).learn(market(actions), int(%d), kill, Checkpoint(Path(folder), seconds=0.0))
"""


@pytest.mark.parametrize("case", WAYS)
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no such signal here")
def test_a_killed_process_is_gone_on_with_by_another(case: Case, tmp_path: Path) -> None:
    """The signal strikes what they share; that each keeps all of its state is proved above, without a process."""
    config = case.config
    values = [type(config).__module__, type(config).__name__, config.model_dump_json(), case.actions]
    command = [sys.executable, "-c", SCRIPT % STEPS, str(Path(__file__)), *values, str(tmp_path / "checkpoint")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    agent = config.build(case.env, seed=3)
    agent.learn(case.env, STEPS, None, Checkpoint(tmp_path / "checkpoint"))
    assert saved(agent, tmp_path / "again") == saved(shared(case), tmp_path / "whole")


@every
def test_a_checkpoint_of_another_learning_is_refused(case: Case, tmp_path: Path) -> None:
    if case.config.kind == "sb3":
        pytest.skip("an interrupted learning of the library begins anew")
    checkpoint = Checkpoint(tmp_path, seconds=0.0)
    with pytest.raises(Killed):
        case.config.build(case.env, seed=3).learn(case.env, STEPS, kill_at_the_third, checkpoint)
    wider = market(case.actions, columns=4)
    with pytest.raises(RunError) as caught:
        case.config.build(wider, seed=3).learn(wider, STEPS, None, checkpoint)
    one_line(caught, "must be a checkpoint of this learning", "its spec was")
    for agent, steps, word in (
        (case.config.build(case.env, seed=4), STEPS, "seed"),
        (case.config.build(case.env, seed=3), 3 * STEPS, "total"),
        (case.config.model_copy(update={"observation_clip": 3.0}).build(case.env, seed=3), STEPS, "config"),
    ):
        with pytest.raises(RunError) as caught:
            agent.learn(case.env, steps, None, checkpoint)
        one_line(caught, "must be a checkpoint of this learning", f"its {word} was")


@every
def test_learning_moves_every_weight(case: Case, tmp_path: Path) -> None:
    agent = case.config.build(case.env)
    agent.save(tmp_path)
    before, _ = read_tensors(tmp_path / FILE)
    agent.learn(case.env, STEPS)
    agent.save(tmp_path)
    after, _ = read_tensors(tmp_path / FILE)
    assert before.keys() == after.keys()
    for name, tensor in before.items():
        assert torch.isfinite(after[name]).all(), name
        assert not torch.equal(tensor, after[name]), name


@every
def test_numbers_that_are_not_finite_are_refused(case: Case) -> None:
    agent = case.config.build(case.env)
    seen = observations(case)
    for bad in (np.nan, np.inf):
        spoilt = seen.copy()
        spoilt[7, 1] = bad
        with pytest.raises(RunError) as caught:
            agent.predict(spoilt)
        one_line(caught, f"observation: {spec_of(case.env).columns[1]}", "finite")
    with pytest.raises(RunError) as caught:
        agent.predict(seen[:, :-1])
    one_line(caught, f"observation: must have {seen.shape[1]} columns", f"({len(seen)}, {seen.shape[1] - 1})")


class Spoilt:
    """A market whose observations, from the third step on, are not numbers in one place."""

    def __init__(self, env: VectorMarket) -> None:
        self.market, self.n_envs, self.spec, self.count = env, env.n_envs, spec_of(env), 0

    def reset(self, seed: int | None = None) -> Any:
        return self.market.reset(seed)

    def step(self, actions: np.ndarray) -> Any:
        seen, *rest = self.market.step(actions)
        self.count += 1
        seen = seen.copy()
        if self.count >= 3:
            seen[5, 1] = np.nan
        return seen, *rest

    def state(self) -> Mapping[str, np.ndarray]:
        return self.market.state()

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        self.market.restore(state)


@every
def test_learning_stops_at_what_is_not_a_number(case: Case) -> None:
    """One that reads the bars without stepping says that it needs a market; the others name column and lane."""
    with pytest.raises(RunError) as caught:
        case.config.build(case.env).learn(Spoilt(case.env), STEPS)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith("env")
    if "observation" in text:
        assert f"env: observation: {spec_of(case.env).columns[1]}: must be finite; lane 5" in text
