"""How badly a forecast explains what came: losses that a mean, or a mean with its variance, minimises in truth."""

from __future__ import annotations

import torch
from torch import Tensor

from regimen.ops.checks import require_alike, require_fraction

__all__ = ["gaussian_nll", "pinball", "poisson_deviance"]


def gaussian_nll(mean: Tensor, log_variance: Tensor, y: Tensor, beta: float = 0.0) -> Tensor:
    """Returns ``½·exp(−s)·(y − μ)² + ½·s`` of every entry: −log N(y; μ, exp(s)) without its constant ½·log 2π.

    Its minimum over s is at ``s = log (y − μ)²``: a variance that is too small costs as one that is too large does.
    Where the variance is large the gradient of μ is small (it carries exp(−s)), so a network can call noise what it
    has not learned yet, and stall. ``beta`` weighs every entry by ``exp(β·s)`` held fixed: at 1 the gradient of μ is
    that of a squared error, at 0.5 lies between. The gradient of s keeps its zero, the true variance, for every β;
    the value is then no likelihood, so compare only with β = 0.

    Args:
        mean: ``μ``, any shape, in the unit of ``y``.
        log_variance: ``s = log σ²``, of the same shape.
        y: what came, of the same shape; held fixed.
        beta: 0 is the likelihood; 0.5 is what the source recommends where training stalls.

    Returns:
        A loss per entry, of the same shape, in nats for β = 0; NaN where an entry has one.

    Raises:
        DataError: where shapes differ.
        ConfigError: where ``beta`` lies outside [0, 1].

    Source: Kendall & Gal 2017, arXiv 1703.04977, equation 8; β: Seitzer et al. 2022, arXiv 2203.09168, equation 5.
    """
    require_alike(mean=mean, log_variance=log_variance, y=y)
    require_fraction(beta=beta)
    loss = 0.5 * ((y.detach() - mean).square() * (-log_variance).exp() + log_variance)
    return loss if beta == 0.0 else loss * (beta * log_variance.detach()).exp()


def poisson_deviance(mean: Tensor, y: Tensor) -> Tensor:
    """Returns ``2·(y·log(y/m) − y + m)`` of every entry: a loss of a non-negative number whose minimum is its mean.

    0 where ``m = y``, and ``2m`` where ``y = 0``. As of the squared error its expectation is smallest at the expected
    ``y``, whatever the distribution; but it allows a large number a large error (a variance in proportion to the
    mean), so that a few extreme bars do not rule: its gradient grows with ``y/m``, not with ``y``.

    Args:
        mean: ``m``, any shape, positive; carries the gradient.
        y: what came, of the same shape, not negative; held fixed.

    Returns:
        A loss per entry, not negative up to rounding; NaN where an entry has one.

    Raises:
        DataError: where shapes differ.

    Source: McCullagh & Nelder 1989, Generalized Linear Models, section 2.3; that its minimum is the mean: Savage 1971.
    """
    require_alike(mean=mean, y=y)
    y = y.detach()
    mean = mean.clamp_min(torch.finfo(mean.dtype).tiny)
    # the two logarithms apart: that of y / mean would make the gradient 0 / 0 where y is 0
    return 2.0 * (torch.xlogy(y, y) - y * mean.log() - y + mean)


def pinball(quantiles: Tensor, y: Tensor, levels: Tensor) -> Tensor:
    """Returns ``max(τ·(y − q), (τ − 1)·(y − q))`` of every entry: its expected value is smallest at the τ-quantile.

    Args:
        quantiles: (..., quantile), in the unit of ``y``.
        y: what came, (..., 1) or one for each quantile; held fixed.
        levels: (quantile,) τ, inside (0, 1).

    Returns:
        A loss per entry, of the shape of ``quantiles``; NaN where an entry has one.

    Raises:
        DataError: where the levels are not one for each quantile.

    Source: Koenker & Bassett 1978; Lim et al. 2019, arXiv 1912.09363, equation 25.
    """
    require_alike(levels=levels, quantile=quantiles.reshape(-1, quantiles.shape[-1])[:1].reshape(-1))
    missed = y.detach() - quantiles
    return torch.maximum(levels * missed, (levels - 1.0) * missed)
