"""How good forecast probabilities are: proper scores, their skill over the class prior, and calibration.

A class that was not seen has no probability: rows with a NaN, or with a negative class (not known), are refused, so
that two models are never scored on different rows without a word.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Classes = NDArray[np.integer]
Binning = Literal["mass", "width"]

PROBABILITY_FLOOR = 1e-9
"""A probability counts as at least this: the loss of what was called impossible is 20.7 nats, and not infinite."""
BINS = 10
_Z = 1.959964
"""Normal quantile of a 95 % interval."""


class Reliability(NamedTuple):
    """How often something came, by the probability that it was given; one number a bin (bin,), empty bins left out.

    Attributes:
        given: mean probability of the bin's rows.
        share: how often it came.
        low, high: Wilson's 95 % interval of the share. It takes rows as independent, and is too narrow where labels
            overlap.
        rows: behind it.
    """

    given: Floats
    share: Floats
    low: Floats
    high: Floats
    rows: NDArray[np.int64]


def class_prior(y: Classes, classes: int = 3) -> Floats:
    """Returns the share (class,) of each class among labels (n,): what is known without looking at any feature.

    Raises:
        ValueError: no row, or a class that is none.
    """
    y = np.asarray(y)
    if y.ndim != 1 or not len(y) or y.min() < 0 or y.max() >= classes:
        raise ValueError(f"y must hold classes from 0 to {classes - 1}, at least one")
    return np.bincount(y, minlength=classes) / len(y)


def log_losses(probabilities: Floats, y: Classes) -> Floats:
    """Returns ``−ln p(y)`` of each row (n,), in nats; p is at least `PROBABILITY_FLOOR`.

    Args:
        probabilities: (n, class).
        y: (n,) the class that came.

    Raises:
        ValueError: shapes that do not fit, a NaN, or a class that is none.
    """
    probabilities, y = _checked(probabilities, y)
    return -np.log(np.maximum(probabilities[np.arange(len(y)), y], PROBABILITY_FLOOR))


def log_loss(probabilities: Floats, y: Classes, weights: Floats | None = None) -> float:
    """Returns the mean of `log_losses`, with weights (n,) or without."""
    return float(np.average(log_losses(probabilities, y), weights=weights))


def log_loss_skill(probabilities: Floats, y: Classes, prior: Floats) -> float:
    """Returns the log loss of always saying the prior less that of the forecasts, in nats: above 0 is better.

    Args:
        probabilities, y: see `log_losses`.
        prior: (class,) of the training rows; see `class_prior`.
    """
    return log_loss(np.broadcast_to(prior, np.shape(probabilities)), y) - log_loss(probabilities, y)


def brier_score(probabilities: Floats, y: Classes, weights: Floats | None = None) -> float:
    """Returns the mean over rows of ``Σ_k (p_k − 1[y = k])²``: 0 is perfect, 2 the worst; Brier (1950), eq. 2."""
    probabilities, y = _checked(probabilities, y)
    missed = probabilities.copy()
    missed[np.arange(len(y)), y] -= 1.0
    return float(np.average((missed**2).sum(axis=1), weights=weights))


def brier_skill(probabilities: Floats, y: Classes, prior: Floats) -> float:
    """Returns ``1 − score / score of always saying the prior``: 1 is perfect, 0 as good as the prior."""
    return 1.0 - brier_score(probabilities, y) / brier_score(np.broadcast_to(prior, np.shape(probabilities)), y)


def reliability(given: Floats, came: NDArray[np.bool_], bins: int = BINS, binning: Binning = "mass") -> Reliability:
    """Returns how often something came, in bins of the probability that it was given.

    Args:
        given: (n,) probabilities.
        came: (n,) whether it came.
        bins: at most so many; fewer where there are fewer rows.
        binning: ``mass``, bins of equal count; or ``width``, equal stretches (a, b] of the probability.

    Raises:
        ValueError: shapes that do not fit, no row, or a NaN.
    """
    given, came = np.asarray(given, np.float64), np.asarray(came, np.bool_)
    if given.ndim != 1 or given.shape != came.shape or not len(given) or not np.isfinite(given).all():
        raise ValueError(f"given and came must be (n,), known, at least one row; not {given.shape} and {came.shape}")
    if binning == "mass":
        parts = np.array_split(np.argsort(given, kind="stable"), min(bins, len(given)))
    else:
        place = np.clip(np.ceil(given * bins) - 1, 0, bins - 1)
        parts = [rows for k in range(bins) if len(rows := np.flatnonzero(place == k))]
    count = np.array([len(part) for part in parts])
    share = np.array([came[part].mean() for part in parts])
    low, high = wilson(share, count)
    return Reliability(np.array([given[part].mean() for part in parts]), share, low, high, count)


def wilson(share: Floats, count: NDArray[np.integer]) -> tuple[Floats, Floats]:
    """Returns Wilson's 95 % interval (low, high) of shares, each of so many independent rows; Wilson (1927)."""
    middle = share + _Z**2 / (2 * count)
    spread = _Z * np.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    scale = 1 + _Z**2 / count
    return np.clip((middle - spread) / scale, 0, 1), np.clip((middle + spread) / scale, 0, 1)


def expected_calibration_error(
    probabilities: Floats,
    y: Classes,
    bins: int = BINS,
    binning: Binning = "mass",
    over: Literal["classes", "top_label"] = "classes",
) -> float:
    """Returns ``Σ_b (n_b / n) |share_b − given_b|``, a distance of probabilities: 0 where each comes as often as said.

    It is above 0 by chance as well: of a source that is calibrated it is about √(2 b p (1 − p) / (π n)) for b bins.

    Args:
        probabilities, y: see `log_losses`.
        bins, binning: see `reliability`.
        over: ``classes``, the mean over all classes of each one's error (Kull et al. 2019, class-wise); or
            ``top_label``, the error of the largest probability alone (Guo et al. 2017, eq. 3, there with equal width).

    Raises:
        ValueError: see `log_losses`.
    """
    probabilities, y = _checked(probabilities, y)
    if over == "top_label":
        return _gap(reliability(probabilities.max(axis=1), probabilities.argmax(axis=1) == y, bins, binning))
    each = [reliability(probabilities[:, k], y == k, bins, binning) for k in range(probabilities.shape[1])]
    return float(np.mean([_gap(points) for points in each]))


def _gap(points: Reliability) -> float:
    return float((np.abs(points.share - points.given) * points.rows).sum() / points.rows.sum())


def _checked(probabilities: Floats, y: Classes) -> tuple[Floats, Classes]:
    """Returns both as arrays, or says what does not fit."""
    probabilities, y = np.asarray(probabilities, np.float64), np.asarray(y)
    if probabilities.ndim != 2 or y.shape != probabilities.shape[:1] or not len(y):
        raise ValueError(f"probabilities must be (n, class) and y (n,), not {probabilities.shape} and {y.shape}")
    if not np.isfinite(probabilities).all():
        raise ValueError("probabilities must be known: leave out rows with a NaN")
    if y.min() < 0 or y.max() >= probabilities.shape[1]:
        raise ValueError(f"y must hold classes from 0 to {probabilities.shape[1] - 1}: leave out rows without a label")
    return probabilities, y
