"""The policy gradient, PPO's surrogate, the value losses: closed forms, identities, gradients, masks."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from regimen import ops
from regimen.errors import ConfigError, DataError


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def gradient(loss: Tensor, of: Tensor) -> Tensor:
    return torch.autograd.grad(loss, of)[0]


def test_policy_gradient_by_hand() -> None:
    log_prob = torch.tensor([-1.0, -2.0], requires_grad=True)
    advantages = torch.tensor([3.0, -0.5], requires_grad=True)
    loss = ops.policy_gradient_loss(log_prob, advantages)
    assert loss.item() == pytest.approx(1.0)  # −(3·−1 + −.5·−2)/2
    assert gradient(loss, log_prob).tolist() == [-1.5, 0.25]
    with pytest.raises(RuntimeError, match="not have been used in the graph"):  # the advantage is held fixed
        gradient(ops.policy_gradient_loss(log_prob, advantages), advantages)


def test_at_ratio_one_ppo_is_the_policy_gradient() -> None:
    log_prob, advantages = draw(64).requires_grad_(), draw(64, seed=1)
    surrogate = ops.clipped_surrogate(log_prob, log_prob, advantages, 0.2)
    plain = ops.policy_gradient_loss(log_prob, advantages)
    torch.testing.assert_close(gradient(surrogate.loss, log_prob), gradient(plain, log_prob), rtol=0, atol=1e-15)
    assert surrogate.loss.item() == pytest.approx(-advantages.mean().item())
    assert surrogate.approximate_kl.item() == 0.0
    assert surrogate.clip_fraction.item() == 0.0


def test_ppo_has_no_gradient_where_it_is_clipped_and_only_there() -> None:
    # ratio, advantage: gone as far as asked (no gradient), gone the wrong way (full gradient), inside the band
    ratio = torch.tensor([1.3, 0.7, 1.3, 0.7, 1.1, 0.9], dtype=torch.float64)
    advantages = torch.tensor([2.0, -2.0, -2.0, 2.0, 2.0, -2.0], dtype=torch.float64)
    log_prob = ratio.log().requires_grad_()
    loss, _, share = ops.clipped_surrogate(log_prob, torch.zeros(6).double(), advantages, 0.2)
    expected = -ratio * advantages * torch.tensor([0, 0, 1, 1, 1, 1]) / 6
    torch.testing.assert_close(gradient(loss, log_prob), expected)
    by_hand = -(1.2 * 2 - 0.8 * 2 - 1.3 * 2 + 0.7 * 2 + 1.1 * 2 - 0.9 * 2) / 6
    assert loss.item() == pytest.approx(by_hand)
    assert share.item() == pytest.approx(4 / 6)


def test_the_kl_estimate_is_unbiased_and_never_negative() -> None:
    # Two coins, .5 and .6: KL = Σ p log(p/q) by hand
    old, new = torch.tensor([0.5, 0.5]).log().double(), torch.tensor([0.6, 0.4]).log().double()
    estimate = ops.clipped_surrogate(new, old, torch.ones(2).double(), 0.2).approximate_kl  # both sides, as often
    assert estimate.item() == pytest.approx(0.5 * math.log(0.5 / 0.6) + 0.5 * math.log(0.5 / 0.4), rel=1e-6)
    for seed in range(20):
        assert ops.clipped_surrogate(draw(5, seed=seed), draw(5, seed=99), draw(5), 0.2).approximate_kl >= 0.0


def test_a_ratio_that_overflows_leaves_finite_gradients() -> None:
    log_prob = torch.tensor([500.0, -500.0, 0.1], requires_grad=True)
    surrogate = ops.clipped_surrogate(log_prob, torch.zeros(3), torch.tensor([1.0, -1.0, 1.0]), 0.2)
    slope = gradient(surrogate.loss, log_prob)
    assert torch.isfinite(slope).all()
    assert slope[2] != 0.0
    assert torch.isfinite(torch.stack(surrogate)).all()


def test_value_loss_by_hand() -> None:
    values = torch.tensor([1.0, 2.0, 3.0, 0.0], dtype=torch.float64, requires_grad=True)
    targets = torch.tensor([2.0, 2.0, 0.0, -1.0], dtype=torch.float64)
    assert ops.value_loss(values, targets).item() == pytest.approx(0.5 * (1 + 0 + 9 + 1) / 4)
    old = torch.tensor([0.0, 2.0, 5.0, 0.5], dtype=torch.float64)
    # With a clip of .5 the values are held at .5, 2, 4.5, 0; the larger of both errors counts: 2.25, 0, 20.25, 1
    loss = ops.value_loss(values, targets, old, 0.5)
    assert loss.item() == pytest.approx(0.5 * (2.25 + 0 + 20.25 + 1) / 4)
    assert gradient(loss, values).tolist() == [0.0, 0.0, 0.0, 0.25]  # moved further than the clip: no gradient


def test_normalised_advantages_have_mean_zero_and_unit_variance() -> None:
    advantages = 5.0 + 3.0 * draw(8, 50)
    scaled = ops.normalise_advantages(advantages)
    np.testing.assert_allclose(scaled, (advantages - advantages.mean()) / advantages.numpy().std(), atol=1e-12)
    mask = draw(8, 50, seed=1) > 0
    part = ops.normalise_advantages(advantages.masked_fill(~mask, math.nan), mask)
    assert part[mask].mean().abs() < 1e-12
    assert part[mask].square().mean().item() == pytest.approx(1.0)
    assert (part[~mask] == 0.0).all()
    assert ops.normalise_advantages(torch.tensor([1.0, math.nan])).isnan().all()


@given(level=st.floats(-1e6, 1e6), count=st.integers(1, 300))
@settings(max_examples=100, deadline=None)
def test_advantages_that_are_all_alike_say_nothing(level: float, count: int) -> None:
    assert (ops.normalise_advantages(torch.full((count,), level)) == 0.0).all()


def test_masked_entries_count_nothing_even_as_nan() -> None:
    mask = torch.tensor([[True, True, False], [True, False, False]])
    nan = torch.where(mask, 0.0, math.nan).double()
    log_prob, old, advantages, targets = (draw(2, 3, seed=seed) for seed in range(4))
    kept = [part[mask] for part in (log_prob, old, advantages, targets)]
    torch.testing.assert_close(
        ops.policy_gradient_loss(log_prob + nan, advantages + nan, mask), ops.policy_gradient_loss(kept[0], kept[2])
    )
    torch.testing.assert_close(
        ops.clipped_surrogate(log_prob + nan, old + nan, advantages + nan, 0.2, mask),
        ops.clipped_surrogate(kept[0], kept[1], kept[2], 0.2),
    )
    torch.testing.assert_close(
        ops.value_loss(log_prob + nan, targets + nan, old + nan, 0.2, mask),
        ops.value_loss(kept[0], kept[3], kept[1], 0.2),
    )
    torch.testing.assert_close(ops.entropy_loss(old + nan, mask), -kept[1].mean())


def test_a_nan_in_the_padding_reaches_no_weight() -> None:
    mask = torch.tensor([True, True, False])
    weight = torch.ones((), dtype=torch.float64, requires_grad=True)
    rows = torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64) * weight
    old = torch.tensor([0.0, 0.1, math.nan], dtype=torch.float64)
    advantages = torch.tensor([1.0, -1.0, math.nan], dtype=torch.float64)
    for loss in (
        ops.clipped_surrogate(rows, old, advantages, 0.2, mask).loss,
        ops.value_loss(rows, advantages, old, 0.2, mask),
        ops.policy_gradient_loss(rows, advantages, mask),
    ):
        assert torch.isfinite(torch.autograd.grad(loss, weight, retain_graph=True)[0])


def test_huber_by_hand() -> None:
    values = torch.tensor([0.5, 3.0, -4.0], dtype=torch.float64)
    loss = ops.huber_loss(values, torch.zeros(3).double(), delta=2.0)
    assert loss.item() == pytest.approx((0.125 + 2 * (3 - 1) + 2 * (4 - 1)) / 3)


def test_quantile_huber_by_hand() -> None:
    # K = 2: τ = ¼, ¾. u = target − quantile: row 0: (1, −3) for quantile 0, (.5, −3.5) for quantile .5
    quantiles = torch.tensor([[0.0, 0.5]], dtype=torch.float64)
    targets = torch.tensor([[1.0, -3.0]], dtype=torch.float64)
    low = (0.25 * 0.5 + 0.75 * 2.5) / 2
    high = (0.75 * 0.125 + 0.25 * 3.0) / 2
    assert ops.quantile_huber_loss(quantiles, targets).item() == pytest.approx(low + high)
    # κ = ½: L/κ is |u| − ¼ beyond ½, and u² within
    low = (0.25 * 0.75 + 0.75 * 2.75) / 2
    high = (0.75 * 0.25 + 0.25 * 3.25) / 2
    assert ops.quantile_huber_loss(quantiles, targets, kappa=0.5).item() == pytest.approx(low + high)


def test_the_minimum_of_the_quantile_loss_is_at_the_quantiles() -> None:
    targets = draw(1, 4001)
    quantiles = torch.zeros(1, 4, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([quantiles], lr=0.05)
    for _ in range(300):
        optimiser.zero_grad()
        ops.quantile_huber_loss(quantiles, targets, kappa=0.01).backward()
        optimiser.step()
    truth = targets[0].quantile(torch.tensor([0.125, 0.375, 0.625, 0.875], dtype=torch.float64))
    torch.testing.assert_close(quantiles.detach()[0], truth, atol=0.03, rtol=0)


def test_explained_variance() -> None:
    targets = draw(50)
    assert ops.explained_variance(targets + 3.0, targets) == pytest.approx(1.0)  # an offset is not counted
    assert ops.explained_variance(torch.zeros(50).double(), targets) == 0.0
    assert ops.explained_variance(-targets, targets) == pytest.approx(-3.0)  # 1 − Var(2G)/Var(G)
    assert math.isnan(ops.explained_variance(targets, torch.ones(50).double()))


def test_finite_differences() -> None:
    check = torch.autograd.gradcheck
    log_prob, old, advantages, targets = (draw(3, 4, seed=seed) for seed in range(4))
    log_prob.requires_grad_()
    mask = draw(3, 4, seed=5) > -0.5
    assert check(lambda x: ops.policy_gradient_loss(x, advantages, mask), log_prob)
    assert check(lambda x: ops.clipped_surrogate(x, old, advantages, 0.2, mask).loss, log_prob)
    assert check(lambda x: ops.value_loss(x, targets, mask=mask), log_prob)
    assert check(lambda x: ops.value_loss(x, targets, old, 0.7, mask), log_prob)
    assert check(lambda x: ops.entropy_loss(x, mask), log_prob)
    assert check(lambda x: ops.huber_loss(x, targets), log_prob)
    assert check(lambda x: ops.quantile_huber_loss(x, draw(3, 5, seed=6), 0.5), log_prob)


def test_targets_get_no_gradient() -> None:
    live, fixed = draw(6).requires_grad_(), draw(6, seed=1).requires_grad_()
    for loss in (
        ops.policy_gradient_loss(live, fixed),
        ops.clipped_surrogate(live, fixed, fixed, 0.2).loss,
        ops.value_loss(live, fixed, fixed, 0.5),
        ops.huber_loss(live, fixed),
        ops.quantile_huber_loss(live[None], fixed[None]),
    ):
        loss.backward()
    assert fixed.grad is None
    assert not ops.normalise_advantages(live).requires_grad


LOSSES = {
    "policy_gradient": (ops.policy_gradient_loss, 2, ()),
    "surrogate": (ops.clipped_surrogate, 3, (0.2,)),
    "value": (ops.value_loss, 2, ()),
    "clipped value": (lambda v, g, old: ops.value_loss(v, g, old, 0.2), 3, ()),
    "huber": (ops.huber_loss, 2, ()),
    "explained": (ops.explained_variance, 2, ()),
    "normalised": (lambda a, mask: ops.normalise_advantages(a, mask > 0), 2, ()),
    "entropy": (lambda a, mask: ops.entropy_loss(a, mask > 0), 2, ()),
}


@pytest.mark.parametrize("name", LOSSES)
def test_unequal_shapes_and_empty_batches_are_refused(name: str) -> None:
    loss, count, rest = LOSSES[name]
    for position in range(count):
        for wrong in (draw(4, 1), draw(1), draw(5), draw()):  # (4, 1) against (4,) would broadcast to (4, 4)
            args = [draw(4) for _ in range(count)]
            args[position] = wrong
            with pytest.raises(DataError, match="must have the shape of"):
                loss(*args, *rest)
    with pytest.raises(DataError, match="must have at least one entry"):
        loss(*[draw(0) for _ in range(count)], *rest)


def test_other_bad_input() -> None:
    one = draw(4)
    with pytest.raises(DataError, match=r"mask: must be boolean; got 'torch\.float64'"):
        ops.masked_mean(one, one)
    with pytest.raises(DataError, match="mask: must leave at least one entry"):
        ops.masked_mean(one, torch.zeros(4, dtype=torch.bool))
    with pytest.raises(ConfigError, match=r"clip: must be positive; got 0\.0"):
        ops.clipped_surrogate(one, one, one, 0.0)
    with pytest.raises(DataError, match="old_values, clip: must be given together"):
        ops.value_loss(one, one, clip=0.2)
    with pytest.raises(DataError, match="targets: must be"):
        ops.quantile_huber_loss(one[None], one)
    with pytest.raises(DataError, match=r"targets\[:, 0\]: must have the shape"):
        ops.quantile_huber_loss(draw(3, 2), draw(1, 2))
