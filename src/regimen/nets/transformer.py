"""The block of a decoder-only transformer, in the form and with the parameters of GPT-2."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from regimen.errors import DataError
from regimen.nets.shapes import require_divisible, require_positive, require_probability, require_window


@final
class CausalSelfAttention(nn.Module):
    """Self-attention of steps ≤ t, its weights never written out (`torch.nn.functional.scaled_dot_product_attention`).

    Four linear maps with biases, as GPT-2 has them. `MultiHeadAttention` is the one whose weights can be read.

    Args:
        width: of the steps.
        heads: they divide the width.
        dropout: probability of not looking at a step while training.

    Raises:
        ConfigError: heads that do not divide the width, a dropout outside [0, 1).
    """

    def __init__(self, width: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        require_divisible(width, heads)
        require_probability(dropout=dropout)
        self.heads, self.dropout = heads, dropout
        self.query, self.key, self.value, self.output = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Returns (batch, time, width).

        Args:
            x: (batch, time, width).
            mask: (batch, time) bool, the steps that are there; the others are looked at by themselves only, and what
                comes out of them means nothing. None: all are.
        """
        batch, time, width = x.shape
        parts = (
            part(x).view(batch, time, self.heads, -1).transpose(1, 2) for part in (self.query, self.key, self.value)
        )
        query, key, value = parts
        dropout = self.dropout if self.training else 0.0
        allowed = None
        if mask is not None:
            if mask.shape != (batch, time) or mask.dtype != torch.bool:
                raise DataError("mask", f"must be boolean of the shape {(batch, time)}", tuple(mask.shape))
            earlier = torch.ones(time, time, dtype=torch.bool, device=x.device).tril()
            itself = torch.eye(time, dtype=torch.bool, device=x.device)
            allowed = ((earlier & mask[:, None, :]) | itself)[:, None]
        answer = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=allowed, dropout_p=dropout, is_causal=allowed is None
        )
        result: Tensor = self.output(answer.transpose(1, 2).reshape(batch, time, width))
        return result


@final
class TransformerBlock(nn.Module):
    """x ← x + attention(norm(x)), x ← x + W₂ gelu(W₁ norm(x)): norms before, the tanh form of gelu, as in GPT-2.

    Causal: ∂y_t/∂x_{t+k} is exactly 0 for k > 0.

    Args:
        width: of the steps.
        heads: they divide the width.
        hidden: width between W₁ and W₂.
        dropout: probability of zeroing what attention or W₂ adds, and of not looking at a step, while training.

    Raises:
        ConfigError: sizes that do not fit together, a dropout outside [0, 1).

    Source: Radford et al. 2019, "Language models are unsupervised multitask learners", section 2.3.
    """

    def __init__(self, width: int, heads: int, hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        require_positive(hidden=hidden)
        self.width = width
        self.attention_norm = nn.LayerNorm(width)
        self.attention = CausalSelfAttention(width, heads, dropout)
        self.feed_norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, hidden)
        self.narrow = nn.Linear(hidden, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Returns (batch, time, width) of steps (batch, time, width); for ``mask`` see `CausalSelfAttention`.

        Raises:
            DataError: another shape.
        """
        require_window(x, self.width)
        x = x + self.dropout(self.attention(self.attention_norm(x), mask))
        inner = functional.gelu(self.widen(self.feed_norm(x)), approximate="tanh")
        result: Tensor = x + self.dropout(self.narrow(inner))
        return result
