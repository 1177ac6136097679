from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from regimen.errors import RunError
from regimen.nets import descend


def _fitting() -> tuple[nn.Linear, Tensor, Tensor]:
    random = np.random.default_rng(0)
    x = torch.tensor(random.normal(size=(200, 3)), dtype=torch.float32)
    y = x @ torch.tensor([[1.0], [-2.0], [0.5]]) + 0.3
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Linear(3, 1), x, y


def test_descend_finds_least_squares_and_returns_the_losses_on_the_way() -> None:
    module, x, y = _fitting()
    losses = descend(module.parameters(), lambda _: ((module(x) - y) ** 2).mean(), 2000, 1e-2)
    assert len(losses) == 2000
    assert losses[-1] < 1e-8 < losses[0]
    np.testing.assert_allclose(module.weight.detach().numpy(), [[1.0, -2.0, 0.5]], atol=1e-3)


def test_the_steps_are_those_of_adam() -> None:
    module, x, y = _fitting()
    beside, _, _ = _fitting()
    descend(module.parameters(), lambda step: ((module(x[step::7]) - y[step::7]) ** 2).mean(), 5, 0.1, clip=None)
    optimizer = torch.optim.Adam(beside.parameters(), lr=0.1)
    for step in range(5):
        optimizer.zero_grad()
        ((beside(x[step::7]) - y[step::7]) ** 2).mean().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert torch.equal(module.weight, beside.weight)
    assert torch.equal(module.bias, beside.bias)


def test_only_what_moves_gets_a_gradient_and_none_stays() -> None:
    module, x, y = _fitting()
    head = nn.Linear(1, 1)
    before = head.weight.clone()
    descend(module.parameters(), lambda _: ((head(module(x)) - y) ** 2).mean(), 3, 1e-2)
    assert torch.equal(head.weight, before)
    assert all(p.grad is None for p in (*module.parameters(), *head.parameters()))


def test_a_loss_that_is_not_finite_is_refused() -> None:
    module, x, _ = _fitting()
    with pytest.raises(RunError, match=r"must have a finite loss, but has not at step 2 of 5; got nan"):
        descend(module.parameters(), lambda step: module(x).sum() * (math.nan if step == 2 else 1.0), 5, 1e-2)
