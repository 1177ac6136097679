"""The MLP: its size, its start, and rows that do not disturb each other."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from regimen.nets import MLP


def test_baseline_has_exactly_16643_parameters() -> None:
    # 60·128+128, 2·128, 128·64+64, 2·64, 64·3+3 = 7808 + 256 + 8256 + 128 + 195
    module = MLP(60, 3)
    assert sum(parameter.numel() for parameter in module.parameters()) == 16_643


def test_layer_norm_follows_each_hidden_layer_before_the_activation() -> None:
    kinds = [type(layer) for layer in MLP(60, 3).hidden]
    assert kinds == [nn.Linear, nn.LayerNorm, nn.ReLU] * 2


def test_no_hidden_layer_is_one_linear_map() -> None:
    module = MLP(5, 3, hidden=())
    x = torch.randn(4, 5)
    torch.testing.assert_close(module(x), x @ module.head.weight.T + module.head.bias)


def test_orthogonal_start_has_the_stated_gains() -> None:
    module = MLP(60, 3, orthogonal=True)
    second = module.hidden[3].weight  # (64, 128): rows are orthogonal
    assert torch.allclose(second @ second.T, 2.0 * torch.eye(64), atol=1e-5)
    head = module.head.weight
    assert torch.allclose(head @ head.T, 1e-4 * torch.eye(3), atol=1e-9)
    assert module.head.bias.abs().max() == 0.0
    probabilities = torch.softmax(module(torch.randn(256, 60)), dim=-1)
    entropy = -(probabilities * probabilities.log()).sum(-1).mean()
    assert entropy >= 0.99 * math.log(3)


@pytest.mark.parametrize("activation", ["relu", "gelu", "silu", "tanh"])
def test_a_row_with_nan_spoils_only_itself(activation: str) -> None:
    module = MLP(6, 3, (8, 4), activation=activation)  # type: ignore[arg-type]
    x = torch.randn(5, 6)
    x[2, 1] = torch.nan
    bad = module(x).isnan()
    assert bad[2].all()
    assert not bad[[0, 1, 3, 4]].any()


def test_dropout_acts_while_training_only() -> None:
    module = MLP(6, 3, (64,), dropout=0.5)
    x = torch.randn(5, 6)
    assert not torch.equal(module(x), module(x))
    module.eval()
    assert torch.equal(module(x), module(x))
