"""Evolution strategies: how fit a population is, and which way its parent should go."""

from __future__ import annotations

import torch
from torch import Tensor

from regimen.ops.checks import require_alike, require_positive

__all__ = ["centred_ranks", "evolution_gradient"]


def centred_ranks(fitness: Tensor) -> Tensor:
    """Returns each member's place among the others, from −½ for the worst to ½ for the best; equals share a place.

    What is left is the order: one lucky member weighs no more than its place, and no unit of reward matters.

    Args:
        fitness: (member,), of two or more.

    Source: Salimans et al. 2017, arXiv 1703.03864, section 2.1; there equals are put in some order, which would be a
    direction to go where there is none.
    """
    _, place, count = torch.unique(fitness, return_inverse=True, return_counts=True)
    middle = count.cumsum(0) - 0.5 * (count + 1)
    ranks: Tensor = (middle[place] / (len(fitness) - 1) - 0.5).to(fitness.dtype)
    return ranks


def evolution_gradient(plus: Tensor, minus: Tensor, noise: Tensor, sigma: float) -> Tensor:
    """Returns an estimate of ∇E[F(θ + σε)], (parameter,): Σ (F(θ + σεᵢ) − F(θ − σεᵢ))·εᵢ / 2nσ.

    Of a quadratic F its mean is the gradient at θ itself; the even part of F falls out of every pair.

    Args:
        plus: (pair,) F at θ + σε.
        minus: (pair,) F at θ − σε.
        noise: (pair, parameter) ε, standard normal.
        sigma: σ.

    Raises:
        DataError: where the two differ in shape.
        ConfigError: where σ is not positive.

    Source: Salimans et al. 2017, arXiv 1703.03864, algorithm 1, with mirrored pairs (Brockhoff et al. 2010).
    """
    require_alike(plus=plus, minus=minus)
    require_positive(sigma=sigma)
    gradient: Tensor = (plus - minus) @ noise / (2.0 * len(noise) * sigma)
    return gradient
