"""Attention over time: the formula, several heads of it, and pooling of a sequence into one vector."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from regimen.errors import DataError
from regimen.nets.shapes import require_divisible, require_probability, require_window


def attention_weights(query: Tensor, key: Tensor, *, causal: bool = False) -> Tensor:
    """softmax(Q Kᵀ / √d) over the keys.

    Args:
        query: (..., time, d).
        key: (..., memory, d).
        causal: a query of time t looks at the keys of times ≤ t only; the others get exactly 0.

    Returns:
        (..., time, memory), rows sum to 1. A NaN in a key reaches the rows that may look at it.

    Raises:
        DataError: causal, and not as many keys as queries.

    Source: Vaswani et al. 2017, arXiv 1706.03762, equation 1.
    """
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    return _softmax(scores, causal)


def _softmax(scores: Tensor, causal: bool) -> Tensor:
    if causal:
        time, memory = scores.shape[-2:]
        if time != memory:
            raise DataError("memory", f"must have as many steps as the query, {time}, to be causal", memory)
        later = torch.ones(time, time, dtype=torch.bool, device=scores.device).triu(1)
        scores = scores.masked_fill(later, -torch.inf)
    return scores.softmax(-1)


def _split(x: Tensor, heads: int) -> Tensor:
    """Returns (batch, head, time, width / heads), a view of (batch, time, width)."""
    return x.view(*x.shape[:2], heads, -1).transpose(1, 2)


@final
class MultiHeadAttention(nn.Module):
    """Several attentions side by side, each over its share of the width, then one linear map.

    The keys have no bias: it would add the same number to all scores of a row, which the softmax forgets, and would
    never learn.

    Args:
        width: of queries, memory and output.
        heads: number of attentions; it divides the width.
        dropout: probability of not looking at a step while training; the weights returned are those before it.
        causal: step t looks at steps ≤ t of the memory only.

    Raises:
        ConfigError: heads that do not divide the width, a dropout outside [0, 1).
    """

    def __init__(self, width: int, heads: int, *, dropout: float = 0.0, causal: bool = False) -> None:
        super().__init__()
        require_divisible(width, heads)
        require_probability(dropout=dropout)
        self.width, self.heads, self.dropout, self.causal = width, heads, dropout, causal
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width)
        self.output = nn.Linear(width, width)

    def forward(self, x: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Returns what the steps of ``x`` found in ``memory``, and where they looked.

        Args:
            x: (batch, time, width), the source of the queries.
            memory: (batch, memory, width), the source of keys and values; ``x`` itself for self-attention.

        Returns:
            (batch, time, width), and the weights (batch, head, time, memory), whose rows sum to 1.

        Raises:
            DataError: another shape; causal, and memory of another length than ``x``.
        """
        require_window(x, self.width)
        require_window(memory, self.width, "memory")
        query, key, value = (_split(part, self.heads) for part in (self.query(x), self.key(memory), self.value(memory)))
        weights = attention_weights(query, key, causal=self.causal)
        answer = functional.dropout(weights, self.dropout, self.training) @ value
        result: Tensor = self.output(answer.transpose(1, 2).flatten(2))
        return result, weights


@final
class AttentionPool(nn.Module):
    """One vector from a sequence: a mean over time with learned weights, softmax(w·x_t), for each head's share.

    Args:
        width: of the input and of the output.
        heads: number of means, each over its share of the width.

    Raises:
        ConfigError: heads that do not divide the width.
    """

    def __init__(self, width: int, heads: int = 1) -> None:
        super().__init__()
        require_divisible(width, heads)
        self.heads = heads
        self.score = nn.Linear(width, heads, bias=False)  # a bias would cancel in the softmax

    def weights(self, x: Tensor) -> Tensor:
        """Returns how much each step of ``x`` (batch, time, width) counts: (batch, head, time), rows sum to 1."""
        return self._scores(x).softmax(-1)

    def forward(self, x: Tensor) -> Tensor:
        """Returns the mean (batch, width) of ``x`` (batch, time, width)."""
        pooled = self.weights(x)[..., None, :] @ _split(x, self.heads)
        return pooled.flatten(1)

    def steps(self, x: Tensor) -> Tensor:
        """Returns, for each step, the mean of the steps up to it: (batch, time, width)."""
        scores = self._scores(x)[..., None, :].expand(-1, -1, x.shape[1], -1)
        pooled = _softmax(scores, causal=True) @ _split(x, self.heads)
        return pooled.transpose(1, 2).flatten(2)

    def _scores(self, x: Tensor) -> Tensor:
        scores: Tensor = self.score(x)
        return scores.transpose(1, 2)


@final
class Readout(nn.Module):
    """One vector from a sequence: its newest step, and what attention pooling finds in all steps: x_T + pool(x).

    A market forgets quickly: without the skip the newest step would be one of many until attention has learned where
    to look.

    Args:
        width: of the input and of the output.
        heads: of the pooling; they divide the width.

    Raises:
        ConfigError: heads that do not divide the width.
    """

    def __init__(self, width: int, heads: int = 1) -> None:
        super().__init__()
        self.pool = AttentionPool(width, heads)

    def weights(self, x: Tensor) -> Tensor:
        """Returns how much each step of ``x`` (batch, time, width) counts in the pooling: (batch, head, time)."""
        return self.pool.weights(x)

    def forward(self, x: Tensor) -> Tensor:
        """Returns (batch, width) of ``x`` (batch, time, width)."""
        pooled: Tensor = self.pool(x)
        return x[:, -1] + pooled

    def steps(self, x: Tensor) -> Tensor:
        """Returns, for each step, the readout of the steps up to it: (batch, time, width)."""
        return x + self.pool.steps(x)
