"""Diagonal Gaussians, plain and squashed into (−1, 1) by a tanh: samples, log-densities, modes and entropies.

``mean`` and ``log_std`` are (..., action), of one shape: where the spread does not depend on the observation,
expand it. Log-densities and entropies are sums over the last axis, (...), in nats. A NaN stays in its row.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from regimen.errors import DataError
from regimen.ops.checks import require_alike

__all__ = [
    "SquashedSample",
    "gaussian_entropy",
    "gaussian_log_prob",
    "squashed_entropy",
    "squashed_log_prob",
    "squashed_mode",
    "squashed_sample",
    "unsquash",
]

_HALF_LOG_TAU = 0.5 * math.log(2.0 * math.pi)


class SquashedSample(NamedTuple):
    """What `squashed_sample` returns.

    Attributes:
        action: (..., action), in [−1, 1]; the ends by rounding only.
        log_prob: (...), the log-density of ``action``.
        raw: (..., action), what the tanh was taken of. Keep it where the log-density is needed again later.
    """

    action: Tensor
    log_prob: Tensor
    raw: Tensor


def gaussian_log_prob(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    """Returns the log-density of ``action`` (..., action) under N(mean, exp(log_std)²), (...).

    Raises:
        DataError: where shapes differ or there is no action axis.
    """
    _require_actions(mean=mean, log_std=log_std, action=action)
    score = (action - mean) * torch.exp(-log_std)
    return (-0.5 * score.square() - log_std - _HALF_LOG_TAU).sum(-1)


def gaussian_entropy(log_std: Tensor) -> Tensor:
    """Returns the entropy ``Σ(log σ + ½·log 2πe)``, (...), of a diagonal Gaussian.

    Raises:
        DataError: where there is no action axis.
    """
    _require_actions(log_std=log_std)
    return (log_std + (0.5 + _HALF_LOG_TAU)).sum(-1)


def squashed_sample(mean: Tensor, log_std: Tensor, noise: Tensor) -> SquashedSample:
    """Draws ``tanh(mean + exp(log_std)·noise)`` with its log-density; the gradient runs through both.

    Args:
        mean: (..., action).
        log_std: (..., action).
        noise: (..., action), standard normal; from the caller's generator, so that the draw is seeded.

    Raises:
        DataError: where shapes differ or there is no action axis.

    Source: Haarnoja et al. 2018, arXiv 1812.05905, appendix C.
    """
    _require_actions(mean=mean, log_std=log_std, noise=noise)
    raw = mean + log_std.exp() * noise
    density = (-0.5 * noise.square() - log_std - _HALF_LOG_TAU - _log_slope(raw)).sum(-1)
    return SquashedSample(torch.tanh(raw), density, raw)


def squashed_log_prob(mean: Tensor, log_std: Tensor, raw: Tensor) -> Tensor:
    """Returns the log-density of the action ``tanh(raw)``, (...).

    ``log N(raw; mean, σ²) − Σ log(1 − tanh²(raw))``, the last as ``2(log 2 − raw − softplus(−2·raw))``, which keeps
    every digit where ``1 − tanh²`` is 0. Of an action without its ``raw``, take `unsquash` first.

    Raises:
        DataError: where shapes differ or there is no action axis.

    Source: Haarnoja et al. 2018, arXiv 1812.05905, equation 26.
    """
    return gaussian_log_prob(mean, log_std, raw) - _log_slope(raw).sum(-1)


def unsquash(action: Tensor) -> Tensor:
    """Returns ``atanh(action)``, the raw action, of the same shape.

    Actions within one rounding step (the type's epsilon) of ±1 are taken at that distance: there the raw action is
    lost, and its density with it. Beyond ±1 the result is NaN.
    """
    limit = 1.0 - torch.finfo(action.dtype).eps
    inside = torch.where(action.abs() <= 1.0, action.clamp(-limit, limit), action)
    return torch.atanh(inside)


def squashed_mode(mean: Tensor) -> Tensor:
    """Returns ``tanh(mean)``, the deterministic action: the median, not the density's peak.

    The density of a wide squashed Gaussian has its peaks near ±1; the median is what a sample scatters around.
    """
    return torch.tanh(mean)


def squashed_entropy(mean: Tensor, log_std: Tensor, nodes: int = 32) -> Tensor:
    """Returns the entropy of a squashed Gaussian, (...): ``Σ(H[N] + E log(1 − tanh²(u)))``, in nats.

    The expectation is a Gauss–Hermite sum over each dimension: no noise, with a gradient. With 32 nodes the error
    is below 1e-6 for σ ≤ 1, 1e-3 for σ ≤ 2 and 0.1 for σ ≤ 7.4 = e². A dimension's entropy cannot exceed log 2.
    The estimate by sampling is minus the mean of the samples' ``log_prob``.

    Args:
        mean: (..., action).
        log_std: (..., action).
        nodes: number of terms; the cost is that many tanh per action.

    Raises:
        DataError: where shapes differ or there is no action axis.
    """
    _require_actions(mean=mean, log_std=log_std)
    points, weights = np.polynomial.hermite_e.hermegauss(nodes)
    at = torch.as_tensor(points, dtype=mean.dtype, device=mean.device)
    weight = torch.as_tensor(weights / math.sqrt(2.0 * math.pi), dtype=mean.dtype, device=mean.device)
    raw = mean[..., None] + log_std.exp()[..., None] * at  # (..., action, node)
    return gaussian_entropy(log_std) + (_log_slope(raw) * weight).sum((-1, -2))


def _log_slope(raw: Tensor) -> Tensor:
    """Returns ``log(1 − tanh²(raw))`` without cancellation."""
    return 2.0 * (math.log(2.0) - raw - F.softplus(-2.0 * raw))


def _require_actions(**arrays: Tensor) -> None:
    require_alike(**arrays)
    name, array = next(iter(arrays.items()))
    if array.ndim == 0:
        raise DataError(name, "must have an action axis", ())
