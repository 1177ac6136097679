"""The contract of the evolution strategy: common starts, its own score, bytes anywhere, the optimum, bad input."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from regimen.agents.evolution.config import ESConfig
from regimen.agents.evolution.es import ES
from regimen.agents.evolution.walks import Fitness, Parent, Walks, noise_of
from regimen.envs import EnvRecipe, EnvSpec, ShapedConfig, VectorMarketConfig, starts_of, wrapped
from regimen.errors import ConfigError, RunError
from regimen.proving import KnownMarketEnv, evaluate
from regimen.seeding import generator
from regimen.simulators import HysteresisConfig
from regimen.stateful import state_of

MARKET = HysteresisConfig(cost=0.5)
PATH = MARKET.simulate(2000, seed=1)
SMALL = ESConfig(population=8, rollout_steps=6, hidden=(4,))


def lanes(n: int = 36, levels: tuple[float, ...] | None = (-1.0, 0.0, 1.0)) -> KnownMarketEnv:
    return KnownMarketEnv(MARKET, PATH, n, levels=levels, episode_length=20)


def whole(agent: ES) -> dict[str, bytes]:
    """All that learning changes."""
    parts = {**agent.saved, **agent.resumed}
    return {name: tensor.numpy().tobytes() for name, tensor in state_of(agent, parts).items()}


def learned(config: ESConfig, env: Any, steps: int = 6 * 36 * 3) -> ES:
    agent = config.build(env, seed=2)
    assert isinstance(agent, ES)
    agent.learn(env, steps)
    return agent


def starts_in(walks: Walks) -> Any:
    """Where the lanes of the first generation begin."""
    names = ("starts",), ("own starts", 0)
    return walks.shares.starts(*(generator(2, "es", name[0], 0, *name[1:]) for name in names))


def parent_of(agent: ES) -> Parent:
    width = agent.spec.width
    return Parent(agent.network.flat.numpy(), np.zeros(width, np.float32), np.ones(width, np.float32), 0)


@pytest.mark.parametrize("levels", [(-1.0, 0.0, 1.0), None], ids=["choices", "continuous"])
def test_a_member_earns_what_its_weights_alone_earn_from_the_common_starts(levels: tuple[float, ...] | None) -> None:
    """Oracle: an agent with the member's weights, alone on lanes that begin where the member's did."""
    config = SMALL.model_copy(update={"normalise_observations": False, "rollout_steps": 30})
    env = lanes(levels=levels)
    agent = ES(config, env.spec, 2)
    walks = Walks(config, 2, env, 0)
    fitness = walks(parent_of(agent))
    assert isinstance(fitness, Fitness)
    starts = starts_in(walks)
    assert (starts[:32].reshape(8, 4) == starts[:4]).all()
    noise = noise_of(config, 2, 0, 0, len(agent.network.flat))
    theta = agent.network.flat.clone()
    rest = lanes(4, levels)
    paid: list[np.ndarray] = []
    for step in (*(config.sigma * noise), *(-config.sigma * noise), torch.zeros_like(theta)):
        agent.network.flat.copy_(theta + step)
        begun = starts[:4] if len(paid) < 8 else starts[32:]
        seen, _ = rest.reset(starts=begun)
        total = np.zeros(4)
        for _ in range(20):  # an episode; what comes after it is not a member's
            seen, reward, *_ = rest.step(agent.predict(seen)[0])
            total += reward
        paid.append(total / 30)
    np.testing.assert_allclose(fitness.members, np.mean(paid[:8], 1), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(fitness.parent, paid[8], rtol=1e-5, atol=1e-7)


def test_what_is_told_is_the_parents_own_reward() -> None:
    env = lanes()
    agent = SMALL.build(env, seed=2)
    told: list[Any] = []
    agent.learn(env, 1, told.append)
    again = ES(SMALL, env.spec, 2)
    again.begin(env)
    shift, factor = (each.numpy() for each in again.observations.shift_and_factor())
    fitness = Walks(SMALL, 2, env, 0)(Parent(again.network.flat.numpy(), shift, factor, 0))
    assert isinstance(fitness, Fitness)
    assert told[0].reward == fitness.parent.mean() != fitness.members.mean()
    assert told[0].numbers["spread"] == pytest.approx(fitness.members.std())
    assert told[0].steps == 6 * 36


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("population", 4), ("rollout_steps", 3), ("sigma", 0.5), ("learning_rate", 0.1), ("anneal", False)),
        *(("weight_decay", 0.5), ("ranks", False), ("hidden", (3,)), ("normalise_observations", False)),
        *(("observation_clip", 0.1), ("actors", 2)),
    ],
)
def test_every_number_of_the_config_changes_what_is_learned(field: str, value: Any) -> None:
    other = SMALL.model_copy(update={field: value})
    assert whole(learned(SMALL, lanes()))["network/bias_1"] != whole(learned(other, lanes()))["network/bias_1"]


def test_a_market_group_gives_every_member_the_same_lanes_of_every_market() -> None:
    tables = [MARKET.simulate(300, seed=seed).bars for seed in (1, 2)]
    features = [np.random.default_rng(seed).normal(size=(300, 2)) for seed in (1, 2)]
    recipe = EnvRecipe(
        tuple((bars, rows, VectorMarketConfig(episode_length=9)) for bars, rows in zip(tables, features, strict=True))
    )
    env = recipe.build(2 * 19)
    walks = Walks(SMALL, 2, env, 0)
    theirs, rest = walks.shares.theirs, walks.shares.rest
    assert not isinstance(theirs, slice)
    assert not isinstance(rest, slice)
    starts = starts_in(walks)[theirs].reshape(8, 4)
    assert (starts == starts[0]).all()
    assert [len(rest), sorted({*theirs, *rest})] == [6, list(range(38))]
    assert learned(SMALL, env).iterations == 3


class Mortal:
    """Walks that die once, in the middle."""

    def __init__(self, config: ESConfig, seed: int, env: Any, k: int) -> None:
        self.k, self.walks = k, Walks(config, seed, env, k)
        self.state, self.restore = self.walks.state, self.walks.restore

    def __call__(self, parent: Parent | None) -> Any:
        if parent is not None and parent.iteration == self.k + 1 and "MORTAL" in os.environ:
            place = Path(os.environ["MORTAL"]) / str(self.k)
            if not place.exists():
                place.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        return self.walks(parent)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
def test_bytes_do_not_depend_on_where_actors_live_nor_on_who_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = wrapped(lanes(), [ShapedConfig(weights={"position": 0.1})])
    config = SMALL.model_copy(update={"actors": 2})
    first = whole(learned(config, env))
    assert whole(learned(config.model_copy(update={"compute": "processes:1"}), env)) == first
    monkeypatch.setenv("MORTAL", str(tmp_path))
    monkeypatch.setattr("regimen.agents.evolution.es.Walks", Mortal)
    assert whole(learned(config.model_copy(update={"compute": "processes:2"}), env)) == first
    assert len(list(tmp_path.iterdir())) == 2


def test_hysteresis_is_learned_in_seconds() -> None:
    market = HysteresisConfig(cost=1.0)
    env = KnownMarketEnv(market, market.simulate(20_000, seed=1), 33 * 4)
    agent = ESConfig(population=32).build(env)
    agent.learn(env, 33 * 4 * 64 * 30)
    assert evaluate(agent, market, 0, paths=16, bars=500).score > 0.9


@pytest.mark.parametrize("seed", [1, 2])
def test_no_choice_is_out_of_reach_at_first(seed: int) -> None:
    """With first outputs far apart these seeds never sell short, and earn half of what there is."""
    market = HysteresisConfig(cost=1.0)
    env = KnownMarketEnv(market, market.simulate(20_000, seed=1), 33 * 16)
    agent = ESConfig(population=32).build(env, seed)
    agent.learn(env, 2_000_000)
    assert evaluate(agent, market, 7, paths=16, bars=300).score > 0.95


def bare(**more: Any) -> Any:
    """Lanes that take no starts, or have no recipe."""

    class Bare:
        n_envs, spec = 36, EnvSpec(columns=("x",), choices=2)

        def reset(self, seed: int | None = None, starts: Any = None) -> Any:
            return np.zeros((36, 1)), {"given": (seed, starts)}

    for name, value in more.items():
        setattr(Bare, name, value)
    return Bare()


def test_bad_input_is_one_clear_error() -> None:
    for fields, words in (
        ({"population": 7}, "agents.population: must be even; got 7|population must be even; got 7"),
        ({"population": 2}, "population: must be greater than or equal to 4"),
        ({"population": 10, "actors": 2}, "population must be a multiple of 4: pairs, as many for each actor; got 10"),
        ({"compute": "moon"}, "compute: .*must be local, processes:N"),
    ):
        with pytest.raises(ConfigError, match=words):
            ESConfig(**fields)
    with pytest.raises(ConfigError, match="must be below the lanes of an actor in one market, 8; the"):
        learned(SMALL, lanes(8))
    with pytest.raises(ConfigError, match="must be at most the lanes, 1; got 2"):
        learned(SMALL.model_copy(update={"actors": 2}), lanes(1))
    with pytest.raises(RunError, match="env: must take starts, and say in possible_starts which there are; got 'Bare'"):
        learned(SMALL, bare())
    starts = starts_of(lanes())
    apart = SMALL.model_copy(update={"actors": 2})
    with pytest.raises(RunError, match="env: must have a recipe, for actors to build lanes of their own; got 'Bare'"):
        learned(apart, bare(possible_starts=starts))
    with pytest.raises(RunError, match="env: must be lanes that an actor can build"):
        learned(apart, bare(possible_starts=starts, recipe=partial(lambda: None)))
