"""The causal convolution against a loop, its reach, and the weights of its pooling."""

from __future__ import annotations

import math

import torch

from regimen.nets import CausalCNN
from regimen.nets.cnn import CausalConv, CNNEncoder


def test_the_convolution_is_the_sum_over_earlier_steps() -> None:
    torch.manual_seed(0)
    module = CausalConv(2, 3, kernel=3, dilation=2)
    x = torch.randn(1, 9, 2)
    weight, bias = module.conv.weight, module.conv.bias
    assert bias is not None
    expected = bias.repeat(9, 1)
    for t in range(9):
        for tap in range(3):  # torch keeps the newest tap last
            if t - 2 * tap >= 0:
                expected[t] += weight[..., 2 - tap] @ x[0, t - 2 * tap]
    torch.testing.assert_close(module(x)[0], expected)


def test_a_feature_sees_its_receptive_field_and_no_further() -> None:
    torch.manual_seed(0)
    encoder = CNNEncoder(2, 8, (2, 3), (1, 2), 0.0)
    assert encoder.receptive_field == 1 + 2 * (1 + 2)
    assert encoder.shortest_window == 1 + 2 * 2
    x = torch.randn(1, 20, 2, requires_grad=True)
    (encoder(x)[0, 15] * torch.randn(8)).sum().backward()  # a plain sum of a layer norm is constant
    assert x.grad is not None
    assert torch.nonzero(x.grad[0].abs().sum(1)).flatten().tolist() == list(range(15 - 6, 16))


def test_a_window_below_the_shortest_leaves_taps_without_data() -> None:
    for time, learns in ((4, False), (5, True)):
        torch.manual_seed(0)
        encoder = CNNEncoder(2, 8, (2, 3), (1, 2), 0.0)
        (encoder(torch.randn(16, time, 2)) * torch.randn(8)).sum().backward()
        oldest = encoder.blocks[1].scales[1].conv.weight.grad[..., 0]
        assert bool(oldest.abs().max() > 0) is learns


def test_the_weights_of_the_pooling_come_with_the_output() -> None:
    net = CausalCNN(3, 2, width=8, heads=2).eval()
    x = torch.randn(4, 12, 3)
    output, weights = net.with_weights(x)
    assert torch.equal(output, net(x))
    assert weights.shape == (4, 2, 12)
    torch.testing.assert_close(weights.sum(-1), torch.ones(4, 2))
    assert net.steps(x).shape == (4, 12, 2)


def test_the_first_probabilities_are_nearly_equal() -> None:
    probabilities = CausalCNN(60, 3)(torch.randn(64, 32, 60)).softmax(-1)
    assert -(probabilities * probabilities.log()).sum(-1).mean() >= 0.99 * math.log(3)
