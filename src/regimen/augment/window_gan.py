"""Networks that make windows in a latent space, and the three losses by which they learn to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

import torch
from torch import Tensor, nn
from torch.func import functional_call

_SUPERVISED, _MOMENTS, _RECONSTRUCTED = 10.0, 30.0, 10.0
"""Weights in the joint loss beside the adversarial term."""


class _Recurrent(nn.Module):
    """A GRU over time and a linear map of each of its states."""

    def __init__(self, inputs: int, hidden: int, outputs: int, *, both: bool = False) -> None:
        super().__init__()
        self.gru = nn.GRU(inputs, hidden // 2 if both else hidden, batch_first=True, bidirectional=both)
        self.head = nn.Linear(self.gru.hidden_size * (2 if both else 1), outputs)

    def forward(self, rows: Tensor) -> Tensor:
        """Maps (n, window, inputs) to (n, window, outputs)."""
        states, _ = self.gru(rows)
        out: Tensor = self.head(states)
        return out


@final
class WindowGAN(nn.Module):
    """TimeGAN's five networks: embedder, recovery, supervisor, generator and discriminator.

    The latent space is (0, 1)^hidden. All but the discriminator, which reads a window in both directions, and the
    recovery, which sees one row, are causal.

    Args:
        columns: of a row, those that are one number a window included.
        classes: number of classes, which generator and discriminator are told.
        hidden: width of the latent space and of the recurrent layers; even.
        known: what windows must have on average; see `statistics`.
        lags: of the autocovariances among them.
    """

    known: Tensor

    def __init__(self, columns: int, classes: int, hidden: int, known: Tensor, lags: int) -> None:
        super().__init__()
        self.register_buffer("known", known)
        self.classes, self.hidden, self.lags = classes, hidden, lags
        self.embedder = _Recurrent(columns, hidden, hidden)
        self.recovery = nn.Sequential(nn.Linear(hidden, 2 * hidden), nn.SiLU(), nn.Linear(2 * hidden, columns))
        self.supervisor = _Recurrent(hidden, hidden, hidden)
        self.generator = _Recurrent(hidden + classes, hidden, hidden)
        self.discriminator = _Recurrent(hidden + classes, hidden, 1, both=True)

    def embedding(self) -> Iterator[nn.Parameter]:
        """Yields what moves in the first phase."""
        yield from self.embedder.parameters()
        yield from self.recovery.parameters()

    def embed(self, x: Tensor) -> Tensor:
        """Maps windows (n, window, column) to the latent space (n, window, hidden)."""
        return torch.sigmoid(self.embedder(x))

    def reconstruction(self, x: Tensor) -> Tensor:
        """Returns the mean squared error of windows (n, window, column) after the latent space."""
        error: Tensor = (self.recovery(self.embed(x)) - x).square().mean()
        return error

    def supervised(self, latent: Tensor) -> Tensor:
        """Returns the mean squared error of each latent row (n, window, hidden) by those before it."""
        return (torch.sigmoid(self.supervisor(latent[:, :-1])) - latent[:, 1:]).square().mean()

    def joint(self, x: Tensor, y: Tensor, random: torch.Generator) -> Tensor:
        """Returns the sum of what each network minimises in the third phase, each by its own parameters alone.

        The generator's part passes through the discriminator and the recovery without moving them, and the
        discriminator's ends at the latent rows, so that one descent of the sum is the game of both.

        Args:
            x, y: windows (n, window, column) and classes (n,).
            random: of the noise.
        """
        latent = self.embed(x)
        embedded = _RECONSTRUCTED * (self.recovery(latent) - x).square().mean() + 0.1 * self.supervised(latent)
        drawn = self.latent(y, x.shape[1], random)
        rows = functional_call(self.recovery, _still(self.recovery), (drawn,))
        judged = functional_call(self.discriminator, _still(self.discriminator), (self._with_class(drawn, y),))
        generated = (
            _as(judged, 1.0) + _SUPERVISED * self.supervised(latent.detach()) + _MOMENTS * self._moments(rows, y)
        )
        real, false = (self.discriminator(self._with_class(each.detach(), y)) for each in (latent, drawn))
        total: Tensor = embedded + generated + _as(real, 1.0) + _as(false, 0.0)
        return total

    def latent(self, y: Tensor, window: int, random: torch.Generator) -> Tensor:
        """Returns latent windows (n, window, hidden) of classes (n,): what is generated, and what that lets expect.

        The source passes what is generated through the supervisor alone. Where the next row cannot be expected from
        those before, as for returns, a supervisor says the mean, and nothing that is generated would be left of it.
        """
        noise = torch.randn((len(y), window, self.hidden), generator=random)
        raw = self.generator(self._with_class(noise, y))
        return torch.sigmoid(raw + self.supervisor(torch.sigmoid(raw)))

    @torch.no_grad()
    def generate(self, y: Tensor, window: int, random: torch.Generator) -> Tensor:
        """Returns windows (n, window, column) of classes (n,)."""
        rows: Tensor = self.recovery(self.latent(y, window, random))
        return rows

    def _with_class(self, rows: Tensor, y: Tensor) -> Tensor:
        one = nn.functional.one_hot(y, self.classes).to(rows.dtype)
        return torch.cat([rows, one[:, None].expand(-1, rows.shape[1], -1)], dim=2)

    def _moments(self, rows: Tensor, y: Tensor) -> Tensor:
        """Returns an unbiased estimate of the squared distance from what is known: two halves, one times the other."""
        half = len(rows) // 2
        first, second = (
            statistics(rows[part], y[part], self.classes, self.lags) - self.known
            for part in (slice(0, half), slice(half, 2 * half))
        )
        return (first * second).sum()


def statistics(rows: Tensor, y: Tensor, classes: int, lags: int) -> Tensor:
    """Returns what windows (n, window, column) of classes (n,) have on average, (s,).

    That is: the mean of each column at each moment over the windows of each class, times the class's share; the
    covariances of the columns; and the autocovariances of each column and of its square. Columns are scores, whose mean
    is near 0 and whose variance is near 1. The parts are divided by the root of their number, so that a squared
    distance does not grow with the width or the length of a window.
    """
    window, columns = rows.shape[1:]
    one = nn.functional.one_hot(y, classes).to(rows.dtype)
    means = torch.einsum("nc,nwf->cwf", one, rows).reshape(-1) / (len(rows) * (window * columns) ** 0.5)
    flat = rows.reshape(-1, columns)
    parts = [means, (flat.T @ flat / len(flat)).reshape(-1) / columns]
    for each in (rows, rows.square() - 1.0):
        for lag in range(1, lags + 1):
            parts.append((each[:, lag:] * each[:, : window - lag]).mean((0, 1)) / columns**0.5)
    return torch.cat(parts)


def _still(module: nn.Module) -> dict[str, Tensor]:
    """Returns parameters of a module that do not move."""
    return {name: parameter.detach() for name, parameter in module.named_parameters()}


def _as(logits: Tensor, truth: float) -> Tensor:
    return nn.functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, truth))
