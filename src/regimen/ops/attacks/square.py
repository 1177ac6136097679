"""An attack that needs no gradient: random blocks of a row are moved, and stay where the loss rose."""

from __future__ import annotations

import torch
from torch import Tensor

from regimen.errors import ConfigError
from regimen.ops.attacks.ball import Losses, moved, over, per_feature, require_losses

_HALVINGS = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
"""Shares of the queries after which blocks are half as large."""


def square(
    losses: Losses,
    x: Tensor,
    epsilon: float | Tensor,
    *,
    queries: int = 500,
    share: float = 0.8,
    random: torch.Generator,
) -> Tensor:
    """Returns rows nearby, ``|x' − x| ≤ ε``, at which the loss is high, by random search.

    Each feature begins at ``+ε`` or ``−ε``, the same all through a window. A query draws a block of each row, a span of
    its window and some of its features, and puts each of these features there at ``+ε`` or ``−ε``; a row keeps what
    raised its loss. A block is at first a ``share`` of the row and shrinks as queries go by. Features have no order, so
    that unlike pixels they are drawn, and need not be neighbours.

    Args:
        losses: of each row; gradients are not asked for.
        x: rows (n, features), or windows (n, window, features).
        epsilon: in units of x, one number or one for each feature.
        queries: times that each row is asked about.
        share: of a row that the first blocks are.
        random: on the device of x.

    Raises:
        ConfigError, DataError: no query, a share outside (0, 1], an ε that is no distance, shapes that do not fit.

    Source: Andriushchenko et al. 2020, arXiv 1912.00049, algorithms 1 and 2.
    """
    if queries < 1:
        raise ConfigError("queries", "must be at least 1", queries)
    if not 0.0 < share <= 1.0:
        raise ConfigError("share", "must be above 0 and at most 1", share)
    x, radius = x.detach(), per_feature(epsilon, x)
    features = x.shape[-1]
    wide = x if x.ndim > 2 else x[:, None]  # (n, window, features)
    length = wide.shape[1]
    u = _signs((len(x), 1, features), x, random).expand(wide.shape)
    with torch.no_grad():
        highest = losses(moved(x, u.reshape(x.shape), radius))
        require_losses(highest, x)
        for query in range(1, queries):
            part = share / 2.0 ** sum(query > point * queries for point in _HALVINGS)
            rows, columns = _block(part, length, features)
            start = torch.randint(length - rows + 1, (len(x), 1), generator=random, device=x.device)
            times = torch.arange(length, device=x.device)[None]
            inside = (times >= start) & (times < start + rows)  # (n, window)
            order = torch.rand((len(x), features), generator=random, device=x.device).argsort(1)
            chosen = torch.zeros((len(x), features), dtype=torch.bool, device=x.device)
            chosen.scatter_(1, order[:, :columns], True)
            signs = _signs((len(x), 1, features), x, random)
            tried = torch.where(inside[:, :, None] & chosen[:, None, :], signs, u)
            values = losses(moved(x, tried.reshape(x.shape), radius))
            better = values > highest
            u, highest = torch.where(over(better, tried), tried, u), torch.where(better, values, highest)
    return moved(x, u.reshape(x.shape), radius)


def _block(share: float, length: int, features: int) -> tuple[int, int]:
    """Returns how many rows of the window and how many features a block of this share of a row has."""
    side = share if length == 1 else share**0.5
    return max(1, round(side * length)) if length > 1 else 1, max(1, round(side * features))


def _signs(shape: tuple[int, ...], x: Tensor, random: torch.Generator) -> Tensor:
    return torch.randint(2, shape, generator=random, device=x.device).to(x.dtype) * 2.0 - 1.0
