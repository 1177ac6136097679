"""Attacks against the closed forms of a linear model, and what every attack must keep to."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from regimen.errors import ConfigError, DataError
from regimen.ops.attacks import (
    Losses,
    apgd,
    class_margin,
    difference_of_logits_ratio,
    fgsm,
    kl_divergence,
    pgd,
    quiet,
    square,
)
from regimen.predictors import BaselineConfig, LSTMConfig

COLUMNS = 60


def _random(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


Attack = Callable[[Losses, Tensor, Any, torch.Generator], Tensor]
IN_THE_CUBE: dict[str, Attack] = {
    "fgsm": lambda losses, x, epsilon, _: fgsm(losses, x, epsilon),
    "pgd": lambda losses, x, epsilon, random: pgd(losses, x, epsilon, random=random),
    "pgd, restarts": lambda losses, x, epsilon, random: pgd(losses, x, epsilon, restarts=3, random=random),
    "apgd": lambda losses, x, epsilon, random: apgd(losses, x, epsilon, steps=20, random=random),
    "square": lambda losses, x, epsilon, random: square(losses, x, epsilon, queries=800, random=random),
}
IN_THE_BALL: dict[str, Attack] = {
    "pgd": lambda losses, x, epsilon, random: pgd(losses, x, epsilon, norm="2", random=random),
    "apgd": lambda losses, x, epsilon, random: apgd(losses, x, epsilon, steps=20, norm="2", random=random),
}
LEAST = {"square": 0.9}
"""A random search reaches less of the analytic worst; the others must reach 99.9 % of it."""


@pytest.mark.parametrize("name", IN_THE_CUBE)
@pytest.mark.parametrize("epsilon", [0.1, "each its own"])
def test_the_worst_move_of_a_linear_loss_is_epsilon_by_its_sign(name: str, epsilon: float | str) -> None:
    """max over |δ| ≤ ε of w·δ is Σ ε |w|, at δ = ε sign(w): Goodfellow et al. (2015), section 3."""
    w, x = torch.randn(COLUMNS, generator=_random(1)), torch.randn(50, COLUMNS, generator=_random(2))
    each = torch.rand(COLUMNS, generator=_random(3)) * (torch.arange(COLUMNS) % 3 > 0)  # a third may not move
    radius: Any = each if isinstance(epsilon, str) else epsilon
    bad = IN_THE_CUBE[name](lambda rows: rows @ w, x, radius, _random())
    gained, analytic = (bad - x) @ w, (torch.as_tensor(radius) * w.abs()).expand(COLUMNS).sum()
    assert float(gained.mean() / analytic) >= LEAST.get(name, 0.999)
    assert float((gained / analytic).max()) <= 1.0 + 1e-5


@pytest.mark.parametrize("name", IN_THE_BALL)
def test_the_worst_move_in_the_ball_goes_along_the_weights(name: str) -> None:
    """max over |δ|₂ ≤ ε of w·δ is ε |w|₂; with ε of each feature, |δ/ε|₂ ≤ 1, it is |ε w|₂."""
    w, x = torch.randn(COLUMNS, generator=_random(1)), torch.randn(50, COLUMNS, generator=_random(2))
    for radius in (torch.tensor(0.3), torch.rand(COLUMNS, generator=_random(3))):
        bad = IN_THE_BALL[name](lambda rows: rows @ w, x, radius, _random())
        gained, analytic = (bad - x) @ w, torch.linalg.vector_norm(radius * w)
        assert float(gained.mean() / analytic) >= 0.999
        assert float(gained.max() / analytic) <= 1.0 + 1e-5
        assert float(torch.linalg.vector_norm((bad - x) / radius, dim=1).max()) <= 1.0 + 1e-5


@settings(max_examples=20, deadline=None)
@given(
    name=st.sampled_from(sorted(IN_THE_CUBE)),
    epsilon=st.floats(1e-4, 5.0),
    size=st.sampled_from([1e-2, 1.0, 1e3]),
    windows=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_no_number_moves_by_more_than_its_epsilon(
    name: str, epsilon: float, size: float, windows: bool, seed: int
) -> None:
    shape = (5, 4, 3) if windows else (5, 3)
    x = size * torch.randn(shape, generator=_random(seed))
    radius = epsilon * torch.tensor([1.0, 0.0, 0.5])
    before = x.clone()
    attack = {**IN_THE_CUBE, "square": lambda f, rows, e, g: square(f, rows, e, queries=20, random=g)}[name]
    bad = attack(lambda rows: (rows**2).flatten(1).sum(1).sin(), x, radius, _random(seed))
    assert float(((bad.double() - x.double()).abs() - radius.double()).max()) <= 1e-6
    assert torch.equal(bad[..., 1], x[..., 1])  # ε 0: it stays
    assert torch.equal(x, before)


@pytest.mark.parametrize("name", IN_THE_CUBE)
def test_a_rows_attack_does_not_depend_on_the_other_rows_losses(name: str) -> None:
    """Restarts and steps are chosen row by row: rows that cost nothing change nothing for the others."""
    x = torch.randn(8, 6, generator=_random(2))
    counts = torch.tensor([1.0, 0.0] * 4)

    def losses(rows: Tensor) -> Tensor:
        return (3.0 * rows).sin().sum(1)

    every = IN_THE_CUBE[name](losses, x, 0.5, _random())
    some = IN_THE_CUBE[name](lambda rows: losses(rows) * counts, x, 0.5, _random())
    assert torch.equal(every[::2], some[::2])


def test_the_step_of_apgd_shrinks_until_a_peak_inside_is_reached() -> None:
    """A step of 2 ε that stays jumps from border to border; every halving brings each row nearer to the peak."""
    peak = torch.tensor([0.3, -0.1, 0.45])
    x = torch.zeros(100, 3)

    worst = apgd(lambda rows: -(rows - peak).square().sum(1), x, 1.0, random=_random())
    assert float((worst - peak).abs().max()) < 0.05  # 0.54 where it does not shrink


def test_restarts_are_chosen_row_by_row() -> None:
    """A loss with two peaks: from either side only its own is reached; with restarts every row gets the higher one."""
    x = torch.zeros(400, 1)

    def losses(rows: Tensor) -> Tensor:  # 1 at −1, and 2 at +1; the watershed is at 0
        return torch.where(rows < 0.0, 1.0 - (rows + 1.0).abs(), 2.0 - 2.0 * (rows - 1.0).abs())[:, 0]

    once, often = (losses(pgd(losses, x, 1.0, steps=40, restarts=n, random=_random())) for n in (1, 20))
    assert 0.2 < float((once > 1.5).double().mean()) < 0.8
    assert bool((often > 1.8).all())


@pytest.mark.parametrize("config", [BaselineConfig(dropout=0.5), LSTMConfig(context=6, width=8, layers=1)])
def test_the_weights_keep_no_gradient_and_every_mode_comes_back(config: Any) -> None:
    module = config.build(5).module.train()
    frozen = next(module.parameters()).requires_grad_(False)
    first = next(iter(module.children())).eval()
    x = torch.randn(9, *([6] if config.kind == "lstm" else []), 5, generator=_random())
    y = torch.arange(9) % 3

    def losses(rows: Tensor) -> Tensor:
        assert not any(part.training for part in module.modules())
        assert not any(parameter.requires_grad for parameter in module.parameters())
        return class_margin(module(rows), y)

    with quiet(module):
        fgsm(losses, x, 0.1)
        pgd(losses, x, 0.1, random=_random())
        apgd(losses, x, 0.1, steps=5, random=_random())
        square(losses, x, 0.1, queries=5, random=_random())
    assert all(parameter.grad is None for parameter in module.parameters())
    assert not frozen.requires_grad
    assert all(p.requires_grad for p in module.parameters() if p is not frozen)
    assert module.training
    assert not first.training
    with pytest.raises(RuntimeError, match="mine"), quiet(module):
        raise RuntimeError("mine")
    assert module.training


@pytest.mark.parametrize("name", IN_THE_CUBE)
def test_the_same_generator_gives_the_same_bytes_and_torchs_own_is_left_alone(name: str) -> None:
    x = torch.randn(20, 6, generator=_random(2))
    net = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))
    y = torch.arange(20) % 3
    state = torch.get_rng_state()
    once, again, other = (
        IN_THE_CUBE[name](lambda rows: class_margin(net(rows), y), x, 0.3, _random(seed)) for seed in (0, 0, 1)
    )
    assert torch.equal(once, again)
    assert torch.equal(torch.get_rng_state(), state)
    if name not in ("fgsm", "square"):  # the one draws nothing, the other ends where it ends from anywhere
        assert not torch.equal(once, other)


@pytest.mark.slow
def test_attacks_of_a_net_rise_as_they_take_more_trouble() -> None:
    net = nn.Sequential(nn.Linear(10, 16), nn.Tanh(), nn.Linear(16, 3))
    with torch.no_grad():
        for k, parameter in enumerate(net.parameters()):
            parameter.copy_(torch.randn(parameter.shape, generator=_random(k)))
    x = torch.randn(500, 10, generator=_random(9))
    y = net(x).argmax(1)  # right of every row

    def accuracy(losses: Losses, attack: str, epsilon: float) -> float:
        bad = IN_THE_CUBE[attack](losses, x, epsilon, _random())
        return float((net(bad).argmax(1) == y).double().mean())

    def entropy(rows: Tensor) -> Tensor:
        return nn.functional.cross_entropy(net(rows), y, reduction="none")

    one, many, adaptive, blind = (accuracy(entropy, name, 0.1) for name in ("fgsm", "pgd", "apgd", "square"))
    assert many <= one < 0.9
    assert adaptive <= many + 0.01
    assert blind <= one + 0.03
    ratio = accuracy(lambda rows: difference_of_logits_ratio(net(rows), y), "apgd", 0.1)
    assert ratio <= many + 0.01
    ladder = [accuracy(entropy, "apgd", epsilon) for epsilon in (0.01, 0.03, 0.1, 0.3)]
    assert ladder == sorted(ladder, reverse=True)


def test_it_reaches_what_the_adversarial_robustness_toolbox_reaches() -> None:
    """Beside an independent implementation, where that is installed; the oracle is its loss, the start is another."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        evasion = pytest.importorskip("art.attacks.evasion")
        from art.estimators.classification import PyTorchClassifier

        module = BaselineConfig(hidden=(16,)).build(10, seed=1).module.eval()
        with torch.no_grad():
            for k, parameter in enumerate(module.parameters()):
                parameter.copy_(torch.randn(parameter.shape, generator=_random(k)))
        x = torch.randn(400, 10, generator=_random(2))
        y = module(x).argmax(1)
        theirs = evasion.ProjectedGradientDescentPyTorch(
            PyTorchClassifier(module, nn.CrossEntropyLoss(), (10,), 3, device_type="cpu"),
            eps=0.2,
            eps_step=0.025,
            max_iter=20,
            num_random_init=1,
            batch_size=400,
            verbose=False,
        ).generate(x.numpy(), y.numpy())

    def entropy(rows: Tensor) -> Tensor:
        return nn.functional.cross_entropy(module(rows), y, reduction="none")

    with quiet(module), torch.no_grad():
        ours = float(entropy(pgd(entropy, x, 0.2, steps=20, random=_random())).mean())
        assert float(entropy(x).mean()) * 1.2 < ours
        assert ours >= 0.999 * float(entropy(torch.from_numpy(theirs)).mean())


def test_the_ratio_of_logits_by_hand() -> None:
    logits = torch.tensor([[1.0, 4.0, 2.0], [3.0, 0.5, 1.0]], dtype=torch.float64)
    y = torch.tensor([2, 0])
    # row 0: (4 − 2) / (4 − 1); row 1: (1 − 3) / (3 − 0.5)
    expected = torch.tensor([2 / 3, -0.8], dtype=torch.float64)
    torch.testing.assert_close(difference_of_logits_ratio(logits, y), expected, rtol=1e-9, atol=0)
    torch.testing.assert_close(difference_of_logits_ratio(100 * logits, y), expected, rtol=1e-9, atol=0)
    torch.testing.assert_close(class_margin(logits, y), torch.tensor([2.0, -2.0], dtype=torch.float64))


def test_the_divergence_is_torchs() -> None:
    p, q = torch.randn(2, 7, 3, generator=_random())
    expected = nn.functional.kl_div(q.log_softmax(1), p.log_softmax(1), reduction="none", log_target=True).sum(1)
    torch.testing.assert_close(kl_divergence(p.log_softmax(1), q), expected)
    members = kl_divergence(torch.stack([p, q], 1).log_softmax(-1), torch.stack([q, q], 1))
    torch.testing.assert_close(members, expected / 2)
    assert math.isclose(float(kl_divergence(p.log_softmax(1), p).abs().max()), 0.0, abs_tol=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda f, x: fgsm(f, x, 0.0), ConfigError, "epsilon: must not be negative, and must be above 0 for some"),
        (lambda f, x: fgsm(f, x, torch.tensor([0.1, -0.1, 0.1])), ConfigError, "epsilon: must not be negative"),
        (lambda f, x: fgsm(f, x, float("nan")), ConfigError, "epsilon: must not be negative"),
        (lambda f, x: fgsm(f, x, torch.ones(2)), DataError, "epsilon: must be one number, or 3"),
        (lambda f, x: fgsm(f, x[0], 0.1), DataError, "x: must be floating rows"),
        (lambda f, x: fgsm(lambda rows: f(rows).mean(), x, 0.1), DataError, "losses: must be one for each of the 4"),
        (lambda f, x: pgd(f, x, 0.1, steps=0, random=_random()), ConfigError, "steps: must be at least 1"),
        (lambda f, x: pgd(f, x, 0.1, restarts=0, random=_random()), ConfigError, "restarts: must be at least 1"),
        (lambda f, x: apgd(f, x, 0.1, steps=0, random=_random()), ConfigError, "steps: must be at least 1"),
        (lambda f, x: square(f, x, 0.1, queries=0, random=_random()), ConfigError, "queries: must be at least 1"),
        (lambda f, x: square(f, x, 0.1, share=0.0, random=_random()), ConfigError, "share: must be above 0"),
        (
            lambda _, x: difference_of_logits_ratio(x[:, :2], torch.zeros(4, dtype=torch.int64)),
            DataError,
            "logits: must be of three classes or more",
        ),
        (lambda _, x: class_margin(x, torch.zeros(3, dtype=torch.int64)), DataError, "logits, y: must be"),
        (lambda _, x: kl_divergence(x, x[:, :2]), DataError, "logits: must have the shape of log_p"),
    ],
)
def test_what_cannot_be_is_refused(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call(lambda rows: rows.sum(1), torch.zeros(4, 3))
