"""The fast perceptron against the plain one, and one vector of parameters against many."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from regimen.learning import Activation, FlatAdam, Perceptron, add_tanh, perceptron, side_by_side

ACTIVATIONS: tuple[Activation, ...] = ("tanh", "relu")
SIZES = [(1, (8,)), (7, ()), (1024, (16, 12)), (2500, (64, 64))]


def network(hidden: tuple[int, ...], activation: Activation, outputs: int = 3) -> Perceptron:
    torch.manual_seed(1)
    net = perceptron(5, outputs, hidden, activation, 1.0)
    for layer in net:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.bias)
    return net


def gradients(net: nn.Module, x: Tensor, weight: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Returns the output and the gradients of x and of all parameters for the loss Σ weight·output."""
    x = x.clone().requires_grad_()
    output = net(x)
    grads = torch.autograd.grad((output * weight).sum(), [x, *net.parameters()])
    return output.detach(), list(grads)


@pytest.fixture(autouse=True)
def _seeded() -> Any:
    with torch.random.fork_rng(devices=[]):
        yield


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("rows", "hidden"), SIZES)
def test_output_and_gradients_are_those_of_the_plain_chain(
    rows: int, hidden: tuple[int, ...], activation: Activation
) -> None:
    """The plain chain in float64 is the oracle; all within 1e-6 of the largest number of each."""
    net = network(hidden, activation)
    x, weight = torch.randn(rows, 5), torch.randn(rows, 3) / rows
    found, grads = gradients(net, x, weight)
    expected, oracles = gradients(copy.deepcopy(net).double(), x.double(), weight.double())
    for mine, truth in zip([found, *grads], [expected, *oracles], strict=True):
        assert mine.dtype == torch.float32
        assert float((mine - truth).abs().max()) <= 1e-6 * max(1.0, float(truth.abs().max()))
    with torch.no_grad():
        assert torch.equal(net(x), found)
    assert float(found.abs().max()) > 0.1


def test_other_shapes_and_types_are_understood() -> None:
    net = network((8,), "tanh")
    x = torch.randn(4, 6, 5)
    torch.testing.assert_close(net(x), net(x.flatten(0, 1)).view(4, 6, 3), rtol=0.0, atol=0.0)
    torch.testing.assert_close(net(x[0, 0]), net(x)[0, 0], rtol=0.0, atol=1e-6)
    torch.testing.assert_close(net(x.transpose(0, 1)), net(x).transpose(0, 1), rtol=0.0, atol=1e-6)
    assert net(torch.empty(0, 5)).shape == (0, 3)


def test_an_export_sees_the_plain_layers() -> None:
    net = network((8, 8), "tanh")
    x = torch.randn(4, 5)
    exported = torch.export.export(net, (x,)).module()
    torch.testing.assert_close(exported(x), net(x), rtol=0.0, atol=1e-6)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_what_is_not_a_number_is_not_hidden(activation: Activation) -> None:
    x = torch.zeros(3, 5)
    x[1, 2] = float("nan")
    assert network((8, 8), activation)(x).isnan().any(1).tolist() == [False, True, False]


def test_the_tanh_is_exact_to_rounding() -> None:
    x = np.concatenate([np.linspace(-12.0, 12.0, 1_000_001), np.geomspace(1e-30, 1.0, 1000), [0.0, np.inf, -np.inf]])
    rows = x.astype(np.float32)[None].copy()
    truth = np.tanh(rows.astype(np.float64))
    add_tanh(rows, np.zeros(len(x), np.float32))
    assert np.abs(rows - truth).max() < 4e-7
    assert np.abs(rows).max() == 1.0
    small = np.abs(truth) > 0.0
    assert (np.abs(rows - truth)[small] / np.abs(truth)[small]).max() < 5e-7


def test_one_vector_learns_as_many_parameters_do() -> None:
    nets = [network((16, 16), "tanh"), network((16, 16), "tanh")]
    flat = FlatAdam(nets[0], 1e-2)
    many = torch.optim.Adam(nets[1].parameters(), lr=1e-2, eps=1e-5)
    x, target = torch.randn(64, 5), torch.randn(64, 3)
    for step in range(20):
        rate, largest = 1e-2 * (1.0 - step / 40), (0.1, 100.0)[step % 2]
        flat.begin()
        (nets[0](x) - target).square().mean().backward()
        flat.step(rate, largest)
        many.zero_grad()
        (nets[1](x) - target).square().mean().backward()
        assert 0.1 < float(nn.utils.clip_grad_norm_(nets[1].parameters(), largest)) < 100.0
        many.param_groups[0]["lr"] = rate
        many.step()
    for mine, theirs in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0.0, atol=2e-6)
    again = network((16, 16), "tanh")
    nets[0].load_state_dict(again.state_dict())
    held = torch.cat([each.detach().flatten() for each in again.parameters()])
    assert torch.equal(flat.values.detach(), held)


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_two_functions_are_called_side_by_side(threads: int) -> None:
    before = torch.get_num_threads()
    with side_by_side(threads) as both:
        one, other = both(torch.neg, (torch.ones(2),), torch.add, (torch.ones(1), torch.ones(1)))
        with pytest.raises(RuntimeError, match="shapes"):
            both(torch.neg, (torch.ones(2),), torch.mm, (torch.ones(2, 3), torch.ones(2, 3)))
    assert one.tolist() == [-1.0, -1.0]
    assert other.tolist() == [2.0]
    assert torch.get_num_threads() == before
