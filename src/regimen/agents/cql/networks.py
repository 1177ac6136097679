"""`ActionCritics`: several Q(s, one-hot a) with layer norms, of which one pass gives every action."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regimen.learning import Trace, flattened


@final
class ActionCritics(nn.Module):
    """A few critics of one shape, computed together: Linear, LayerNorm, ReLU, …, Linear.

    The input is the state and the one-hot action. The first layer is linear in it, so the state's part is computed
    once, and an action adds its column of weights; the layers after it are computed for every action. Parameters are
    views of one vector, those of all members in each.

    Args:
        members: number of networks.
        width: columns of a state.
        choices: number of actions.
        hidden: widths of the hidden layers.

    Attributes:
        flat: every parameter, (parameter,).
        slope: of the same shape: the gradient, which `gradients` fills and ``grad`` of the parameters looks at.
    """

    def __init__(self, members: int, width: int, choices: int, hidden: Sequence[int]) -> None:
        super().__init__()
        self._width, self._choices = width, choices
        self._layers = len(hidden)
        for place, (before, after) in enumerate(itertools.pairwise([width + choices, *hidden, 1])):
            weight, row = torch.empty(members, after, before), (members, 1, after)
            for member in weight:
                nn.init.orthogonal_(member, 1.0 if place == self._layers else math.sqrt(2.0))
            parts = {"weight": weight, "bias": torch.zeros(row)}
            if place < self._layers:
                parts |= {"gain": torch.ones(row), "shift": torch.zeros(row)}
            for name, part in parts.items():
                self.register_parameter(f"{name}_{place}", nn.Parameter(part))
        self.flat, self.slope = flattened(self)

    def forward(self, x: Tensor, trace: Trace | None = None) -> Tensor:
        """Returns Q (member, action, batch) of states (width, batch), the same for every member.

        Args:
            x: the states.
            trace: an empty list, filled with what the backward pass needs: the output with its graph.
        """
        with torch.set_grad_enabled(trace is not None):
            weights = dict(self.named_parameters())
            first = weights["weight_0"]
            members, batch = len(first), x.shape[1]
            state = torch.baddbmm(
                weights["bias_0"], x.T.expand(members, -1, -1), first[..., : self._width].transpose(1, 2)
            )
            column = first[..., self._width :].transpose(1, 2)  # (member, action, hidden)
            h = (state[:, None] + column[:, :, None]).flatten(1, 2)  # (member, action · batch, hidden)
            for place in range(self._layers):
                h = F.layer_norm(h, h.shape[-1:])
                h = torch.addcmul(weights[f"shift_{place}"], h, weights[f"gain_{place}"]).relu_()
                after = weights[f"weight_{place + 1}"]
                h = torch.baddbmm(weights[f"bias_{place + 1}"], h, after.transpose(1, 2))
            q = h.view(members, self._choices, batch)
        if trace is not None:
            trace.append(q)
        return q.detach()

    def gradients(self, trace: Trace, slope: Tensor) -> None:
        """Fills `slope` with d loss/d parameters, given d loss/d Q (member, action, batch)."""
        self.slope.zero_()
        trace[0].backward(slope)  # type: ignore[no-untyped-call]
