"""Diffusion of columns: noise is added in steps until nothing else is left, and a net learns to take it away."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor, nn

_OFFSET = 0.008
_LARGEST = 0.999
_WAVES = 32


def cosine_schedule(steps: int) -> Tensor:
    """Returns how much variance each step adds, (step,) float64 in (0, .999].

    Source: Nichol and Dhariwal, Improved denoising diffusion probabilistic models (2021), equation 17.
    """
    at = torch.arange(steps + 1, dtype=torch.float64) / steps
    left = torch.cos((at + _OFFSET) / (1.0 + _OFFSET) * math.pi / 2.0) ** 2
    return (1.0 - left[1:] / left[:-1]).clamp(max=_LARGEST)


@final
class ColumnNoise(nn.Module):
    """Says which noise is in rows of standard normal scores that had some added: ``x_t = √ᾱ_t·x + √(1 − ᾱ_t)·ε``.

    Were the rows jointly normal with covariance Σ, the best answer would be known,
    ``E[ε | x_t] = √(1 − ᾱ)·(ᾱΣ + (1 − ᾱ)I)⁻¹·x_t``. A perceptron adds what the rows of each class are besides. It sees
    and answers along the principal axes of Σ, in units of what is uncertain along each, so that columns that nearly
    repeat each other are no steep functions to learn.

    Args:
        covariance: (column, column) float64 of the scores.
        classes: number of classes.
        hidden: width of the perceptron's two layers.
        steps: of the diffusion.
    """

    axes: Tensor
    variance: Tensor
    beta: Tensor
    kept: Tensor
    waves: Tensor

    def __init__(self, covariance: Tensor, classes: int, hidden: int, steps: int) -> None:
        super().__init__()
        columns = len(covariance)
        variance, axes = torch.linalg.eigh(covariance)
        beta = cosine_schedule(steps)
        slow = torch.exp(-math.log(1e4) * torch.arange(_WAVES) / _WAVES)
        angles = torch.arange(steps)[:, None] * slow * (1000.0 / steps)
        self.register_buffer("axes", axes.float())
        self.register_buffer("variance", variance.clamp(min=0.0).float())
        self.register_buffer("beta", beta.float())
        self.register_buffer("kept", torch.cumprod(1.0 - beta, 0).float())
        self.register_buffer("waves", torch.cat([angles.sin(), angles.cos()], 1))
        self.enter = nn.Linear(columns, hidden)
        self.time = nn.Linear(2 * _WAVES, hidden)
        self.of_class = nn.Embedding(classes, hidden)
        self.middle = nn.Linear(hidden, hidden)
        self.leave = nn.Linear(hidden, columns)
        nn.init.zeros_(self.leave.weight)  # it begins as the answer for normal rows
        nn.init.zeros_(self.leave.bias)

    def forward(self, x: Tensor, step: Tensor, y: Tensor) -> Tensor:
        """Returns the noise (n, column) in rows (n, column) of classes (n,).

        Args:
            x: rows with noise.
            step: (n,) or (1,) the steps after which they are so, from 0.
            y: classes.
        """
        kept = self.kept[step][:, None]
        along = x @ self.axes
        spread = kept * self.variance + (1.0 - kept)
        normal = along * (1.0 - kept).sqrt() / spread
        hidden = self.enter(along / spread.sqrt()) + self.time(self.waves[step]) + self.of_class(y)
        hidden = nn.functional.silu(self.middle(nn.functional.silu(hidden)))
        rest = self.leave(hidden) * (kept * self.variance / spread).sqrt()
        answer: Tensor = (normal + rest) @ self.axes.T
        return answer

    def loss(self, rows: Tensor, y: Tensor, random: torch.Generator) -> Tensor:
        """Returns the mean squared error of the noise in rows (n, column), each after a random step."""
        step = torch.randint(len(self.beta), (len(rows),), generator=random)
        noise = torch.randn(rows.shape, generator=random)
        kept = self.kept[step][:, None]
        error: Tensor = self(kept.sqrt() * rows + (1.0 - kept).sqrt() * noise, step, y) - noise
        return error.square().mean()

    @torch.no_grad()
    def generate(self, y: Tensor, random: torch.Generator) -> Tensor:
        """Returns a row (n, column) of each class: pure noise, with the noise of one step taken away after another.

        What is drawn anew at each step has the variance that is right for normal rows along each principal axis,
        ``vβ / ((1 − β)·v + β)`` with ``v = ᾱ_{t−1}·λ + 1 − ᾱ_{t−1}``, between the two bounds of Ho et al. (2020).
        """
        x = torch.randn((len(y), len(self.variance)), generator=random)
        for k in range(len(self.beta) - 1, -1, -1):
            beta, kept = self.beta[k], self.kept[k]
            noise = self(x, torch.tensor([k]), y)
            mean = (x - beta / (1.0 - kept).sqrt() * noise) / (1.0 - beta).sqrt()
            before = self.kept[k - 1] if k else torch.ones(())
            spread = before * self.variance + (1.0 - before)
            deviation = (spread * beta / ((1.0 - beta) * spread + beta)).sqrt()
            x = mean + (torch.randn(x.shape, generator=random) * deviation) @ self.axes.T
        return x
