"""SAC's target and losses, the targets of DQN, the polyak step; and a bandit whose soft optimum is known."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn

from regimen import ops
from regimen.errors import ConfigError, DataError
from regimen.nets import MLP


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def gradient(loss: Tensor, of: Tensor) -> Tensor:
    return torch.autograd.grad(loss, of)[0]


ROWS = torch.tensor([1.0, 2.0], dtype=torch.float64)
ENDS = torch.tensor([False, True])


def test_soft_target_by_hand() -> None:
    q1 = torch.tensor([5.0, math.nan], dtype=torch.float64)  # after ruin nothing is read
    q2 = torch.tensor([4.0, 7.0], dtype=torch.float64)
    log_prob = torch.tensor([-0.5, 1.0], dtype=torch.float64)
    target = ops.sac_target(ROWS, ENDS, q1, q2, log_prob, 0.2, 0.9)
    assert target.tolist() == pytest.approx([1 + 0.9 * (4 + 0.2 * 0.5), 2.0])
    assert torch.equal(
        ops.sac_target(ROWS, ENDS, q1, q2, log_prob, torch.tensor(0.2, dtype=torch.float64), 0.9), target
    )


def test_soft_losses_by_hand() -> None:
    q1, q2 = torch.tensor([1.0, 5.0], dtype=torch.float64), torch.tensor([2.0, 3.0], dtype=torch.float64)
    assert ops.sac_critic_loss(q1, q2, torch.tensor([2.0, 2.0])).item() == pytest.approx(0.5 * (1 + 9 + 0 + 1) / 2)
    log_prob = torch.tensor([-1.0, 0.5], dtype=torch.float64)
    assert ops.sac_actor_loss(log_prob, q1, q2, 0.1).item() == pytest.approx((-0.1 - 1 + 0.05 - 3) / 2)
    log_alpha = torch.tensor(math.log(0.3), dtype=torch.float64, requires_grad=True)
    loss = ops.sac_temperature_loss(log_alpha, log_prob, -1.0)
    assert loss.item() == pytest.approx(-0.3 * (-0.25 - 1.0))
    assert gradient(loss, log_alpha).item() == pytest.approx(0.3 * 1.25)  # the entropy, .25, exceeds −1: α falls


def test_finite_differences() -> None:
    check = torch.autograd.gradcheck
    q1, q2, log_prob = (draw(5, seed=seed).requires_grad_() for seed in range(3))
    assert check(lambda a, b: ops.sac_critic_loss(a, b, draw(5, seed=3)), (q1, q2))
    assert check(lambda lp, a, b: ops.sac_actor_loss(lp, a, b, 0.3), (log_prob, q1, q2))
    log_alpha = draw(1).requires_grad_()
    assert check(lambda la: ops.sac_temperature_loss(la, log_prob.detach(), -1.0), log_alpha)


def test_targets_and_temperature_get_no_gradient() -> None:
    live, fixed = draw(4).requires_grad_(), draw(4, seed=1).requires_grad_()
    alpha = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    ops.sac_critic_loss(live, live, fixed).backward()
    ops.sac_temperature_loss(live[:1], fixed, -1.0).backward()
    ops.sac_actor_loss(live, live, live, alpha).backward()
    assert fixed.grad is None
    assert alpha.grad is None
    none = torch.zeros(4, dtype=torch.bool)
    assert not ops.sac_target(live, none, live, live, live, alpha, 0.9).requires_grad
    assert not ops.dqn_target(live, none, live.expand(4, 4), 0.9).requires_grad


def test_dqn_targets_by_hand() -> None:
    online = torch.tensor([[1.0, 3.0, 2.0], [math.nan] * 3], dtype=torch.float64)
    target = torch.tensor([[6.0, 4.0, 5.0], [math.nan] * 3], dtype=torch.float64)
    assert ops.dqn_target(ROWS, ENDS, target, 0.9).tolist() == pytest.approx([1 + 0.9 * 6, 2.0])
    assert ops.double_dqn_target(ROWS, ENDS, online, target, 0.9).tolist() == pytest.approx([1 + 0.9 * 4, 2.0])
    legal = torch.tensor([[False, False, True], [False, False, False]])
    assert ops.dqn_target(ROWS, ENDS, target, 0.9, legal).tolist() == pytest.approx([1 + 0.9 * 5, 2.0])
    with pytest.raises(DataError, match="legal: must allow at least one action"):
        ops.dqn_target(ROWS, torch.zeros(2, dtype=torch.bool), target, 0.9, legal)


def test_polyak_update() -> None:
    online, target = (
        nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)),
        nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)),
    )
    online[1](torch.randn(5, 2))  # its running mean moves
    before = [parameter.clone() for parameter in target.parameters()]
    ops.polyak_update(online, target, 0.1)
    for old, new, goal in zip(before, target.parameters(), online.parameters(), strict=True):
        torch.testing.assert_close(new, 0.9 * old + 0.1 * goal)
    for name, buffer in target.named_buffers():
        assert torch.equal(buffer, online.get_buffer(name))
    before = [parameter.clone() for parameter in target.parameters()]
    ops.polyak_update(online, target, 0.0)
    assert all(torch.equal(old, new) for old, new in zip(before, target.parameters(), strict=True))
    ops.polyak_update(online, target, 1.0)
    for new, goal in zip(target.parameters(), online.parameters(), strict=True):
        assert torch.equal(new, goal)
        assert new.data_ptr() != goal.data_ptr()
    with pytest.raises(DataError, match=r"target\.parameters: must have the names and shapes"):
        ops.polyak_update(nn.Linear(3, 2), nn.Linear(1, 2), 0.5)  # (2, 3) and (2, 1) would broadcast
    with pytest.raises(ConfigError, match="tau: must be between 0 and 1"):
        ops.polyak_update(online, target, 1.5)


def none(rows: Tensor) -> Tensor:
    return torch.zeros(rows.shape, dtype=torch.bool)


LOSSES: dict[str, tuple[Callable[..., object], int]] = {
    "target": (lambda r, end, a, b, lp: ops.sac_target(r, none(end), a, b, lp, 0.1, 0.9), 5),
    "critic": (ops.sac_critic_loss, 3),
    "actor": (lambda lp, a, b: ops.sac_actor_loss(lp, a, b, 0.1), 3),
    "dqn": (lambda r, end: ops.dqn_target(r, none(end), torch.zeros(4, 2), 0.9), 2),
}


@pytest.mark.parametrize("name", LOSSES)
def test_unequal_shapes_and_empty_batches_are_refused(name: str) -> None:
    loss, count = LOSSES[name]
    for position in range(count):
        for wrong in (draw(4, 1), draw(1), draw(5), draw()):
            args = [draw(4) for _ in range(count)]
            args[position] = wrong
            with pytest.raises(DataError, match="must have the shape of"):
                loss(*args)
    with pytest.raises(DataError, match="must have at least one entry"):
        loss(*[draw(0) for _ in range(count)])


def test_other_bad_input() -> None:
    q = draw(4, 3)
    with pytest.raises(DataError, match=r"next_q: must be \(batch, action\)"):
        ops.dqn_target(draw(4), none(draw(4)), draw(4), 0.9)
    with pytest.raises(DataError, match=r"next_q\[..., 0\]: must have the shape of rewards"):
        ops.dqn_target(draw(5), none(draw(5)), q, 0.9)
    with pytest.raises(DataError, match="next_q_target: must have the shape of"):
        ops.double_dqn_target(draw(4), none(draw(4)), q, q[:, :2], 0.9)
    with pytest.raises(DataError, match="terminated: must be boolean"):
        ops.sac_target(*[draw(4)] * 5, 0.1, 0.9)
    with pytest.raises(DataError, match="log_alpha: must have the shape of one"):
        ops.sac_temperature_loss(draw(2), draw(4), -1.0)


def learned_bandit(seed: int, best: float, width: float, alpha: float) -> Tensor:
    """Learns twin critics and an actor for the reward −(a − a*)²/2β² with the losses alone; returns samples."""
    torch.manual_seed(seed)
    critics = [MLP(1, 1, (32, 32), activation="tanh") for _ in range(2)]
    mean, log_std = torch.zeros(1, 1, requires_grad=True), torch.full((1, 1), -0.5, requires_grad=True)
    critic_optimiser = torch.optim.Adam([p for critic in critics for p in critic.parameters()], lr=5e-3)
    actor_optimiser = torch.optim.Adam([mean, log_std], lr=1e-2)
    rows = 128

    def act() -> ops.SquashedSample:
        return ops.squashed_sample(mean.expand(rows, 1), log_std.expand(rows, 1), torch.randn(rows, 1))

    def judge(action: Tensor) -> list[Tensor]:
        return [critic(action)[:, 0] for critic in critics]

    for step in range(1000):
        for group in critic_optimiser.param_groups + actor_optimiser.param_groups:
            group["lr"] *= 0.997  # 0.997^1000 = .05
        action = torch.rand(rows, 1) * 2.0 - 1.0 if step % 2 else act().action.detach()
        reward = -((action[:, 0] - best) ** 2) / (2.0 * width**2)
        ended = torch.ones(rows, dtype=torch.bool)
        nothing = torch.zeros(rows)
        target = ops.sac_target(reward, ended, nothing, nothing, nothing, alpha, 0.99)
        critic_optimiser.zero_grad()
        ops.sac_critic_loss(*judge(action), target).backward()
        critic_optimiser.step()
        sample = act()
        actor_optimiser.zero_grad()
        ops.sac_actor_loss(sample.log_prob, *judge(sample.action), alpha).backward()
        actor_optimiser.step()
    noise = torch.randn(200_000, 1)
    return ops.squashed_sample(mean.expand_as(noise), log_std.expand_as(noise), noise).action.detach()


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Threads cost more than they save on batches this small, and many times more on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 8))])
def test_a_bandit_is_solved_to_its_soft_optimum(seed: int) -> None:
    # max E[r] + α·H has the density exp(r/α): N(a*, αβ²), away from the bounds
    best, width, alpha = 0.2, 0.5, 0.08
    samples = learned_bandit(seed, best, width, alpha)
    assert samples.mean().item() == pytest.approx(best, abs=0.02)
    assert samples.std().item() == pytest.approx(math.sqrt(alpha) * width, rel=0.07)  # 0.1414


@pytest.mark.usefixtures("one_thread")
def test_the_temperature_finds_the_target_entropy() -> None:
    """The same bandit with exact critics: α settles where the entropy is the target, at α = e^(2H)/(2πe·β²)."""
    target_entropy, width = -0.6, 0.5
    mean, log_std = torch.zeros(1, 1), torch.full((1, 1), -1.0, requires_grad=True)
    log_alpha = torch.zeros(1, requires_grad=True)
    optimiser = torch.optim.Adam([log_std, log_alpha], lr=3e-2, betas=(0.9, 0.98))
    generator = torch.Generator().manual_seed(0)
    for _ in range(900):
        optimiser.param_groups[0]["lr"] *= 0.996
        noise = torch.randn(512, 1, generator=generator)
        sample = ops.squashed_sample(mean.expand(512, 1), log_std.expand(512, 1), noise)
        reward = -(sample.action[:, 0] ** 2) / (2.0 * width**2)
        optimiser.zero_grad()
        actor = ops.sac_actor_loss(sample.log_prob, reward, reward, log_alpha.exp())
        (actor + ops.sac_temperature_loss(log_alpha, sample.log_prob, target_entropy)).backward()
        optimiser.step()
    assert ops.squashed_entropy(mean, log_std.detach()).item() == pytest.approx(target_entropy, abs=0.02)
    expected = math.exp(2 * target_entropy) / (2 * math.pi * math.e * width**2)  # H of N(0, αβ²)
    assert log_alpha.exp().item() == pytest.approx(expected, rel=0.1)
