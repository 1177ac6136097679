"""The contract of SAC: its gradients, determinism, files, replay, ends of episodes, rewards of any size, errors."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from regimen import ops
from regimen.agents.sac.config import SACConfig
from regimen.agents.sac.sac import SAC
from regimen.agents.soft.heads import ChoiceHead, SquashedHead
from regimen.envs import EnvSpec
from regimen.errors import ConfigError, RegimenError, RunError
from regimen.learning import Perceptrons, ReplayBuffer, Trace, VectorAdam
from regimen.learning.storage import FILE
from regimen.proving import Evaluation, KnownMarketEnv, PlayableMarket, evaluate
from regimen.simulators import GarleanuPedersenConfig, HysteresisConfig, OrnsteinUhlenbeckConfig
from regimen.stateful import state_of
from regimen.tensorfile import read_tensors, write_tensors

MARKET = HysteresisConfig(cost=0.5)
PATH = MARKET.simulate(2000, seed=1)
LEVELS = (-1.0, 0.0, 1.0)
SMALL = SACConfig(rollout_steps=4, warmup_steps=64, update_ratio=0.1, batch_size=32, capacity=600, hidden=(16, 16))


def lanes(levels: tuple[float, ...] | None = LEVELS, n: int = 32) -> KnownMarketEnv:
    return KnownMarketEnv(MARKET, PATH, n, levels=levels, episode_length=20)


@pytest.fixture(params=[LEVELS, None], ids=["choices", "continuous"])
def env(request: pytest.FixtureRequest) -> KnownMarketEnv:
    return lanes(request.param)


def whole(agent: SAC) -> dict[str, bytes]:
    """All that learning changes."""
    return {
        name: tensor.numpy(force=True).tobytes()
        for name, tensor in state_of(agent, {**agent.saved, **agent.resumed}).items()
    }


class Bandit:
    """A reward that depends on the action only, then the end that is asked for, or none."""

    def __init__(
        self, end: str = "none", start: float = -1.0, final: float = 1.0, scale: float = 1.0, best: float | None = None
    ) -> None:
        self.n_envs, self.end, self.start, self.final = 32, end, start, final
        self.spec = EnvSpec(columns=("x",), choices=2) if best is None else EnvSpec(columns=("x",), low=-2.0, high=2.0)
        self.scale, self.best = scale, best

    def reset(self, seed: int | None = None) -> tuple[Any, dict[str, Any]]:
        del seed
        return np.full((32, 1), self.start), {}

    def step(self, actions: Any) -> Any:
        assert actions.shape == ((32,) if self.best is None else (32, 1))
        reward = np.ones(32) if self.best is None else -((actions[:, 0] / 2.0 - self.best) ** 2) / (2.0 * 0.5**2)
        flags = [np.full(32, self.end == name) for name in ("terminated", "truncated")]
        final = {"final_observation": np.full((32, 1), self.final)}
        return np.full((32, 1), self.start), self.scale * reward, *flags, final


def networks(outputs: int, inputs: int, values: int) -> tuple[Perceptrons, Perceptrons]:
    torch.manual_seed(0)
    return Perceptrons(1, 3, outputs, (8, 8), 1.0), Perceptrons(2, inputs, values, (8, 8), 1.0)


def autograd(module: Perceptrons, loss: torch.Tensor) -> torch.Tensor:
    slopes = torch.autograd.grad(loss, list(module.parameters()))
    return torch.cat([slope.flatten() for slope in slopes])


@pytest.mark.parametrize("shift", [0.0, 3.0], ids=["", "log_std beyond its bound"])
def test_gradients_of_continuous_actions_are_those_of_the_losses(shift: float) -> None:
    """Oracle: autograd through `ops`. Beyond its bound log σ is held, and may only come back."""
    head, (actor, critics) = SquashedHead(2), networks(4, 5, 1)
    random = torch.Generator().manual_seed(1)
    x, noise, goal = (torch.randn(size, generator=random) for size in ((3, 40), (2, 40), (40,)))
    taken = torch.rand(2, 40, generator=random) * 2.0 - 1.0
    with torch.no_grad():
        actor.get_parameter("bias_2")[:, 2:] += shift

    q = critics(torch.cat([x, taken]))[:, 0]
    expected = autograd(critics, ops.sac_critic_loss(q[0], q[1], goal))
    with torch.no_grad():
        torch.testing.assert_close(head.critic_slope(critics, x, taken, goal[None])[:, 0], q.detach())
    torch.testing.assert_close(critics.slope, expected, rtol=1e-4, atol=1e-6)

    output = actor(x)[0]
    log_std = output[2:].clamp(max=2.0)
    held = log_std + (output[2:] - 2.0).clamp_min(0.0) if shift else output[2:]
    sample = ops.squashed_sample(output[:2].T, (held - (held - held.clamp(max=2.0)).detach()).T, noise.T)
    q = critics(torch.cat([x, sample.action.T]))[:, 0]
    loss = ops.sac_actor_loss(sample.log_prob, q[0], q[1], 0.3)
    (whole_slope,) = torch.autograd.grad(loss, output, retain_graph=True)
    outwards = torch.cat([torch.zeros(2, 40, dtype=torch.bool), (output[2:] > 2.0) & (whole_slope[2:] < 0.0)])
    assert bool(outwards.any()) == (shift > 0.0)
    with torch.no_grad():
        trace: Trace = []
        output = actor(x, trace)[0]
        before = critics.slope.clone()
        slope = head.actor_slope(critics, x, output, noise, head.draw(output, noise), 0.3)
        actor.gradients(trace, slope[None])
    torch.testing.assert_close(slope, whole_slope.masked_fill(outwards, 0.0), rtol=1e-4, atol=1e-6)
    assert torch.equal(critics.slope, before), "the actor's loss left a gradient in the critics"
    if not shift:
        torch.testing.assert_close(actor.slope, autograd(actor, loss), rtol=1e-4, atol=1e-6)


def test_gradients_of_choices_are_those_of_the_losses() -> None:
    """Oracle: autograd; the actor's loss is mean Σ π·(α·log π − min Q)."""
    head, (actor, critics) = ChoiceHead(3), networks(3, 3, 3)
    random = torch.Generator().manual_seed(1)
    x, goal = torch.randn(3, 40, generator=random), torch.randn(40, generator=random)
    taken = torch.randint(0, 3, (1, 40), generator=random)

    q = critics(x).gather(1, taken.expand(2, 1, -1))[:, 0]
    expected = autograd(critics, ops.sac_critic_loss(q[0], q[1], goal))
    with torch.no_grad():
        torch.testing.assert_close(head.critic_slope(critics, x, taken.float(), goal[None])[:, 0], q.detach())
    torch.testing.assert_close(critics.slope, expected, rtol=1e-4, atol=1e-6)

    log_probs = torch.log_softmax(actor(x)[0], 0)
    loss = (log_probs.exp() * (0.3 * log_probs - critics(x).amin(0))).sum(0).mean()
    with torch.no_grad():
        trace: Trace = []
        output = actor(x, trace)[0]
        before = critics.slope.clone()
        draw = head.draw(output, x)
        actor.gradients(trace, head.actor_slope(critics, x, output, x, draw, 0.3)[None])
        torch.testing.assert_close(-draw.log_prob, torch.distributions.Categorical(logits=output.T).entropy())
    torch.testing.assert_close(actor.slope, autograd(actor, loss), rtol=1e-4, atol=1e-6)
    assert torch.equal(critics.slope, before)


def test_densities_are_those_of_a_gaussian_through_a_tanh() -> None:
    output = torch.randn(4, 50, generator=torch.Generator().manual_seed(0))
    noise = torch.randn(2, 50, generator=torch.Generator().manual_seed(1))
    draw = SquashedHead(2).draw(output, noise)
    base = torch.distributions.Normal(output[:2].double(), output[2:].double().exp())
    there = torch.distributions.TransformedDistribution(base, torch.distributions.TanhTransform(cache_size=1))
    raw = output[:2] + output[2:].exp() * noise
    assert torch.equal(draw.actions, torch.tanh(raw))
    log_prob = base.log_prob(raw.double()) - there.transforms[0].log_abs_det_jacobian(raw.double(), draw.actions)
    torch.testing.assert_close(draw.log_prob.double(), log_prob.sum(0), rtol=1e-5, atol=1e-5)


def test_adam_is_torchs() -> None:
    torch.manual_seed(0)
    flat = torch.randn(50)
    theirs = torch.nn.Parameter(flat.clone())
    mine, other = VectorAdam(50), torch.optim.Adam([theirs], lr=1e-2)
    for _ in range(20):
        theirs.grad = torch.randn(50)
        mine.step(flat, theirs.grad, 1e-2)
        other.step()
    torch.testing.assert_close(flat, theirs.detach(), rtol=1e-5, atol=1e-6)


def test_targets_follow_by_the_share_that_is_asked_for() -> None:
    """Oracle: `ops.polyak_update`, after a single update from targets that were the critics."""
    env = lanes(None)
    agent = SMALL.model_copy(update={"update_ratio": 1 / 128, "rollout_steps": 4, "tau": 0.3}).build(env)
    expected = SMALL.build(env).soft.targets
    agent.learn(env, 128)
    assert agent.soft.updates == 1
    ops.polyak_update(agent.soft.critics, expected, 0.3)
    assert torch.equal(agent.soft.targets.flat, expected.flat)


def test_the_temperature_moves_as_its_loss_says() -> None:
    """Oracle: autograd of `ops.sac_temperature_loss`, whose sign the first step of Adam takes."""
    for wanted in (-3.0, 0.4):
        config = SMALL.model_copy(update={"target_entropy": wanted, "last_target_entropy": wanted})
        agent = config.build(lanes(None))
        with torch.no_grad():  # σ = 0.2, an entropy of −0.2
            agent.soft.actor.get_parameter("bias_2")[0, 1] = -1.6
        agent.learn(lanes(None), 128)
        log_alpha = torch.zeros(1, requires_grad=True)
        ops.sac_temperature_loss(log_alpha, torch.tensor([0.2]), wanted).backward()  # type: ignore[no-untyped-call]
        assert log_alpha.grad is not None
        assert torch.sign(agent.soft.log_temperature) == -torch.sign(log_alpha.grad)


def test_the_normalisers_learn_in_learn_and_are_frozen_in_predict(env: KnownMarketEnv) -> None:
    agent = SMALL.build(env)
    agent.learn(env, 200)
    learned = whole(agent)
    agent.predict(np.full((10, 2), 50.0))
    agent.predict(np.full((10, 2), 50.0), deterministic=False)
    assert whole(agent) == learned
    assert agent.observations.count > 200
    assert agent.rewards.count >= 200


def test_one_update_moves_every_parameter(env: KnownMarketEnv) -> None:
    config = SMALL.model_copy(update={"update_ratio": 1 / 128, "batch_size": 256, "temperature": None})
    agent, fresh = config.build(env, seed=1), config.build(env, seed=1)
    agent.learn(env, 128)
    assert agent.soft.updates == 1
    for name in ("actor", "critics", "targets"):
        for key, value in getattr(agent.soft, name).state_dict().items():
            assert not torch.equal(value, getattr(fresh.soft, name).state_dict()[key]), (name, key)
    assert float(agent.soft.log_temperature) != 0.0
    assert int((agent.soft.actor.slope != 0.0).sum()) > 0.8 * len(agent.soft.actor.slope)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rollout_steps", 8),
        ("warmup_steps", 200),
        ("update_ratio", 0.2),
        ("batch_size", 16),
        ("capacity", 100),
        ("gamma", 0.5),
        ("tau", 0.5),
        ("learning_rate", 1e-4),
        ("anneal", False),
        ("actor_every", 2),
        ("temperature", 0.1),
        ("temperature_rate", 0.1),
        ("target_entropy", -3.0),
        ("last_target_entropy", -1.0),
        ("hidden", (16,)),
        ("normalise_observations", False),
        ("observation_clip", 0.1),
        ("normalise_rewards", False),
    ],
)
def test_every_number_of_the_config_changes_what_is_learned(field: str, value: Any) -> None:
    assert learned(SMALL) != learned(SMALL.model_copy(update={field: value}))


@cache
def learned(config: SACConfig) -> bytes:
    agent = config.build(lanes(None))
    agent.learn(lanes(None), 512)
    return whole(agent)["actor/weight_0"]


@pytest.mark.parametrize(("end", "expected"), [("none", 2.0), ("terminated", 1.0), ("truncated", 1.5)])
def test_what_an_end_is_worth(end: str, expected: float) -> None:
    """γ = ½, reward 1: for ever is worth 2, an end 1. A cut episode is worth 1 + ½·V(final), V(final) held at 1."""
    bandit = Bandit(end=end)
    config = SACConfig(
        rollout_steps=16, warmup_steps=32, update_ratio=0.05, batch_size=32, gamma=0.5, hidden=(16,), temperature=1e-4
    )
    agent = config.model_copy(update={"normalise_observations": False, "learning_rate": 1e-2, "tau": 0.1}).build(bandit)
    if end == "truncated":

        def known(x: torch.Tensor) -> torch.Tensor:
            assert torch.equal(x, torch.ones(1, len(x.T)))
            return torch.ones(2, 2, len(x.T))

        agent.soft.targets.forward = known  # type: ignore[method-assign, assignment]
    agent.learn(bandit, 16 * 32 * 20)
    got = agent.soft.critics(torch.tensor([[-1.0]])).detach()
    np.testing.assert_allclose(got, expected, atol=0.03)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_a_gaussian_is_the_answer_to_a_quadratic_reward_of_any_size(scale: float) -> None:
    """Oracle: reward −(a − a*)²/2β² at temperature α has the optimal policy N(a*, αβ²), far from the bounds."""
    bandit = Bandit("terminated", scale=scale, best=0.3)
    config = SACConfig(rollout_steps=64, batch_size=128, hidden=(32, 32), temperature=0.08 * scale, learning_rate=5e-3)
    agent = config.build(bandit, seed=1)
    agent.learn(bandit, 20_000)
    drawn = agent.predict(np.full((20_000, 1), -1.0), deterministic=False)[0][:, 0] / 2.0
    assert drawn.mean() == pytest.approx(0.3, abs=0.02)
    assert drawn.std() == pytest.approx(0.5 * np.sqrt(0.08), rel=0.07)


def trained(market: PlayableMarket, steps: int, seed: int, **numbers: Any) -> tuple[Evaluation, Evaluation]:
    """Returns the deterministic and the stochastic evaluation; positions reach to 2 where the optimum needs it."""
    discrete = isinstance(market, HysteresisConfig)
    reach = 2.0 if isinstance(market, GarleanuPedersenConfig) else 1.0
    levels = LEVELS if discrete else None
    env = KnownMarketEnv(market, market.simulate(200_000, seed=100 + seed), 32, levels=levels, reach=reach)
    agent = SACConfig(rollout_steps=8, **{"gamma": 0.95, **numbers}).build(env, seed)
    agent.learn(env, steps)
    modes = [evaluate(agent, market, 999, deterministic=mode, levels=levels, bars=500) for mode in (True, False)]
    return modes[0], modes[1]


def test_choices_reach_the_optimum_in_few_steps() -> None:
    sure, drawn = trained(HysteresisConfig(cost=1.0), 20_000, 0)
    assert sure.score > 0.97
    assert drawn.score > 0.95


def test_positions_of_any_size_reach_the_optimum_in_few_steps() -> None:
    """Gârleanu and Pedersen's golden case; noise in the position costs 10·Δx², so the entropy must have fallen."""
    sure, drawn = trained(GarleanuPedersenConfig(), 20_000, 0)
    assert sure.score > 0.9
    assert drawn.score > 0.88


@pytest.mark.slow
def test_the_golden_case_is_learned() -> None:
    """Both modes: 95 % on average, 90 % at worst."""
    scores = [[mode.score for mode in trained(GarleanuPedersenConfig(), 200_000, seed)] for seed in (0, 1)]
    assert np.mean(scores, axis=0).min() > 0.95
    assert np.min(scores) > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_a_mean_reverting_price_is_followed(seed: int) -> None:
    sure, drawn = trained(OrnsteinUhlenbeckConfig(), 50_000, seed)
    assert sure.score > 0.97
    assert drawn.score > 0.97


def test_the_replay_keeps_the_last_rows_and_draws_all_of_them() -> None:
    buffer = ReplayBuffer(10, 2, 1)
    for start in range(0, 28, 4):
        rows = np.arange(start, start + 4, dtype=np.float64)
        buffer.add(
            np.column_stack([rows, -rows]), rows[:, None] + [0.5, 0.25], rows[:, None], 2.0 * rows, rows % 2 == 1
        )
    assert buffer.filled == 10
    drawn = buffer.sample(np.random.default_rng(0), 3, 400)
    assert drawn.observations.shape == (3, 2, 400)
    assert drawn.actions.shape == (3, 1, 400)
    row = drawn.observations[:, 0]
    assert sorted(set(row.flatten().tolist())) == list(range(18, 28))
    assert torch.equal(drawn.observations[:, 1], -row)
    assert torch.equal(drawn.successors, torch.stack([row + 0.5, row + 0.25], 1))
    assert torch.equal(drawn.actions[:, 0], row)
    assert torch.equal(drawn.rewards, 2.0 * row)
    assert torch.equal(drawn.terminated, row % 2)
    counts = np.unique(row.numpy(), return_counts=True)[1]
    assert counts.min() > 80  # 120 expected, deviation 10

    other = ReplayBuffer(10, 2, 1)
    other.restore({name: tensor.clone() for name, tensor in buffer.state().items()})
    for each in (buffer, other):
        each.add(np.full((4, 2), 7.0), np.full((4, 2), 7.0), np.full((4, 1), 7.0), np.full(4, 7.0), np.full(4, True))
    assert all(torch.equal(value, other.state()[name]) for name, value in buffer.state().items())


def test_a_memory_of_whole_episodes_is_told_every_end() -> None:
    """Cut and ruin are told apart: a memory that gives episodes back knows where each of them ends."""
    env = lanes()
    agent = SACConfig(rollout_steps=4, warmup_steps=64).build(env)
    step, add, ends, kept = env.step, agent.replay.add, [], []

    def stepped(actions: Any) -> Any:
        outcome = step(actions)
        ends.append((outcome[2].copy(), outcome[3].copy()))
        return outcome

    def added(*transition: Any) -> None:
        kept.append(tuple(flags.copy() for flags in transition[4:]))
        add(*transition)

    env.step, agent.replay.add = stepped, added  # type: ignore[method-assign]
    agent.learn(env, 30 * env.n_envs)
    np.testing.assert_array_equal(kept, ends)
    assert np.sum(kept, axis=(0, 2))[1] > 0


def test_members_may_have_inputs_of_their_own() -> None:
    """Stacked inputs (member, inputs, batch): each member answers its own, and its gradient is autograd's."""
    torch.manual_seed(0)
    stack = Perceptrons(3, 4, 2, (8,), 1.0)
    x = torch.randn(3, 4, 5)
    trace: Trace = []
    out = stack(x, trace)
    for member in range(3):
        torch.testing.assert_close(out[member], stack(x[member])[member])
    slope = torch.randn(3, 2, 5)
    (expected,) = (
        torch.cat([each.flatten() for each in torch.autograd.grad((stack(x) * slope).sum(), list(stack.parameters()))]),
    )
    with torch.no_grad():
        stack.gradients(trace, slope)
    torch.testing.assert_close(stack.slope, expected)


def test_more_lanes_than_the_replay_holds_leave_the_last_ones() -> None:
    buffer = ReplayBuffer(5, 1, 1)
    rows = np.arange(12.0)
    buffer.add(rows[:, None], rows[:, None], rows[:, None], rows, rows > 20)
    assert sorted(buffer.state()["rows"][:, 0].tolist()) == [7.0, 8.0, 9.0, 10.0, 11.0]


def test_a_checkpoint_holds_the_filled_rows_only() -> None:
    env = lanes()
    agent = SACConfig(rollout_steps=4).build(env)
    agent.learn(env, 256)
    assert state_of(agent, agent.resumed)["replay/rows"].shape == (256, 2 * 2 + 1 + 2)


def test_predict_answers_one_lane_and_many(env: KnownMarketEnv) -> None:
    agent = SMALL.build(env)
    many, memory = agent.predict(np.zeros((5, 2)), "kept")
    one, _ = agent.predict(np.zeros(2))
    assert memory == "kept"
    np.testing.assert_array_equal(many[0], one)


def test_actions_stay_in_the_environments_bounds() -> None:
    agent = SMALL.build(EnvSpec(columns=("x",), size=2, low=0.0, high=4.0))
    with torch.no_grad():
        agent.soft.actor.get_parameter("bias_2")[0, :2, 0] = torch.tensor([50.0, -50.0])
    assert agent.predict(np.zeros((1, 1)))[0].tolist() == [[4.0, 0.0]]


def one_line(caught: pytest.ExceptionInfo[RegimenError], *words: str) -> None:
    text = str(caught.value)
    assert "\n" not in text
    assert all(word in text for word in words), text


def test_errors_of_use(tmp_path: Path) -> None:
    env = lanes()
    agent = SMALL.build(env)
    with pytest.raises(RunError) as caught:
        agent.predict(np.zeros((4, 3)))
    one_line(caught, "observation", "2 columns", "(4, 3)")
    with pytest.raises(RunError) as caught:
        agent.learn(lanes(None), 100)
    one_line(caught, "actions.choices")
    with pytest.raises(ConfigError) as configured:
        agent.learn(env, 0)
    one_line(configured, "steps")
    for wrong, words in (
        ({"gamma": 1.5}, ("agents.gamma",)),
        ({"temperature": 0.0}, ("agents.temperature",)),
        ({"warmup_steps": 10, "capacity": 5}, ("warmup_steps", "10 and 5")),
    ):
        with pytest.raises(ConfigError) as configured:
            SACConfig(**wrong)
        one_line(configured, *words)
    with pytest.raises(ConfigError) as configured:
        SACConfig(target_entropy=0.7).build(lanes(None))
    one_line(configured, "agents.target_entropy", "0.6931", "0.7")
    with pytest.raises(RunError) as caught:
        SAC.load(tmp_path)
    one_line(caught, "must exist")


@pytest.mark.parametrize("bad", ["scale", "start", "final"])
def test_numbers_that_are_not_finite_stop_learning(bad: str) -> None:
    bandit = Bandit("truncated", **{bad: np.nan})
    with pytest.raises(RunError) as caught:
        SMALL.build(bandit).learn(bandit, 1000)
    one_line(caught, "must be finite")


def test_files_of_another_agent_are_refused(tmp_path: Path) -> None:
    env = lanes()
    SMALL.build(env).save(tmp_path)
    with pytest.raises(RunError) as caught:
        SAC.load(tmp_path, EnvSpec(columns=("signal", "equity"), choices=3))
    one_line(caught, "column 1", "position", "equity")
    tensors, document = read_tensors(tmp_path / FILE)
    document["config"]["hidden"] = [8, 8]
    write_tensors(tmp_path / "narrow" / FILE, tensors, document)
    with pytest.raises(RunError) as caught:
        SAC.load(tmp_path / "narrow")
    one_line(caught, "bias_0", "(1, 8, 1)", "(1, 16, 1)")
    document["config"]["kind"] = "ppo"
    write_tensors(tmp_path / "ppo" / FILE, tensors, document)
    with pytest.raises(RunError) as caught:
        SAC.load(tmp_path / "ppo")
    one_line(caught, "'sac'", "'ppo'")
