"""Curiosity: every model of it learns, a world that is known pays nothing, and noise that nobody moves is a trap."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from tests.learning.chain import STATES, Chain
from torch import Tensor

from regimen.agents import SACConfig
from regimen.envs import EnvSpec
from regimen.errors import ConfigError
from regimen.learning import BonusConfig, ICMConfig, RNDConfig

CURIOUS = ICMConfig(weight=0.0625, minibatch_size=256)
EXPLORER = SACConfig(
    gamma=0.97,
    rollout_steps=16,
    warmup_steps=500,
    learning_rate=1e-3,
    anneal=False,
    temperature=0.01,
    normalise_observations=False,
    normalise_rewards=False,
)
SPECS = {
    "choices": EnvSpec(columns=("a", "b", "c"), choices=3),
    "numbers": EnvSpec(columns=("a", "b", "c"), size=2),
}


def explored(bonus: BonusConfig | None, env: Chain, steps: int, seed: int = 0) -> tuple[int, list[float]]:
    """How often SAC came to the end of a chain, and the novelty of each iteration."""
    agent = EXPLORER.model_copy(update={"bonus": bonus}).build(env, seed)
    history = agent.learn(env, steps)
    return env.visits, [each.numbers["novelty"] for each in history if "novelty" in each.numbers]


def transitions(spec: EnvSpec, rows: int = 50) -> tuple[Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(0)
    x, successors = torch.randn(2, rows, spec.width, generator=random)
    if spec.choices:
        return x, torch.randint(0, spec.choices, (rows,), generator=random), successors
    return x, 2.0 * torch.randn(rows, spec.size, generator=random), successors


def by_hand(bonus: Any, spec: EnvSpec, x: Tensor, actions: Tensor, successors: Tensor) -> tuple[Tensor, Tensor]:
    """Both losses (row,), written out with torch's own layers and softmax."""
    models = bonus.models
    here, there = models["encoder"](x), models["encoder"](successors)
    taken = torch.eye(3)[actions] if spec.choices else actions.clamp(-1.0, 1.0)
    ahead = models["forward_model"](torch.cat([here, taken], 1)) - there.detach()
    read = models["inverse_model"](torch.cat([here, there], 1))
    if spec.choices:
        return 0.5 * ahead.pow(2).sum(1), -F.softmax(read, 1)[torch.arange(len(x)), actions].log()
    return 0.5 * ahead.pow(2).sum(1), 0.5 * (read - taken).pow(2).sum(1)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_the_pay_and_the_loss_are_those_of_the_paper(spec: EnvSpec) -> None:
    """η/2·‖φ̂(s′) − φ(s′)‖² and (1 − β)·L_inverse + β·L_forward, whose gradient reaches every weight of all three."""
    bonus = ICMConfig(weight=0.3, beta=0.7, hidden=(8,), features=5).build(spec, seed=1)
    batch = transitions(spec)
    forward, inverse = by_hand(bonus, spec, *batch)
    torch.testing.assert_close(bonus.score(*batch), 0.3 * forward.detach())
    assert bonus.score(*batch).shape == (50,)
    wanted = torch.autograd.grad(0.3 * inverse.mean() + 0.7 * forward.mean(), list(bonus.models.parameters()))
    before = {name: each.clone() for name, each in bonus.models.named_parameters()}
    novelty, inverse_loss = float(forward.detach().mean()), float(inverse.detach().mean())
    assert bonus.improve(*batch) == pytest.approx({"novelty": novelty, "inverse_loss": inverse_loss})
    for gradient, (name, now) in zip(wanted, bonus.models.named_parameters(), strict=True):
        assert gradient.abs().max() > 0.0, name
        torch.testing.assert_close(now.grad, gradient)
        assert not torch.equal(now, before[name]), name


def test_a_known_world_pays_nothing() -> None:
    """All steps along a chain, again and again: at the end they are worth a tenth of the first pay, at most."""
    env, eye = Chain(), torch.eye(STATES)
    at, right = torch.arange(STATES).repeat(2), torch.arange(2).repeat_interleave(STATES)
    batch = eye[at], right, eye[(at + 2 * right - 1).clamp(0, STATES - 1)]
    bonus = ICMConfig(learning_rate=1e-2, minibatch_size=40).build(env.spec, seed=0)
    first = float(bonus.score(*batch).mean())
    for _ in range(160):
        bonus.improve(*batch)
    assert float(bonus.score(*batch).mean()) < 0.1 * first


def test_what_nobody_moves_is_left_out() -> None:
    lanes = EnvSpec(columns=("price", "position", "cash", "drawdown", "target"), choices=3)
    panel = EnvSpec(columns=("A.price", "A.position", "B.price", "B.position"), size=2)
    for member in (ICMConfig, RNDConfig):
        assert member().chosen(lanes) == (1, 2, 3, 4)
        assert member().chosen(panel) == (1, 3)
        assert member().chosen(Chain().spec) == tuple(range(STATES))  # none of an account: all
        assert member(columns=("price", "position")).chosen(lanes) == (0, 1)
    x, successors = torch.zeros(2, 4, 5)
    moved = successors + torch.tensor([9.0, 0.0, 0.0, 0.0, 0.0])
    bonus = CURIOUS.build(lanes, seed=0)
    assert torch.equal(bonus.score(x, torch.zeros(4), successors), bonus.score(x, torch.zeros(4), moved))
    with pytest.raises(ConfigError, match=r"^agents\.bonus\.columns: must be of columns .*; got 'luck'"):
        ICMConfig(columns=("luck",)).build(lanes, seed=0)


@pytest.mark.slow
def test_it_leads_along_a_chain_that_chance_does_not_walk() -> None:
    """Forty states, whose last pays: never reached without curiosity, which is worth nothing when all is known.

    One seed in a few learns its way by heart before it has seen the end: which one hangs on the machine's last bits.
    """
    plain, _ = explored(None, Chain(lanes=16, cost=0.0), 30_000)
    assert plain == 0
    curious = sorted(explored(CURIOUS, Chain(lanes=16, cost=0.0), 30_000, seed) for seed in range(3))
    for visits, novelty in curious:
        print(f"{visits:,} visits; the pay ends at {sum(novelty[-50:]) / 50 / max(novelty):.1%} of its height")
    for visits, novelty in curious[1:]:
        assert visits > 2000
        assert min(novelty[-10:]) < 0.01 * max(novelty[:100])


@pytest.mark.slow
def test_a_television_of_noise_is_a_trap_for_who_looks_at_it() -> None:
    """It is new for ever, so that an agent stays; one that is paid for its place alone goes by."""
    curious = CURIOUS.model_copy(update={"weight": 0.5})
    blinkered = curious.model_copy(update={"columns": Chain(states=20).columns})
    looking, not_looking = (
        explored(bonus, Chain(states=20, noise=8, lanes=16, cost=0.0), 20_000)[0] for bonus in (curious, blinkered)
    )
    assert not_looking > 5000
    assert looking < 0.01 * not_looking
