"""The compiled meta-gradient of a perceptron against autograd's, and what is not computed by it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from regimen.nets import MLP
from regimen.seams import Batch, Objective
from regimen.training import classification
from regimen.training.precision import mixed_precision
from regimen.training.recipes.maml.adaptation import MetaLoss

TASKS, SHOTS, ROWS = 3, 9, 23


def _chain() -> nn.Module:
    """All that is compiled: layers with and without parameters, odd widths, a chain in a chain."""
    return nn.Sequential(
        nn.LayerNorm(7),
        nn.Linear(7, 9, bias=False),
        nn.LayerNorm(9, bias=False),
        nn.SiLU(),
        nn.Sequential(nn.Linear(9, 6), nn.GELU(), nn.Dropout(0.0)),
        nn.LayerNorm(6, elementwise_affine=False),
        nn.Linear(6, 5),
        nn.Tanh(),
        nn.Linear(5, 3),
    )


NETS: dict[str, Callable[[], nn.Module]] = {
    "baseline": lambda: MLP(7, 3, (12, 8)),
    "more inputs than shots": lambda: MLP(60, 3, (12,)),
    "gelu": lambda: MLP(7, 3, (9, 5), activation="gelu"),
    "linear": lambda: MLP(7, 3, ()),
    "chain": _chain,
}


def _batch(inputs: int, smoothing: float = 0.0) -> Batch:
    random = torch.Generator().manual_seed(1)
    x = torch.randn(TASKS * ROWS, inputs, generator=random)
    y = torch.randint(0, 3, (len(x),), generator=random)
    return Batch(x, y, torch.rand(len(x), generator=random), smoothing=smoothing)


def _slopes(
    module: nn.Module, batch: Batch, objective: Objective, at_once: bool | None, adapts: str = "all"
) -> tuple[MetaLoss, list[Tensor]]:
    """Returns the objective after it was called, and the loss with its gradient."""
    meta = MetaLoss(objective, tasks=TASKS, shots=SHOTS, rate=0.5, steps=4, first_order=True, adapts=adapts)
    meta._at_once = at_once
    module.zero_grad()
    loss = meta(module, batch)
    (2.0 * loss).backward()
    return meta, [loss.detach(), *(weight.grad.clone() for weight in module.parameters() if weight.grad is not None)]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("class_weights", [None, (0.5, 2.0, 1.0)])
@pytest.mark.parametrize(("net", "adapts"), [*((net, "all") for net in NETS), ("baseline", "head"), ("linear", "head")])
def test_it_is_the_gradient_of_autograd(
    net: str, adapts: str, class_weights: tuple[float, ...] | None, smoothing: float
) -> None:
    torch.manual_seed(0)
    module = NETS[net]()
    batch = _batch(60 if net == "more inputs than shots" else 7, smoothing)
    objective = classification(None if class_weights is None else torch.tensor(class_weights))
    compiled, ours = _slopes(module, batch, objective, None, adapts)
    _, theirs = _slopes(module, batch, objective, True, adapts)
    assert compiled._at_once is None, "autograd was asked"
    assert len(ours) == len(theirs) == 1 + len(list(module.parameters()))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=2e-6)


def _frozen() -> nn.Module:
    module = MLP(7, 3, (8,))
    module.hidden[0].weight.requires_grad_(False)  # type: ignore[union-attr]
    return module


def _listened_to() -> nn.Module:
    module = MLP(7, 3, (8,))
    module.head.register_forward_hook(lambda *made: 2.0 * made[-1])
    return module


def _shared() -> nn.Module:
    twice = nn.Linear(7, 7)
    return nn.Sequential(twice, nn.Tanh(), twice, nn.Linear(7, 3))


class _Skipping(nn.Sequential):
    """A chain with something around it."""

    def forward(self, x: Tensor) -> Tensor:
        return self[1](x + self[0](x))  # type: ignore[no-any-return]


OTHERS: dict[str, Callable[[], nn.Module]] = {
    "a parameter that does not learn": _frozen,
    "a hook": _listened_to,
    "a layer in two places": _shared,
    "a forward of its own": lambda: _Skipping(nn.Linear(7, 7), nn.Linear(7, 3)),
    "dropout": lambda: MLP(7, 3, (8,), dropout=0.3),
    "another activation": lambda: nn.Sequential(nn.Linear(7, 8), nn.ELU(), nn.Linear(8, 3)),
    "an approximation": lambda: nn.Sequential(nn.Linear(7, 8), nn.GELU("tanh"), nn.Linear(8, 3)),
    "a batch norm": lambda: nn.Sequential(nn.Linear(7, 8), nn.BatchNorm1d(8), nn.Linear(8, 3)),
}


@pytest.mark.parametrize("other", OTHERS)
def test_a_module_that_is_more_is_left_to_autograd(other: str) -> None:
    module = OTHERS[other]()
    objective, batch = classification(), _batch(7)
    meta, slopes = _slopes(module, batch, objective, None)
    assert meta._at_once is not None
    torch.manual_seed(5)
    one = meta(module, batch).detach()
    torch.manual_seed(5)
    torch.testing.assert_close(one, meta(module, batch).detach())
    assert len(slopes) == 1 + sum(weight.requires_grad for weight in module.parameters())


def test_dropout_is_part_of_the_chain_where_it_drops_nothing() -> None:
    module = MLP(7, 3, (8,), dropout=0.3)
    assert _slopes(module.eval(), _batch(7), classification(), None)[0]._at_once is None
    meta = _slopes(module.eval(), _batch(7), classification(), None)[0]
    meta(module.train(), _batch(7))
    assert meta._at_once is not None


def test_half_precision_and_other_losses_are_left_to_autograd() -> None:
    module, batch = MLP(7, 3, (8,)), _batch(7)
    with mixed_precision(module, torch.device("cpu"), torch.bfloat16):
        assert _slopes(module, batch, classification(), None)[0]._at_once is not None
    costs = torch.rand(len(batch.x), 3, 3)
    assert _slopes(module, batch._replace(costs=costs), classification(), None)[0]._at_once is not None
    shares = torch.softmax(torch.randn(len(batch.x), 3), dim=1)
    assert _slopes(module, batch._replace(shares=shares), classification(), None)[0]._at_once is not None

    def squared(module: nn.Module, batch: Batch) -> Tensor:
        return (module(batch.x) ** 2).mean()

    assert _slopes(module, batch, squared, None)[0]._at_once is not None


def test_inputs_that_learn_have_their_gradient() -> None:
    module, batch = MLP(7, 3, (8,)), _batch(7)
    x = batch.x.requires_grad_()
    _slopes(module, batch, classification(), None)
    assert x.grad is not None
    assert bool((x.grad.view(TASKS, ROWS, 7)[:, SHOTS:] != 0.0).any())


def test_a_class_without_an_output_is_refused() -> None:
    batch = _batch(7)
    batch.y[4] = 3
    with pytest.raises(ValueError, match="y must hold classes that the module has an output for"):
        _slopes(MLP(7, 3, (8,)), batch, classification(), None)
