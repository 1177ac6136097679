"""Algorithms of Stable-Baselines3 behind the agents' verbs: nothing is added, nothing is lost, and they learn."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("stable_baselines3")

import stable_baselines3
import torch
from stable_baselines3.common.noise import NormalActionNoise

from regimen.agents.sb3.algorithm import algorithms
from regimen.agents.sb3.config import SB3Config
from regimen.agents.sb3.environment import Statistics, vec_env
from regimen.agents.sb3.sb3 import SB3
from regimen.agents.sb3.state import OwnStreams
from regimen.bars import Bars
from regimen.envs import EnvSpec, VectorMarket
from regimen.errors import ConfigError, RegimenError, RunError
from regimen.learning import RunningMoments
from regimen.learning.storage import FILE
from regimen.nets import torch_threads
from regimen.proving import KnownMarketEnv, evaluate
from regimen.simulators import Ar1Config, HysteresisConfig, OrnsteinUhlenbeckConfig
from regimen.tensorfile import read_tensors, write_tensors

MARKET = HysteresisConfig(cost=0.5)
PATH = MARKET.simulate(2000, seed=1)
LEVELS = (-1.0, 0.0, 1.0)

REPLAY: dict[str, Any] = {"learning_starts": 64, "buffer_size": 400, "batch_size": 16, "train_freq": 4}
ROLLOUT: dict[str, Any] = {"n_steps": 16, "batch_size": 32, "n_epochs": 2}
CASES: list[tuple[str, dict[str, Any], tuple[float, ...] | None]] = [
    ("dqn", {**REPLAY, "target_update_interval": 64}, LEVELS),
    ("td3", REPLAY, None),
    ("ddpg", REPLAY, None),
    ("sac", REPLAY, None),
    ("a2c", {}, LEVELS),
    ("ppo", ROLLOUT, LEVELS),
    ("ppo", ROLLOUT, None),
]
NAMED = pytest.mark.parametrize(("name", "parameters", "levels"), CASES, ids=[f"{c[0]}-{bool(c[2])}" for c in CASES])


def lanes(levels: tuple[float, ...] | None, n: int = 4) -> KnownMarketEnv:
    return KnownMarketEnv(MARKET, PATH, n, levels=levels, episode_length=20)


def small(name: str, parameters: dict[str, Any], **more: Any) -> SB3Config:
    return SB3Config(algorithm=name, parameters=parameters, hidden=(16,), **{"report_steps": 100, **more})


def saved(agent: SB3, folder: Path) -> bytes:
    agent.save(folder)
    return (folder / FILE).read_bytes()


def one_line(caught: pytest.ExceptionInfo[RegimenError], *words: str) -> None:
    text = str(caught.value)
    assert "\n" not in text
    assert all(word in text for word in words), text


@NAMED
@pytest.mark.parametrize("normalised", [False, True])
def test_nothing_is_added(
    name: str, parameters: dict[str, Any], levels: tuple[float, ...] | None, normalised: bool
) -> None:
    """The library, called as its own manual says on the same `VecEnv`, ends with the same bits."""
    agent = small(name, parameters, normalise_observations=normalised).build(lanes(levels), seed=3)
    agent.learn(lanes(levels), 512)
    env = lanes(levels)
    moments = RunningMoments(env.spec.width)
    wrapped = vec_env(env.spec, env, Statistics(moments) if normalised else None, 10.0)
    more: dict[str, Any] = {}
    if name in ("td3", "ddpg"):
        more["action_noise"] = NormalActionNoise(np.zeros(1), np.full(1, 0.1))
    kind = getattr(stable_baselines3, name.upper())
    with OwnStreams().in_use(), torch_threads(1):
        model = kind(
            "MlpPolicy", wrapped, seed=agent.model.seed, policy_kwargs={"net_arch": [16]}, **parameters, **more
        )
        model.learn(512)
    mine, theirs = agent.model.policy.state_dict(), model.policy.state_dict()
    assert mine.keys() == theirs.keys()
    for key, tensor in theirs.items():
        assert torch.equal(mine[key], tensor), key
    assert agent.observations.count == moments.count
    assert (moments.count >= 4 + 512) == normalised


def test_noise_that_depends_on_the_state_is_drawn_anew() -> None:
    assert {"a2c", "ddpg", "dqn", "ppo", "sac", "td3"} <= algorithms().keys()
    agent = small("a2c", {"use_sde": True}).build(lanes(None))
    agent.learn(lanes(None), 100)
    drawn = [agent.predict(np.zeros((3, 2)), None, False)[0] for _ in range(2)]
    assert drawn[0].tobytes() != drawn[1].tobytes()


def test_memory_is_handed_back_and_forth() -> None:
    pytest.importorskip("sb3_contrib")
    config = small("recurrentppo", ROLLOUT, policy="MlpLstmPolicy").model_copy(
        update={"parameters": {**ROLLOUT, "policy_kwargs": {"lstm_hidden_size": 8}}}
    )
    agent = config.build(lanes(None))
    agent.learn(lanes(None), 64)
    x = np.ones((3, 2))
    first, memory = agent.predict(x)
    second, _ = agent.predict(x, memory)
    assert first.tobytes() != second.tobytes()


@pytest.mark.parametrize("kind", [OrnsteinUhlenbeckConfig, Ar1Config])
@pytest.mark.parametrize("name", ["dqn", "td3"])
def test_a_signal_without_costs_is_used(name: str, kind: Any) -> None:
    """The state that follows does not depend on the action, so the nearest reward is all there is to learn."""
    market, levels = kind(), LEVELS if name == "dqn" else None
    parameters = {"gamma": 0.0, "learning_rate": 1e-3, "batch_size": 256, "learning_starts": 1000, "train_freq": 1}
    parameters |= {"buffer_size": 20_000}
    if name == "dqn":
        parameters |= {"target_update_interval": 500, "exploration_fraction": 0.5, "exploration_final_eps": 0.2}
    noise = 0.3 if name == "td3" else None
    env = KnownMarketEnv(market, market.simulate(20_000, seed=5), 32, levels=levels)
    agent = SB3Config(algorithm=name, parameters=parameters, hidden=(32, 32), action_noise=noise).build(env, seed=0)
    agent.learn(env, 12_000)
    found = evaluate(agent, market, seed=7, levels=levels, paths=16, bars=1000)
    assert found.score >= 0.9


@NAMED
def test_the_librarys_streams_stay_ours(
    name: str, parameters: dict[str, Any], levels: tuple[float, ...] | None
) -> None:
    def streams() -> list[Any]:
        kind, keys, *rest = np.random.get_state()  # noqa: NPY002
        return [torch.get_rng_state().tolist(), kind, keys.tolist(), rest, random.getstate(), torch.get_num_threads()]

    before = streams()
    agent = small(name, parameters).build(lanes(levels))
    agent.learn(lanes(levels), 128)
    agent.predict(np.zeros((4, 2)), None, False)
    assert streams() == before


def test_predict_scales_as_learning_did() -> None:
    agent = small("td3", REPLAY).build(lanes(None))
    agent.learn(lanes(None), 200)
    rows = np.random.default_rng(0).normal(0.0, 30.0, (64, 2)).astype(np.float32)
    env = agent.model.get_vec_normalize_env()
    assert env is not None
    np.testing.assert_array_equal(agent._statistics.normalised(rows, 10.0), env.normalize_obs(rows))


def test_what_the_library_tells() -> None:
    history = small("ppo", ROLLOUT).build(lanes(LEVELS)).learn(lanes(LEVELS), 200)
    assert [each.steps for each in history] == [128, 256]
    assert {each.total for each in history} == {256}
    assert history[0].entropy == pytest.approx(np.log(3), abs=0.1)
    assert {"loss", "approx_kl", "explained_variance"} <= history[0].numbers.keys()
    history = small("td3", REPLAY).build(lanes(None)).learn(lanes(None), 150)
    assert np.isnan(history[-1].entropy)
    assert "critic_loss" in history[-1].numbers


def test_another_number_of_lanes_keeps_what_was_learned(tmp_path: Path) -> None:
    agent = small("sac", {**REPLAY, "learning_starts": 10_000}).build(lanes(None))
    agent.learn(lanes(None), 128)
    before = {name: tensor.clone() for name, tensor in agent.model.policy.state_dict().items()}
    agent.learn(lanes(None, n=7), 128)  # all of it warm-up: nothing is updated
    assert all(torch.equal(before[name], tensor) for name, tensor in agent.model.policy.state_dict().items())
    agent.save(tmp_path)
    tensors, _ = read_tensors(tmp_path / FILE)
    assert "variables/log_ent_coef" in tensors


def test_a_panel_is_one_lane() -> None:
    length, rng = 120, np.random.default_rng(0)
    close = 100.0 * np.exp(np.cumsum(0.01 * rng.standard_normal((length, 3)), axis=0))
    bars = Bars.from_arrays(
        np.datetime64("2020-01-01") + np.arange(length),
        open=close,
        high=close * 1.01,
        low=close * 0.99,
        close=close,
        symbols=("A", "B", "C"),
        checked=False,
    )
    env = VectorMarket(bars, rng.standard_normal((length, 3, 2)), n_envs=4, episode_length=20, threads=1)
    agent = small("td3", REPLAY).build(env)
    agent.learn(env, 128)
    seen, _ = env.reset(1)
    assert agent.predict(seen)[0].shape == (4, 3)


@pytest.mark.parametrize(
    ("fields", "levels", "words"),
    [
        ({"algorithm": "td4"}, None, ("agents.algorithm: must be one of", "td3", "'td4'")),
        ({"algorithm": "ars"}, None, ("agents.algorithm: must be one of", "'ars'")),
        ({"algorithm": "td3"}, LEVELS, ("agents.algorithm: must take discrete actions", "TD3 does not", "'td3'")),
        ({"algorithm": "dqn"}, None, ("agents.algorithm: must take continuous actions", "DQN does not", "'dqn'")),
        ({"algorithm": "td3", "policy": "CnnPolicy"}, None, ("agents.policy: must be one of MlpPolicy",)),
        (
            {"algorithm": "td3", "parameters": {"learning_rat": 1.0}},
            None,
            ("agents.parameters.learning_rat: is not a parameter of TD3 (did you mean 'learning_rate'?)", "1.0"),
        ),
        ({"algorithm": "td3", "parameters": {"seed": 1}}, None, ("agents.parameters.seed: must not be given", "build")),
        (
            {"algorithm": "td3", "parameters": {"learning_rate": "fast"}},
            None,
            ("agents.parameters: must be what TD3 can use", "fast"),
        ),
        ({"algorithm": "ppo", "parameters": {"batch_size": 1}}, None, ("agents.parameters: must be what PPO can use",)),
        ({"algorithm": "ppo", "action_noise": 0.1}, None, ("agents.action_noise: must be null", "PPO", "0.1")),
        (
            {"algorithm": "ppo", "parameters": {"policy_kwargs": {"net_arch": [3]}}},
            None,
            ("policy_kwargs.net_arch: must not be given beside agents.hidden", "[3]"),
        ),
        ({"algorithm": "ppo", "parameters": {"policy_kwargs": 3}}, None, ("policy_kwargs: must be a mapping", "3")),
    ],
)
def test_what_cannot_be_built(fields: dict[str, Any], levels: tuple[float, ...] | None, words: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError) as caught:
        SB3Config(**fields).build(lanes(levels))
    one_line(caught, *words)


@pytest.mark.parametrize("field", ["kind", "observation_clip", "action_noise", "threads"])
def test_fields_out_of_range(field: str) -> None:
    with pytest.raises(ConfigError) as caught:
        SB3Config(**{"algorithm": "td3", field: -1})
    one_line(caught, f"agents.{field}")
    with pytest.raises(ConfigError, match=r"agents\.algorithm: is required"):
        SB3Config()


def test_numbers_of_lanes_that_do_not_suit() -> None:
    with pytest.raises(ConfigError) as caught:
        small("ppo", {"n_steps": 10, "batch_size": 64}).build(lanes(None)).learn(lanes(None), 100)
    one_line(caught, "agents.parameters.n_steps: times 4 lanes must be a multiple", "PPO, 64", "got 10")
    episodes = small("td3", {**REPLAY, "train_freq": [1, "episode"]})
    with pytest.raises(ConfigError) as caught:
        episodes.build(lanes(None)).learn(lanes(None), 100)
    one_line(caught, "agents.parameters.train_freq: must count steps for 4 lanes")
    assert episodes.build(lanes(None)).learn(lanes(None, n=1), 200)[-1].steps >= 200


class Broken:
    """Lanes that show or pay what is asked for from the fifth step on."""

    n_envs, spec = 4, EnvSpec(columns=("x", "y"), choices=2)

    def __init__(self, seen: float = 0.0, paid: float = 0.0) -> None:
        self.seen, self.paid, self.count = seen, paid, 0

    def reset(self, seed: int | None = None) -> tuple[Any, dict[str, Any]]:
        del seed
        return np.zeros((4, 2)), {}

    def step(self, actions: Any) -> Any:
        assert actions.shape == (4,)
        self.count += 1
        late = self.count >= 5
        seen = np.zeros((4, 2))
        seen[2, 1] = self.seen if late else 0.0
        flag = np.zeros(4, np.bool_)
        return seen, np.full(4, self.paid if late else 0.0), flag, flag, {}


def test_numbers_that_are_not_finite_stop_learning() -> None:
    for broken, words in (
        (Broken(seen=np.nan), ("env: observation: y", "lane 2", "nan")),
        (Broken(paid=np.inf), ("env: reward: must be finite", "inf")),
    ):
        with pytest.raises(RunError) as caught:
            small("dqn", REPLAY).build(broken).learn(broken, 200)
        one_line(caught, *words)


def test_files_of_another_agent_are_refused(tmp_path: Path) -> None:
    env = lanes(None)
    small("td3", REPLAY).build(env).save(tmp_path)
    with pytest.raises(RunError) as caught:
        SB3.load(tmp_path, EnvSpec(columns=("signal", "equity")))
    one_line(caught, "column 1", "position", "equity")
    tensors, document = read_tensors(tmp_path / FILE)
    document["config"]["hidden"] = [8]
    write_tensors(tmp_path / "narrow" / FILE, tensors, document)
    with pytest.raises(RunError) as caught:
        SB3.load(tmp_path / "narrow")
    one_line(caught, "actor.mu.0.bias", "(8,)", "(16,)")


def test_the_library_may_be_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("stable_baselines3", "regimen.agents.sb3."))]:
        if name != "regimen.agents.sb3.config":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "stable_baselines3", None)
    config = SB3Config(algorithm="td3")
    with pytest.raises(ConfigError) as caught:
        config.build(lanes(None))
    one_line(caught, "agents.kind: needs stable-baselines3", "pip install 'regimen[rl]'", "'sb3'")
