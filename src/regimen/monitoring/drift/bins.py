"""Quantile bins of columns, and how far the shares of two samples in them lie apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
HALF = 0.5
"""What is added to every count: a bin that is empty on one side has no infinite weight."""


def quantile_edges(rows: Floats, bins: int) -> list[Floats]:
    """Returns the inner edges of each column's quantile bins, ascending; fewer where values repeat.

    Args:
        rows: (time, column); what is not finite is left out.
        bins: how many bins of equal share.
    """
    wanted = np.arange(1, bins) / bins
    columns = (column[np.isfinite(column)] for column in rows.T)
    return [np.unique(np.quantile(column, wanted)) if len(column) else np.empty(0) for column in columns]


def padded(edges: Sequence[Floats], bins: int) -> Floats:
    """Returns (column, bins − 1) edges as one array; what a column has not is infinite, and never reached."""
    table = np.full((len(edges), bins - 1), np.inf)
    for column, inner in enumerate(edges):
        table[column, : len(inner)] = inner
    return table


def binned(rows: Floats, edges: Floats) -> NDArray[np.int64]:
    """Returns the bin of each value; what is missing or infinite is in bin ``edges.shape[1] + 1``.

    Args:
        rows: (..., column).
        edges: (column, bins − 1), of `padded`.
    """
    width = edges.shape[1]
    places = np.empty(rows.shape, np.int64)
    for column, inner in enumerate(edges):
        places[..., column] = np.searchsorted(inner[np.isfinite(inner)], rows[..., column], side="right")
    places[~np.isfinite(rows)] = width + 1
    return places


def counted(places: NDArray[np.int64], bins: int) -> Counts:
    """Returns (column, bins) how often each bin occurs in places (time, column)."""
    columns = places.shape[1]
    flat = places + np.arange(columns) * bins
    return np.bincount(flat.reshape(-1), minlength=columns * bins).reshape(columns, bins)


def psi(counts: Counts, reference: Counts) -> Floats:
    """Returns the population stability index ``Σ (p − q) log(p / q)`` of counts (..., bin) against a reference.

    p and q are the shares of the bins with ½ added to every count (Jeffreys).
    """
    p = counts + HALF
    q = reference + HALF
    p = p / p.sum(axis=-1, keepdims=True)
    q = q / q.sum(axis=-1, keepdims=True)
    return np.asarray(((p - q) * np.log(p / q)).sum(axis=-1))
