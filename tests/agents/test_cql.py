"""Conservative Q-learning against d3rlpy, its stationary points, known markets; its data, networks and errors."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from regimen import ops
from regimen.agents import CQLConfig
from regimen.agents.cql.cql import CQL
from regimen.agents.cql.networks import ActionCritics
from regimen.agents.cql.transition_table import TransitionBatch, TransitionTable
from regimen.bars import Bars
from regimen.envs import EnvSpec, MarketGroup, VectorMarket
from regimen.errors import ConfigError, DataError, RunError
from regimen.learning import (
    Checkpoint,
    DatasetConfig,
    PartConfig,
    Perceptrons,
    Trace,
    as_choices,
    observed_rows,
    recorded,
)
from regimen.nets import torch_threads
from regimen.proving import KnownMarketEnv, evaluate
from regimen.replay import Trajectories
from regimen.simulators import Ar1Config, HysteresisConfig
from regimen.tensorfile import read_tensors

GOLDEN = json.loads(Path(__file__).parent.joinpath("oracles", "cql_golden.json").read_text())
CPU = torch.device("cpu")


def played(steps: int = 600, width: int = 4, length: int = 20, seed: int = 0) -> Trajectories:
    """Returns random episodes, every third of which ends in ruin."""
    rng = np.random.default_rng(seed)
    ends = np.arange(steps) % length == length - 1
    ruin = ends & (np.arange(steps) // length % 3 == 0)
    return Trajectories(
        observations=rng.standard_normal((steps, width)) * 3.0 + 1.0,
        actions=rng.integers(0, 3, steps),
        rewards=rng.standard_normal(steps),
        terminated=ruin,
        truncated=ends & ~ruin,
        final_observations=rng.standard_normal((steps // length, width)) + 50.0,
        columns=tuple(f"c{k}" for k in range(width)),
        choices=3,
    )


def market(seed: int, sign: float = 1.0) -> VectorMarket:
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(sign * np.cumsum(0.01 * rng.standard_normal(200)))
    start = np.concatenate([[100.0], close[:-1]])
    bars = Bars.from_arrays(
        np.datetime64("2024-01-01") + np.arange(200),
        open=start,
        high=np.maximum(start, close),
        low=np.minimum(start, close),
        close=close,
        checked=False,
    )
    change = np.diff(np.log(close), prepend=0.0)[:, None]
    return VectorMarket(bars, change, n_envs=4, episode_length=50, actions="levels", threads=1)


@pytest.fixture
def lanes() -> VectorMarket:
    return market(0)


def agent_for(data: Trajectories, **fields: Any) -> CQL:
    settings: dict[str, Any] = {"hidden": (16,), "updates": 12, "report_updates": 4, "batch_size": 32, **fields}
    return CQLConfig(**settings).build(EnvSpec(columns=data.columns, choices=data.choices), seed=1)


def whole(data: Trajectories, agent: CQL) -> TransitionBatch:
    """Returns all steps as one batch."""
    agent.begin(data)
    assert agent._table is not None
    return TransitionBatch(*(part[0] for part in agent._table.take(np.arange(len(data))[None])))


# --- the peer ---------------------------------------------------------------------------------------------------


def peer_agent(critics: int) -> tuple[CQL, TransitionBatch, dict[str, Any]]:
    """Returns an agent with the peer's weights and batch, and what the peer made of them."""
    how, case = GOLDEN["settings"], GOLDEN["cases"][str(critics)]
    config = CQLConfig(
        network="heads",
        hidden=tuple(how["hidden"]),
        critics=critics,
        alpha=how["alpha"],
        gamma=how["gamma"],
        tau=1.0,
        target_interval=1000,
    )
    agent = config.build(EnvSpec(columns=("a", "b", "c", "d"), choices=3))
    with torch.no_grad():
        for network, weights in ((agent.critics, case["weights"]), (agent.targets, case["target_weights"])):
            put(network, weights, critics)
    given = {name: torch.tensor(array) for name, array in case["inputs"].items()}
    ended = given["terminals"][:, 0] > 0.5
    rewards = given["rewards"][:, 0]
    batch = TransitionBatch(
        given["observations"].T,
        given["next_observations"].T,
        given["actions"][:, 0].long(),
        rewards,
        torch.full_like(rewards, how["gamma"]),
        ended,
    )
    return agent, batch, case


def put(network: Any, tensors: list[Any], critics: int) -> None:
    """Lays the peer's (weight, bias) pairs, critic after critic, into our layers."""
    size = len(tensors) // critics
    for member in range(critics):
        for place, array in enumerate(tensors[member * size : (member + 1) * size]):
            name = f"{('weight', 'bias')[place % 2]}_{place // 2}"
            own = dict(network.named_parameters())[name][member]
            own.copy_(torch.tensor(array).view_as(own))


def taken_out(network: Any, vector: str) -> list[torch.Tensor]:
    """Returns our parameters, or their gradient, of the only critic as the peer lays them out."""
    found = []
    for place in range(3):
        for name in ("weight", "bias"):
            parameter = dict(network.named_parameters())[f"{name}_{place}"]
            found.append((parameter if vector == "flat" else parameter.grad)[0].detach().squeeze(-1))
    return found


def test_an_update_is_that_of_d3rlpy() -> None:
    """Oracle: DiscreteCQL of d3rlpy 2.8.1 on a fixed batch; see oracles/make_cql_golden.py."""
    agent, batch, case = peer_agent(1)
    td_loss, conservative, *_ = agent.update(batch, GOLDEN["settings"]["rate"])
    assert float(td_loss) == pytest.approx(case["td_loss"], rel=1e-6)
    assert float(conservative) == pytest.approx(case["conservative"], rel=1e-6)
    for vector, name in (("slope", "gradient"), ("flat", "after")):
        for mine, theirs in zip(taken_out(agent.critics, vector), case[name], strict=True):
            expected = torch.tensor(theirs).view_as(mine)
            torch.testing.assert_close(mine, expected, rtol=1e-5, atol=1e-6)


def test_two_critics_have_the_target_and_the_td_loss_of_d3rlpy() -> None:
    agent, batch, case = peer_agent(2)
    td_loss, *_ = agent.update(batch, 0.0)
    assert 2.0 * float(td_loss) == pytest.approx(case["td_loss"], rel=1e-6)


# --- networks ---------------------------------------------------------------------------------------------------


def test_the_number_of_parameters_is_116_995() -> None:
    spec = EnvSpec(columns=tuple(f"c{k}" for k in range(60)), choices=3)
    agent = CQLConfig(alpha=None).build(spec)
    assert len(agent.critics.flat) == 2 * 58_497
    assert agent.parameter_counts == (116_995, 116_995)
    assert CQLConfig().build(spec).parameter_counts == (116_995, 116_994)


def test_one_pass_gives_what_every_one_hot_action_gives_by_itself() -> None:
    """Oracle: the textbook network, Linear, LayerNorm, ReLU, on state and one-hot action side by side."""
    torch.manual_seed(0)
    critics = ActionCritics(2, 5, 3, (8, 6))
    with torch.no_grad():
        critics.flat.add_(0.3 * torch.randn_like(critics.flat))
    x = torch.randn(5, 7)
    found = critics(x)
    assert found.shape == (2, 3, 7)
    own = dict(critics.named_parameters())
    for member in range(2):
        for action in range(3):
            h = torch.cat([x.T, torch.eye(3)[action].expand(7, 3)], 1)
            for place in range(3):
                h = h @ own[f"weight_{place}"][member].T + own[f"bias_{place}"][member]
                if place < 2:
                    gain, shift = own[f"gain_{place}"][member, 0], own[f"shift_{place}"][member, 0]
                    h = torch.relu(torch.nn.functional.layer_norm(h, h.shape[-1:], gain, shift))
            torch.testing.assert_close(found[member, action], h[:, 0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("loss", ["huber", "mse"])
@pytest.mark.parametrize("network", ["one_hot", "heads"])
def test_the_gradient_is_that_of_the_losses(network: str, loss: str) -> None:
    """Oracle: autograd through `ops`."""
    data = played()
    agent = agent_for(data, network=network, loss=loss, alpha=0.7, gamma=0.9)
    batch = whole(data, agent)
    trace: Trace = []
    if isinstance(agent.critics, Perceptrons):
        q = agent.critics(batch.observations)
    else:
        agent.critics(batch.observations, trace)
        q = trace[0]
    ahead = agent.critics(batch.successors).mean(0).T
    goal = ops.double_dqn_target(
        batch.rewards, batch.terminated, ahead, agent.targets(batch.successors).amin(0).T, agent.config.gamma
    )
    total = torch.zeros(())
    for own in q:
        taken = own.T.gather(1, batch.actions[:, None])[:, 0]
        td = ops.huber_loss(taken, goal) if loss == "huber" else ops.value_loss(taken, goal)
        total = total + td + 0.7 * ops.conservative_loss(own.T, batch.actions)
    slopes = torch.autograd.grad(total, list(agent.critics.parameters()))
    agent.update(batch, 0.0)
    torch.testing.assert_close(
        agent.critics.slope, torch.cat([each.flatten() for each in slopes]), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("network", ["one_hot", "heads"])
def test_every_parameter_moves(network: str) -> None:
    data = played()
    agent = agent_for(data, network=network, alpha=None, hidden=(16, 8))
    before = {name: tensor.clone() for name, tensor in agent.critics.state_dict().items()}
    start = agent.log_alpha.clone()
    agent.learn_from(data)
    for name, tensor in agent.critics.state_dict().items():
        for member in range(2):
            assert not torch.equal(tensor[member], before[name][member]), name
    assert not torch.equal(agent.log_alpha, start)


# --- what it converges to ---------------------------------------------------------------------------------------

REWARDS = np.array([[0.3, -0.5, 0.9], [0.1, 0.7, -0.2], [-0.4, 0.2, 0.5], [0.8, 0.0, 0.3]])
NEXT = np.array([[1, 2, 3], [0, 3, 2], [3, 1, 0], [2, 0, 1]])
GAMMA, ALPHA = 0.8, 0.3


def table_data(counts: np.ndarray) -> Trajectories:
    """Returns ``counts`` (state, action) single steps of a decision process of four states, seen one-hot."""
    states, actions = (rows.repeat(counts.ravel()) for rows in np.divmod(np.arange(12), 3))
    eye = np.eye(4, dtype=np.float32)
    return Trajectories(
        observations=eye[states],
        actions=actions,
        rewards=REWARDS[states, actions],
        terminated=np.zeros(len(states), bool),
        truncated=np.ones(len(states), bool),
        final_observations=eye[NEXT[states, actions]],
        columns=("s0", "s1", "s2", "s3"),
        choices=3,
    )


def converged(counts: np.ndarray, critics: int = 1) -> np.ndarray:
    """Returns Q (state, action) after many updates, each with all of the data."""
    data = table_data(counts)
    agent = agent_for(
        data,
        network="heads",
        hidden=(32,),
        alpha=ALPHA,
        gamma=GAMMA,
        loss="mse",
        critics=critics,
        tau=0.2,
        normalise_observations=False,
        normalise_rewards=False,
    )
    batch = whole(data, agent)
    with torch_threads(1):
        for k in range(2500):
            agent.update(batch, 1e-2 * (1.0 - k / 2500))
    return agent.values(np.eye(4, dtype=np.float32)).astype(np.float64)


def ahead_of(q: np.ndarray) -> np.ndarray:
    """Returns BQ (state, action)."""
    backed: np.ndarray = REWARDS + GAMMA * q.max(axis=1)[NEXT]
    return backed


@pytest.mark.parametrize("even", [True, False])
def test_tables_are_stationary_where_the_paper_says(even: bool) -> None:
    """Oracle: Q − BQ = −α·(softmax(Q)/π_D − 1), to 1e-3 in every state and action."""
    counts = np.full((4, 3), 4) if even else np.random.default_rng(0).integers(1, 9, (4, 3))
    q = converged(counts)
    policy = counts / counts.sum(axis=1, keepdims=True)
    soft = np.exp(q) / np.exp(q).sum(axis=1, keepdims=True)
    # the mean over the data weights a state by its share of the rows, in both terms alike
    residual = q - ahead_of(q) + ALPHA * (soft / policy - 1.0)
    assert np.abs(residual).max() <= 1e-3


def test_values_are_below_the_truth_on_supported_states() -> None:
    """With even support the best action's softmax is above its share, so every backup of V̂ is pessimistic."""
    q = converged(np.full((4, 3), 4))
    best = q.argmax(axis=1)
    rows = np.arange(4)
    moves = np.zeros((4, 4))
    moves[rows, NEXT[rows, best]] = 1.0
    value = np.linalg.solve(np.eye(4) - GAMMA * moves, REWARDS[rows, best])
    assert (q.max(axis=1) <= value).all()
    assert (q.max(axis=1) >= value - ALPHA * 2.0 / (1.0 - GAMMA)).all()  # softmax/π_D − 1 is at most 2


@pytest.mark.parametrize("market", [Ar1Config(), HysteresisConfig(cost=1.0)], ids=["ar1", "hysteresis"])
def test_random_data_teach_nearly_the_optimum(market: Any) -> None:
    """Oracle: the known optimum, 95 % of it from what a uniformly random policy did."""
    env = KnownMarketEnv(market, market.simulate(100_000, seed=100), n_envs=128)
    gamma = 0.0 if market.kind == "ar1" else 0.9
    agent = CQLConfig(network="heads", hidden=(32, 32), gamma=gamma, updates=2000, tau=0.02, learning_rate=3e-3)
    learned = agent.build(env, seed=0)
    learned.learn(env, 60_000)
    assert evaluate(learned, market, 999, paths=16, bars=1000).score >= 0.95


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("market", [Ar1Config(), HysteresisConfig(cost=1.0)], ids=["ar1", "hysteresis"])
def test_the_large_network_finds_the_optimum_too(market: Any, seed: int) -> None:
    env = KnownMarketEnv(market, market.simulate(200_000, seed=100 + seed), n_envs=128)
    gamma = 0.0 if market.kind == "ar1" else 0.9
    agent = CQLConfig(gamma=gamma, updates=1200, tau=0.02).build(env, seed)
    agent.learn(env, 100_000)
    assert evaluate(agent, market, 999, paths=32, bars=1000).score >= 0.95


def test_a_larger_alpha_lowers_the_values() -> None:
    data = played()
    values = []
    for weight in (0.0, 0.3, 1.0):
        agent = agent_for(data, network="heads", alpha=weight, updates=400, gamma=0.8, tau=0.1)
        agent.learn_from(data)
        values.append(float(agent.values(data.observations).max(axis=1).mean()))
    assert values[0] > values[1] > values[2]


def test_alpha_is_found_by_the_threshold() -> None:
    """Where chance acted, the penalty cannot fall below log 3: a tight threshold raises α, a loose one lowers it."""
    data = played()
    ends = []
    for threshold in (0.0, 5.0):
        agent = agent_for(data, alpha=None, threshold=threshold, alpha_rate=1e-2, updates=100)
        history = agent.learn_from(data)
        ends.append(history[-1].numbers["alpha"])
        slope = torch.ones(1, requires_grad=True)
        ops.conservative_weight_loss(slope, torch.tensor(2.0), agent.threshold).backward()
        assert float(slope.grad) == pytest.approx(-math.e * (2.0 - threshold - math.log(3.0)), rel=1e-5)
    assert ends[0] > 1.0 > ends[1]


# --- data -------------------------------------------------------------------------------------------------------


def test_n_steps_end_with_their_episode() -> None:
    """Oracle: a loop over the episode."""
    data = played(60, length=6)
    table = TransitionTable(data, lambda rows: rows, 2.0, 0.9, 4, CPU)
    drawn = table.take(np.arange(60)[None])
    for row in range(60):
        stop = min(row + 4, (row // 6 + 1) * 6)
        rewards = sum(0.9**k * data.rewards[row + k] for k in range(stop - row)) / 2.0
        assert float(drawn.rewards[0, row]) == pytest.approx(rewards, rel=1e-5)
        assert float(drawn.discounts[0, row]) == pytest.approx(0.9 ** (stop - row))
        assert bool(drawn.terminated[0, row]) == bool(data.terminated[stop - 1])
        over = stop % 6 == 0
        last = data.final_observations[row // 6] if over else data.observations[stop]
        np.testing.assert_array_equal(drawn.successors[0, :, row], last)
        np.testing.assert_array_equal(drawn.observations[0, :, row], data.observations[row])


@pytest.mark.parametrize(("end", "value"), [("terminated", 1.0), ("truncated", 2.0)])
def test_a_cut_episode_bootstraps_and_a_ruined_one_does_not(end: str, value: float) -> None:
    """One step that pays 1; the same state follows: worth 1 where it ends, 1/(1 − γ) where it is only cut."""
    flags = {"terminated": np.zeros(40, bool), "truncated": np.zeros(40, bool)} | {end: np.ones(40, bool)}
    data = Trajectories(
        observations=np.ones((40, 1)),
        actions=np.arange(40) % 2,
        rewards=np.ones(40),
        final_observations=np.ones((40, 1)),
        columns=("x",),
        choices=2,
        **flags,
    )
    agent = agent_for(
        data, alpha=0.0, gamma=0.5, updates=600, tau=0.1, learning_rate=1e-2, normalise_observations=False
    )
    agent.learn_from(data)
    np.testing.assert_allclose(agent.values(np.ones((1, 1))), value, atol=0.02)


def test_the_normaliser_is_the_datasets_and_stays() -> None:
    data, other = played(), played(seed=5, length=10)
    agent = agent_for(data)
    agent.learn_from(data)
    np.testing.assert_allclose(agent.observations.mean, data.observations.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(agent.rewards.variance, data.rewards.var(), rtol=1e-9)
    kept = agent.observations.state()
    agent.learn_from(other)
    agent.predict(100.0 + other.observations[:5])
    for name, array in agent.observations.state().items():
        np.testing.assert_array_equal(array, kept[name])


def test_steps_run_to_the_number_of_transitions() -> None:
    """Whatever the number of updates is."""
    data = played()
    agent = agent_for(data, updates=10, report_updates=4)
    history = agent.learn_from(data)
    assert [each.steps for each in history] == [240, 480, 600]
    assert {each.total for each in history} == {600}
    assert [each.numbers["updates"] for each in history] == [4, 8, 10]
    assert {each.reward for each in history} == {float(data.rewards.mean())}
    assert agent.learn_from(data, 3)[-1].numbers["updates"] == 13


def test_equal_shares_of_the_updates_are_equal_shares_of_the_steps() -> None:
    """Validation comes due by ``steps · points // total``: rounded down, 63 steps would have it an iteration late."""
    data = played(63, length=9)
    history = agent_for(data, updates=10, report_updates=2).learn_from(data)
    assert [each.steps for each in history] == [13, 26, 38, 51, 63]
    assert [each.steps * 5 // each.total for each in history] == [1, 2, 3, 4, 5]


def test_rows_are_checked_once_where_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    data = played(60)
    agent, checked = agent_for(data), list[tuple[int, ...]]()

    def counting(spec: Any, observation: Any) -> Any:
        checked.append(observation.shape)
        return observed_rows(spec, observation)

    for module in ("regimen.learning.memoryless", "regimen.agents.cql.cql"):
        monkeypatch.setattr(f"{module}.observed_rows", counting)
    actions, _ = agent.predict(data.observations[:5])
    assert len(checked) == 1
    np.testing.assert_array_equal(actions, agent.values(data.observations[:5]).argmax(axis=1))
    assert len(checked) == 2
    with pytest.raises(RunError):
        agent.values(np.full_like(data.observations[:1], np.nan))


def test_drawn_actions_are_of_the_softmax() -> None:
    data = played()
    hot = agent_for(data, temperature=0.5, updates=200)
    hot.learn_from(data)
    seen = data.observations[:1].repeat(20_000, axis=0)
    drawn = np.bincount(hot.predict(seen, None, False)[0], minlength=3) / 20_000
    q = hot.values(seen[:1])[0].astype(np.float64) / (0.5 * hot.reward_scale)
    np.testing.assert_allclose(drawn, np.exp(q) / np.exp(q).sum(), atol=0.02)
    cold = agent_for(data)
    np.testing.assert_array_equal(cold.predict(seen, None, False)[0], cold.predict(seen)[0])


CHANGES: dict[str, Any] = {
    "updates": 16,
    "report_updates": 3,
    "batch_size": 16,
    "gamma": 0.5,
    "n_step": 3,
    "alpha": 0.3,
    "threshold": 0.1,
    "alpha_rate": 0.1,
    "loss": "mse",
    "learning_rate": 0.01,
    "anneal": False,
    "tau": 0.5,
    "target_interval": 2,
    "critics": 3,
    "network": "heads",
    "hidden": (8,),
    "temperature": 2.0,
    "normalise_observations": False,
    "observation_clip": 0.5,
    "normalise_rewards": False,
}


@pytest.mark.parametrize("field", CHANGES)
def test_every_number_of_the_config_changes_what_is_learned_or_drawn(field: str) -> None:
    data, found = played(60, length=6), []
    for fields in ({}, {field: CHANGES[field]}):
        agent = agent_for(data, **{"alpha": None, "temperature": 0.5, **fields})
        agent.learn_from(data)
        drawn, _ = agent.predict(data.observations.repeat(50, axis=0), None, False)
        found.append(drawn.tobytes() if field == "temperature" else agent.values(data.observations).tobytes())
    assert found[0] != found[1]


def test_no_number_of_the_config_is_left_out() -> None:
    assert set(CHANGES) == set(CQLConfig.model_fields) - {"kind", "dataset", "device", "threads"}


# --- datasets, files and errors ---------------------------------------------------------------------------------


def test_a_mixture_gives_each_part_its_share() -> None:
    env = KnownMarketEnv(HysteresisConfig(), HysteresisConfig().simulate(2000, seed=1), 8, episode_length=20)
    config = DatasetConfig(behaviour="mixture", mixture=(PartConfig(), PartConfig(epsilon=0.5, share=3.0)))
    first, again = (recorded(config, env, 400, seed=3) for _ in range(2))
    assert len(first) == 400
    assert first.observations.tobytes() == again.observations.tobytes()
    alone = recorded(DatasetConfig(), env, 96, seed=3)  # a quarter of 50 steps of 8 lanes
    np.testing.assert_array_equal(first.observations[:96], alone.observations)
    np.testing.assert_array_equal(first.actions[:96], alone.actions)
    assert first.actions.tobytes() != recorded(config, env, 400, seed=4).actions.tobytes()
    with pytest.raises(ConfigError, match=r"agents\.dataset\.mixture: must leave a step"):
        recorded(config, env, 8, seed=3)


def test_data_that_do_not_fit_are_refused() -> None:
    data = played()
    agent = agent_for(data)
    numbers = Trajectories(
        **{
            name: getattr(data, name)
            for name in ("observations", "rewards", "terminated", "truncated", "final_observations", "columns")
        },
        actions=np.linspace(-1.0, 1.0, 600, dtype=np.float32),
    )
    with pytest.raises(RunError, match=r"trajectories\.actions: must be choices from 0 to 2, as the agent's are"):
        agent.learn_from(numbers)
    choices = as_choices(numbers, [-1.0, 0.0, 1.0])
    assert choices.choices == 3
    assert (np.bincount(choices.actions[:, 0]) == [150, 300, 150]).all()
    agent.learn_from(choices)
    with pytest.raises(RunError, match=r"trajectories\.columns: must be 4 columns; got 3"):
        agent.learn_from(played(width=3))
    with pytest.raises(ConfigError, match=r"updates: must be at least 1; got 0"):
        agent.learn_from(data, 0)
    with pytest.raises(RunError, match=r"must be one number, not choices"):
        as_choices(data, [0.0, 1.0])
    for levels in ([1.0, 0.0], [-np.inf, 0.0], ["short", "long"]):
        with pytest.raises(ConfigError, match=r"levels: must be two or more that rise"):
            as_choices(numbers, levels)
    with pytest.raises(RunError, match=r"trajectories: must be Trajectories; read_trajectories returns .* got 'str'"):
        agent.learn_from("played.parquet")  # type: ignore[arg-type]
    with pytest.raises(RunError, match=r"observation: must have at least one lane; got \(0, 4\)"):
        agent.predict(np.empty((0, 4)))


def test_behaviours_that_the_environment_cannot_have_are_refused(lanes: VectorMarket) -> None:
    market = HysteresisConfig()
    known = KnownMarketEnv(market, market.simulate(2000, seed=1), 8, episode_length=20)
    for behaviour in ("expert", "hindsight"):
        with pytest.raises(ConfigError, match=r"agents\.dataset\.behaviour: must be 'uniform' in an environment"):
            recorded(DatasetConfig(behaviour=behaviour), known, 80, seed=0)
    with pytest.raises(ConfigError, match=r"agents\.dataset\.behaviour: .* 'rsi_centred_14' in the observation; got"):
        recorded(DatasetConfig(behaviour="expert"), lanes, 80, seed=0)
    for fields, words in (
        ({"behaviour": "mixture"}, "mixture must have at least one part"),
        ({"mixture": [{"behaviour": "expert"}]}, "behaviour must be 'mixture'"),
        ({"behaviour": "mixture", "mixture": [{}], "epsilon": 0.1}, "in the parts of a mixture"),
        ({"behaviour": "chance"}, "uniform"),
    ):
        with pytest.raises(ConfigError, match=words) as caught:
            CQLConfig(dataset=fields)
        assert "\n" not in str(caught.value)


def test_hindsight_is_the_better_teacher(lanes: VectorMarket) -> None:
    best, chance = (
        recorded(DatasetConfig(behaviour=behaviour), lanes, 400, seed=0) for behaviour in ("hindsight", "uniform")
    )
    assert best.rewards.mean() > chance.rewards.mean()
    agent = CQLConfig(
        dataset=DatasetConfig(behaviour="hindsight", epsilon=0.1),
        network="heads",
        hidden=(16,),
        updates=20,
        report_updates=10,
    )
    history = agent.build(lanes).learn(lanes, 400)
    assert [each.steps for each in history] == [200, 400]


def test_each_market_of_a_group_has_its_own_hindsight() -> None:
    """The second market's prices fall where the first's rise, so that one's best path would ruin the other."""
    group = MarketGroup([market(0), market(0, sign=-1.0)])
    best = recorded(DatasetConfig(behaviour="hindsight"), group, 800, seed=0)
    halves = best.rewards.reshape(2, -1).mean(axis=1)  # lanes lie one after the other
    chance = recorded(DatasetConfig(), group, 800, seed=0)
    assert (halves > 3.0 * np.abs(chance.rewards).mean() / 4.0).all()


def test_continuous_actions_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"agents\.kind: must be one for continuous actions"):
        CQLConfig().build(EnvSpec(columns=("x",)))


def test_other_data_do_not_go_on_with_a_checkpoint(tmp_path: Path) -> None:
    data = played()
    agent = agent_for(data)
    checkpoint = Checkpoint(tmp_path, seconds=0.0)
    agent.learn_from(data, None, None, checkpoint)
    for other, updates in ((played(seed=9), None), (data, 24)):
        with pytest.raises(RunError, match="checkpoint: must be of the same trajectories and number of updates"):
            agent_for(data).learn_from(other, updates, None, checkpoint)


def test_a_second_study_that_was_killed_goes_on_in_a_fresh_agent(tmp_path: Path) -> None:
    """Its normaliser is of the first data; the fresh agent has none until it reads the checkpoint."""
    first, second = played(), played(seed=5, length=10)
    agent, fresh = agent_for(first), agent_for(first)
    agent.learn_from(first)

    def killed(found: Any) -> None:
        if found.steps == found.total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        agent.learn_from(second, None, killed, Checkpoint(tmp_path, seconds=0.0))
    fresh.learn_from(second, None, None, Checkpoint(tmp_path))
    whole = agent_for(first)
    whole.learn_from(first)
    whole.learn_from(second)
    assert torch.equal(fresh.critics.flat, whole.critics.flat)


def test_the_file_has_alpha_only_where_it_is_found(tmp_path: Path) -> None:
    data = played()
    for alpha, names in ((None, {"alpha/log"}), (0.5, set())):
        agent_for(data, alpha=alpha).save(tmp_path / str(alpha))
        tensors, _ = read_tensors(tmp_path / str(alpha) / "agent.safetensors")
        assert {name for name in tensors if name.startswith("alpha")} == names


def test_learning_stops_where_the_loss_is_not_a_number() -> None:
    data = played()
    agent = agent_for(data, learning_rate=1e30, loss="mse", network="heads", anneal=False)
    with pytest.raises(RunError, match=r"agents\.cql: loss: must be finite \(iteration 1; try a lower learning_rate\)"):
        agent.learn_from(data)


def test_penalties_of_other_shapes_are_refused() -> None:
    with pytest.raises(DataError):
        ops.conservative_loss(torch.zeros(3, 2), torch.zeros(4, dtype=torch.int64))
    with pytest.raises(DataError):
        ops.conservative_loss(torch.zeros(3), torch.zeros(3, dtype=torch.int64))
    with pytest.raises(DataError):
        ops.conservative_weight_loss(torch.zeros(2), torch.tensor(1.0), 0.5)
