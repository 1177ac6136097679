"""A certificate for a classifier that is asked about many noisy copies of a row: how far none can lead it astray."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regimen.errors import ConfigError, DataError

ABSTAINED = -1
"""The class of a row that the smoothed classifier says nothing of."""

_TOGETHER = 65_536


class Certificate(NamedTuple):
    """What holds of the smoothed classifier at each row.

    Attributes:
        y: (n,) int64 class; −1 where it abstains.
        radius: (n,) float64: for every move whose Euclidean length is below it the class stays the same, with
            probability ``1 − alpha`` for each row. 0 where it abstains.
    """

    y: NDArray[np.int64]
    radius: NDArray[np.float64]


def certified_radius(agreed: NDArray[np.integer], samples: int, sigma: float, alpha: float) -> NDArray[np.float64]:
    """Returns ``σ Φ⁻¹(p)``, where p is the lower Clopper–Pearson bound of a share; 0 where p is at most one half.

    Args:
        agreed: (n,) of so many samples, how many had the class.
        samples: drawn for nothing but this bound.
        sigma: σ of the noise.
        alpha: probability that the bound is above the true share.

    Raises:
        ConfigError: no samples, a σ that is not positive, an alpha outside (0, 1).
        DataError: more agreed than there are samples, or fewer than none.

    Source: Cohen et al. 2019, arXiv 1902.02918, theorem 1 and section 3.2.
    """
    from scipy.stats import beta, norm

    if samples < 1:
        raise ConfigError("samples", "must be at least 1", samples)
    if not sigma > 0.0:
        raise ConfigError("sigma", "must be positive", sigma)
    if not 0.0 < alpha < 1.0:
        raise ConfigError("alpha", "must be between 0 and 1", alpha)
    counts = np.asarray(agreed, dtype=np.int64)
    if (counts < 0).any() or (counts > samples).any():
        raise DataError("agreed", f"must be 0 to {samples}", [int(counts.min()), int(counts.max())])
    lower = np.where(counts > 0, beta.ppf(alpha, np.maximum(counts, 1), samples - np.maximum(counts, 1) + 1), 0.0)
    return np.where(lower > 0.5, sigma * norm.ppf(np.clip(lower, 0.5, None)), 0.0)


@torch.no_grad()
def certify(
    classify: Callable[[Tensor], Tensor],
    x: Tensor,
    sigma: float,
    *,
    classes: int,
    selection: int = 100,
    estimation: int = 1000,
    alpha: float = 0.001,
    random: torch.Generator,
) -> Certificate:
    """Returns the class that a classifier most often gives to ``x + N(0, σ²)``, and how far that cannot change.

    The class is chosen on ``selection`` copies of a row, and the bound is of ``estimation`` fresh ones: the same ones
    would flatter it. It is a certificate of the smoothed classifier, not of the one that is smoothed.

    Args:
        classify: rows to their class (n,), one row's apart from the others'.
        x: rows (n, features), or windows (n, window, features); the length of a move is over all of them.
        sigma: σ, in units of x.
        classes: that there are.
        selection, estimation: copies of each row.
        alpha: probability for each row that the radius is larger than it may be.
        random: on the device of x.

    Raises:
        ConfigError: a σ, an alpha or a number of copies that is none.
    """
    if selection < 1:
        raise ConfigError("selection", "must be at least 1", selection)
    chosen = _counts(classify, x, sigma, classes, selection, random).argmax(1)
    counts = _counts(classify, x, sigma, classes, estimation, random)
    radius = certified_radius(counts[np.arange(len(x)), chosen], estimation, sigma, alpha)
    return Certificate(np.where(radius > 0.0, chosen, ABSTAINED), radius)


def _counts(
    classify: Callable[[Tensor], Tensor], x: Tensor, sigma: float, classes: int, samples: int, random: torch.Generator
) -> NDArray[np.int64]:
    """Returns how often each class was given (n, class), over so many noisy copies of every row."""
    counts = torch.zeros((len(x), classes), dtype=torch.int64, device=x.device)
    ones = torch.ones((), dtype=torch.int64, device=x.device)
    step = max(1, _TOGETHER // max(1, len(x)))
    for start in range(0, samples, step):
        copies = min(step, samples - start)
        rows = x.expand(copies, *x.shape)
        noise = torch.randn(rows.shape, generator=random, dtype=x.dtype, device=x.device)
        given = classify((rows + sigma * noise).flatten(0, 1)).reshape(copies, len(x))
        counts.scatter_add_(1, given.T, ones.expand(len(x), copies))
    return counts.cpu().numpy()
