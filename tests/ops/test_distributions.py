"""Gaussians, squashed Gaussians and masked categoricals against torch, integrals, frequencies."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, Normal, TransformedDistribution
from torch.distributions.transforms import TanhTransform

from regimen import ops
from regimen.errors import DataError


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


MEAN, LOG_STD, NOISE = draw(20, 3), 0.5 * draw(20, 3, seed=1) - 0.5, draw(20, 3, seed=2)


def test_gaussian_is_torchs() -> None:
    theirs = Independent(Normal(MEAN, LOG_STD.exp()), 1)
    torch.testing.assert_close(ops.gaussian_log_prob(MEAN, LOG_STD, NOISE), theirs.log_prob(NOISE))
    torch.testing.assert_close(ops.gaussian_entropy(LOG_STD), theirs.entropy())


def test_squashed_gaussian_is_torchs_tanh_transform() -> None:
    theirs = Independent(TransformedDistribution(Normal(MEAN, LOG_STD.exp()), [TanhTransform(cache_size=1)]), 1)
    sample = ops.squashed_sample(MEAN, LOG_STD, NOISE)
    torch.testing.assert_close(sample.raw, MEAN + LOG_STD.exp() * NOISE)
    torch.testing.assert_close(sample.action, sample.raw.tanh())
    torch.testing.assert_close(sample.log_prob, theirs.log_prob(sample.action))
    torch.testing.assert_close(ops.squashed_log_prob(MEAN, LOG_STD, sample.raw), sample.log_prob)
    torch.testing.assert_close(ops.unsquash(sample.action), sample.raw)
    torch.testing.assert_close(ops.squashed_mode(MEAN), MEAN.tanh())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_density_is_right_where_the_action_rounds_to_one(dtype: torch.dtype) -> None:
    # log(1 − tanh²u) = log 4 − 2|u| + O(e^(−2|u|)) far out, where 1 − tanh² is 0 in floating point
    raw = torch.tensor([[40.0], [-40.0], [300.0]], dtype=dtype, requires_grad=True)
    mean, log_std = torch.zeros(3, 1, dtype=dtype), torch.full((3, 1), math.log(10.0), dtype=dtype)
    assert (raw.tanh().abs() == 1.0).all()
    density = ops.squashed_log_prob(mean, log_std, raw)
    far = -0.5 * (raw[:, 0] / 10) ** 2 - math.log(10.0) - 0.5 * math.log(2 * math.pi) - math.log(4.0)
    torch.testing.assert_close(density, far + 2 * raw[:, 0].abs())
    (slope,) = torch.autograd.grad(density.sum(), raw)
    torch.testing.assert_close(slope, -raw.detach() / 100 + 2 * raw.detach().sign())


def test_unsquash_at_and_beyond_the_ends() -> None:
    ends = torch.tensor([1.0, -1.0, 0.0, 1.5, math.nan])
    raw = ops.unsquash(ends)
    assert raw[:3].tolist() == pytest.approx([8.3177, -8.3177, 0.0], abs=1e-3)  # atanh(1 − 2^−23) = 12·log 2
    assert raw[3:].isnan().all()


def test_the_squashed_density_integrates_to_one() -> None:
    action = torch.linspace(-1, 1, 200_003, dtype=torch.float64)[1:-1, None]
    mean, log_std = torch.full_like(action, 0.4), torch.full_like(action, -0.3)
    density = ops.squashed_log_prob(mean, log_std, ops.unsquash(action)).exp()
    assert (density.sum() * (2 / 200_002)).item() == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(("log_std", "error"), [(-3.0, 1e-6), (0.0, 1e-6), (math.log(2.0), 1e-3), (2.0, 0.1)])
def test_squashed_entropy_is_minus_the_integral_of_p_log_p(log_std: float, error: float) -> None:
    for mean in (0.0, 0.7, 3.0):
        score = torch.linspace(-10, 10, 100_001, dtype=torch.float64)[:, None]
        raw = mean + math.exp(log_std) * score
        log_density = ops.squashed_log_prob(torch.full_like(raw, mean), torch.full_like(raw, log_std), raw)
        weight = torch.exp(-0.5 * score[:, 0] ** 2) / math.sqrt(2 * math.pi) * 2e-4
        entropy = ops.squashed_entropy(torch.tensor([mean]).double(), torch.tensor([log_std]).double())
        assert entropy.item() == pytest.approx(-(weight * log_density).sum().item(), abs=error)
        assert entropy.item() < math.log(2.0)  # the uniform's
    many = ops.squashed_sample(*[torch.full((400_000, 1), x).double() for x in (0.3, -1.0)], draw(400_000, 1))
    estimate = ops.squashed_entropy(torch.tensor([0.3]).double(), torch.tensor([-1.0]).double())
    assert -many.log_prob.mean().item() == pytest.approx(estimate.item(), abs=0.01)


def test_finite_differences_of_the_densities() -> None:
    mean, log_std, noise = (part[:4].clone().requires_grad_() for part in (MEAN, LOG_STD, NOISE))
    check = torch.autograd.gradcheck
    assert check(ops.gaussian_log_prob, (mean, log_std, noise))
    assert check(ops.gaussian_entropy, log_std)
    assert check(lambda m, s: tuple(ops.squashed_sample(m, s, noise.detach())), (mean, log_std))
    assert check(ops.squashed_log_prob, (mean, log_std, noise))
    assert check(ops.squashed_entropy, (mean, log_std))
    logits = draw(4, 5).requires_grad_()
    legal = torch.tensor([True, False, True, True, False]).expand(4, 5)
    action = torch.tensor([0, 2, 3, 0])
    assert check(lambda x: ops.categorical_entropy(x, legal), logits)
    assert check(lambda x: ops.categorical_log_prob(x, action, legal), logits)


LOGITS = 2.0 * draw(30, 5, seed=3)
LEGAL = draw(30, 5, seed=4) > -0.3
LEGAL[:, 2] |= ~LEGAL.any(-1)


def test_categorical_is_torchs() -> None:
    theirs = Categorical(logits=LOGITS)
    action = torch.arange(30) % 5
    torch.testing.assert_close(ops.categorical_log_prob(LOGITS, action), theirs.log_prob(action))
    torch.testing.assert_close(ops.categorical_entropy(LOGITS), theirs.entropy())
    assert torch.equal(ops.categorical_mode(LOGITS), LOGITS.argmax(-1))


def test_a_masked_categorical_is_the_categorical_of_what_is_left() -> None:
    log_probs, entropy = ops.categorical_log_probs(LOGITS, LEGAL), ops.categorical_entropy(LOGITS, LEGAL)
    mode = ops.categorical_mode(LOGITS, LEGAL)
    for row in range(30):
        left = Categorical(logits=LOGITS[row][LEGAL[row]])
        torch.testing.assert_close(log_probs[row][LEGAL[row]], left.logits)
        assert (log_probs[row][~LEGAL[row]] == -math.inf).all()
        torch.testing.assert_close(entropy[row], left.entropy())
        assert LEGAL[row, mode[row]]
    assert ops.categorical_log_prob(LOGITS, mode, LEGAL).isfinite().all()
    assert ops.categorical_entropy(torch.tensor([0.0, -math.inf])).item() == 0.0


def test_what_is_forbidden_gets_no_gradient_and_spoils_none() -> None:
    logits = LOGITS.clone().requires_grad_()
    ops.categorical_entropy(logits, LEGAL).sum().backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert (logits.grad[~LEGAL] == 0.0).all()


def test_samples_have_their_frequencies_and_are_never_forbidden() -> None:
    logits, legal = LOGITS[:1].expand(200_000, 5), torch.tensor([False, True, True, False, False]).expand(200_000, 5)
    uniform = torch.rand(200_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for mask in (None, legal):
        drawn = ops.categorical_sample(logits, uniform, mask)
        share = torch.bincount(drawn, minlength=5) / 200_000
        expected = ops.categorical_log_probs(logits[:1], None if mask is None else mask[:1])[0].exp()
        torch.testing.assert_close(share.double(), expected, atol=0.005, rtol=0)
        assert (share[expected == 0] == 0).all()


def test_the_ends_of_the_uniform_draw_the_first_and_the_last_legal_action() -> None:
    logits = torch.zeros(2, 5)
    legal = torch.tensor([False, True, True, True, False]).expand(2, 5)
    uniform = torch.tensor([0.0, 1.0 - 2.0**-24])
    assert ops.categorical_sample(logits, uniform, legal).tolist() == [1, 3]


def test_unequal_shapes_are_refused() -> None:
    wide, row = draw(4, 3), draw(3)
    for call in (ops.gaussian_log_prob, ops.squashed_sample, ops.squashed_log_prob):
        for args in ((wide, row, wide), (wide, wide, row), (row, wide, wide), (wide, wide[:, :1], wide)):
            with pytest.raises(DataError, match="must have the shape of mean"):
                call(*args)
    with pytest.raises(DataError, match="log_std: must have the shape of mean"):
        ops.squashed_entropy(wide, row)
    with pytest.raises(DataError, match="log_std: must have an action axis"):
        ops.gaussian_entropy(draw())
    with pytest.raises(DataError, match="legal: must have the shape of logits"):
        ops.categorical_entropy(wide, row > 0)
    with pytest.raises(DataError, match="legal: must be boolean"):
        ops.categorical_entropy(wide, wide)
    with pytest.raises(DataError, match="legal: must allow at least one action"):
        ops.categorical_entropy(wide, torch.zeros(4, 3, dtype=torch.bool))
    with pytest.raises(DataError, match="logits: must be"):
        ops.categorical_entropy(draw(4, 0))
    with pytest.raises(DataError, match="action: must have the shape of"):
        ops.categorical_log_prob(wide, torch.zeros(4, 1, dtype=torch.int64))
    with pytest.raises(DataError, match=r"action: must be int64; got 'torch\.int32'"):
        ops.categorical_log_prob(wide, torch.zeros(4, dtype=torch.int32))
    with pytest.raises(DataError, match="uniform: must have the shape of"):
        ops.categorical_sample(wide, torch.zeros(1))
