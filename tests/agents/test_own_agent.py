"""An agent of the user's own behind the verbs: what is kept, and what it may answer, each mistake in one line."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regimen.agents import OwnAgent, OwnAgentConfig, load_agent
from regimen.envs import EnvSpec
from regimen.errors import ConfigError, RunError
from regimen.learning import Iteration
from regimen.proving import KnownMarketEnv, evaluate
from regimen.simulators import OrnsteinUhlenbeckConfig

OU = OrnsteinUhlenbeckConfig()
SPEC = EnvSpec(columns=("signal", "position"), choices=3)
HERE = Path(__file__).with_name("own_bins.py")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The file of the agents, in a folder of its own."""
    return Path(shutil.copy(HERE, tmp_path / "own_bins.py"))


@pytest.fixture
def lanes() -> Callable[..., KnownMarketEnv]:
    path = OU.simulate(5000, 1)
    return lambda **more: KnownMarketEnv(OU, path, 32, episode_length=50, **more)


def written(folder: Path, body: str) -> OwnAgentConfig:
    """A class whose verbs are given, and otherwise do nothing."""
    verbs = {
        "learn": "self, env, steps, report: None",
        "predict": "self, observation, state, deterministic: [0] * len(observation)",
        "save": "self, folder: None",
        "load": "self, folder: None",
    }
    lines = [f"    {verb} = lambda {code}" for verb, code in verbs.items() if f"{verb} =" not in body]
    file = folder / "mine.py"
    file.write_text("\n".join(["import numpy as np", "class Mine:", "    def __init__(self, spec, seed): pass",
                               *lines, f"    {body}", ""]))  # fmt: skip
    return OwnAgentConfig(source=f"{file}:Mine")


@pytest.mark.parametrize("levels", [(-1.0, 0.0, 1.0), None], ids=["choices", "continuous"])
def test_it_learns_is_saved_and_acts_alike(place: Path, tmp_path: Path, lanes: Any, levels: Any) -> None:
    env = lanes(levels=levels)
    told: list[Iteration] = []
    agent = OwnAgentConfig(source=f"{place}:Bins", settings={"bins": 8}).build(env, seed=3)
    history = agent.learn(env, 32 * 1000, told.append)
    assert told == history
    assert (len(history), history[-1].steps, agent.iterations) == (50, 32_000, 50)
    assert history[0].numbers == {"loss": 0.5}
    assert evaluate(agent, OU, 7, levels=levels, paths=8, bars=400).score > 0.85
    agent.save(tmp_path / "kept")
    loaded = load_agent(tmp_path / "kept", env)
    assert isinstance(loaded, OwnAgent)
    assert (loaded.config, loaded.spec, loaded.seed, loaded.iterations) == (agent.config, agent.spec, 3, 50)
    seen = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
    actions, state = agent.predict(seen)
    again, same = loaded.predict(seen, None, False)
    np.testing.assert_array_equal(actions, again)
    np.testing.assert_array_equal(state, same)
    assert actions.dtype == (np.float32 if levels is None else np.int64)
    assert loaded.predict(seen, state)[1].tolist() == [[2.0, 2.0]] * 20
    np.testing.assert_array_equal(agent.predict(seen[3])[0], actions[3])


def test_a_class_method_may_give_another_object(place: Path, tmp_path: Path, lanes: Any) -> None:
    env = lanes()
    agent = OwnAgentConfig(source=f"{place}:Again").build(env, seed=0)
    agent.learn(env, 6400)
    agent.save(tmp_path / "kept")
    seen = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
    loaded = load_agent(tmp_path / "kept")
    np.testing.assert_array_equal(loaded.predict(seen)[0], agent.predict(seen)[0])


def test_the_code_is_known_wherever_it_lies_and_refused_when_it_changes(place: Path, tmp_path: Path) -> None:
    config = OwnAgentConfig(source=f"{place}:Bins")
    config.build(SPEC).save(tmp_path / "kept")
    moved = place.rename(tmp_path / "elsewhere.py")
    with pytest.raises(ConfigError, match=r"^model\.source: must name a file that exists"):
        load_agent(tmp_path / "kept")
    there = config.model_copy(update={"source": f"{moved}:Bins"})
    with pytest.raises(ConfigError, match="must be the code that the run was begun with"):
        load_agent(tmp_path / "kept", SPEC, there)  # the digest names the file too
    moved.rename(place)
    place.write_text(place.read_text() + "\n# another line\n")
    with pytest.raises(ConfigError, match="must be the code that the run was begun with"):
        load_agent(tmp_path / "kept")


def test_another_environment_is_refused(place: Path, tmp_path: Path, lanes: Any) -> None:
    agent = OwnAgentConfig(source=f"{place}:Bins").build(SPEC)
    agent.save(tmp_path / "kept")
    with pytest.raises(RunError, match=r"^env: actions\.choices: must be 3"):
        load_agent(tmp_path / "kept", lanes(levels=None))
    with pytest.raises(RunError, match=r"^env: actions\.choices: must be 3"):
        agent.learn(lanes(levels=None), 100)
    (tmp_path / "kept" / "own_agent.json").write_text("{")
    with pytest.raises(RunError, match=r"own_agent\.json: must be the JSON that was written$"):
        load_agent(tmp_path / "kept")


MADE = [
    (
        "learn = 3",
        r"^model\.source: must have the verbs learn, predict, save, load, but Mine has no learn; got '.*Mine'$",
    ),
    ("__init__ = lambda self: None", r"^model\.source: must take \(spec, seed\) before its settings, but Mine takes 0"),
    (
        "__init__ = lambda self, spec, seed: 1 / 0",
        r"^model\.settings: must suit Mine, .* \(ZeroDivisionError: division",
    ),
]


@pytest.mark.parametrize(("body", "line"), MADE)
def test_a_class_that_is_no_agent(body: str, line: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=line):
        written(tmp_path, body).build(SPEC)


def test_what_is_no_class(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def learn():\n    pass\n")
    with pytest.raises(ConfigError, match=r"^model\.source: must name a class with the verbs"):
        OwnAgentConfig(source=f"{tmp_path / 'mine.py'}:learn").build(SPEC)
    with pytest.raises(ConfigError, match=r"^agents: must name a file that exists; got .*yours\.py:learn"):
        OwnAgentConfig(source=f"{tmp_path / 'yours.py'}:learn")
    (tmp_path / "mine.py").write_text(HERE.read_text())
    with pytest.raises(
        ConfigError, match=r"^model\.settings\.bin: is not a setting of Bins \(did you mean 'bins'\?\); got 3$"
    ):
        OwnAgentConfig(source=f"{tmp_path / 'mine.py'}:Bins", settings={"bin": 3}).build(SPEC)


ANSWERS = [
    ("np.zeros((4, 2))", r"must return actions \(4,\) from predict; got \(4, 2\)$"),
    ("None", r"must return actions \(4,\) from predict; got \(\)$"),
    ("np.full(4, 3)", r"must return whole numbers in \[0, 2\] from predict; got 3$"),
    ("np.full(4, 0.5)", r"must return whole numbers in \[0, 2\] from predict; got 0\.5$"),
    ("np.full(4, np.nan)", r"must return whole numbers in \[0, 2\] from predict; got nan$"),
    ("(np.zeros(4), np.zeros(4))", r"must return a memory of finite numbers \(4, memory\) from predict, or none; got"),
    ("(np.zeros(4), np.full((4, 1), np.nan))", r"must return a memory of finite numbers"),
    ("1 / 0", r"must run, but predict fails \(ZeroDivisionError: division by zero\)$"),
]


@pytest.mark.parametrize(("answer", "line"), ANSWERS)
def test_an_answer_that_is_no_action(answer: str, line: str, tmp_path: Path) -> None:
    agent = written(tmp_path, f"predict = lambda self, observation, state, deterministic: {answer}").build(SPEC)
    with pytest.raises(RunError, match=rf"mine\.py:Mine: {line}"):
        agent.predict(np.zeros((4, 2)))


def test_a_continuous_action_lies_in_its_range(tmp_path: Path) -> None:
    wide = EnvSpec(columns=("signal",), low=-2.0, high=2.0)
    for answer, line in (("[2.5]", r"actions in \[-2, 2\] from predict; got 2\.5"), ("[np.nan]", "got nan")):
        agent = written(tmp_path, f"predict = lambda self, observation, state, deterministic: {answer}").build(wide)
        with pytest.raises(RunError, match=line):
            agent.predict(np.zeros((1, 1)))
    for numbers, line in (
        (np.full((1, 1), np.inf), "signal: must be finite"),
        (np.zeros((1, 3)), "must have 1 columns"),
    ):
        with pytest.raises(RunError, match=line):
            agent.predict(numbers)


def test_what_it_reports(tmp_path: Path, lanes: Any) -> None:
    env = lanes()
    quiet = written(tmp_path, "learn = lambda self, env, steps, report: None").build(env)
    history = quiet.learn(env, 640)
    assert [(each.steps, each.total, np.isnan(each.reward)) for each in history] == [(640, 640, True)]
    for body, line in (
        ("report(0)", "must report steps that grow, from 1 to 640; got 0"),
        ("report(641)", "must report steps that grow, from 1 to 640; got 641"),
        ("[report(5), report(5)]", "must report steps that grow, from 6 to 640; got 5"),
        ("1 / 0", r"must run, but learn fails \(ZeroDivisionError"),
    ):
        agent = written(tmp_path, f"learn = lambda self, env, steps, report: {body}").build(env)
        with pytest.raises(RunError, match=line):
            agent.learn(env, 640)
    with pytest.raises(ConfigError, match=r"^steps: must be at least 1"):
        quiet.learn(env, 0)
