"""Orthogonal starting weights: every gate of an LSTM for itself, and small output layers."""

from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def begin_lstm(lstm: nn.LSTM) -> None:
    """Makes the weights of every gate orthogonal, one by one, and opens the forget gates.

    The four gates lie in one matrix; orthogonal as a whole, its gates would not be. Source: Saxe et al. 2014, arXiv
    1312.6120; a forget bias of 1: Gers et al. 2000, Jozefowicz et al. 2015.
    """
    for name, parameter in lstm.named_parameters():
        if name.startswith("weight"):
            for gate in parameter.chunk(4):
                nn.init.orthogonal_(gate)
        else:
            parameter.zero_()
            if name.startswith("bias_ih"):
                parameter.chunk(4)[1].fill_(1.0)  # torch's order: input, forget, cell, output


def output_layer(inputs: int, outputs: int) -> nn.Linear:
    """Returns a linear layer with orthogonal weights of gain 0.01 and no bias at first.

    The first probabilities are nearly equal, the first mean and the first log-variance nearly 0: training starts from
    no opinion. Source: as in `MLP`, arXiv 1312.6120 and 2006.05990.
    """
    layer = nn.Linear(inputs, outputs)
    nn.init.orthogonal_(layer.weight, gain=0.01)
    nn.init.zeros_(layer.bias)
    return layer
