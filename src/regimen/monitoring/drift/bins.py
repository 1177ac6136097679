"""Quantile bins of columns, and how far the shares of two samples in them lie apart."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from regimen.jit import jit

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

    p and q are the shares of the bins with ½ added to every count (Jeffreys). The shape of the reference is that of the
    counts, or that of their last axes.
    """
    bins, out = counts.shape[-1], np.empty(counts.shape[:-1])
    rows = np.ascontiguousarray(counts).reshape(-1, bins)
    _indices(rows, np.ascontiguousarray(reference).reshape(-1, bins), out.reshape(-1))
    return out


@jit
def _indices(counts: Counts, reference: Counts, out: Floats) -> None:
    rows = reference.shape[0]
    for row in range(len(out)):
        out[row] = _index(counts[row], reference[row % rows])


@jit
def _index(counts: Counts, reference: Counts) -> float:
    bins = len(counts)
    ours = theirs = HALF * bins
    for k in range(bins):
        ours += counts[k]
        theirs += reference[k]
    total = 0.0
    for k in range(bins):
        p = (counts[k] + HALF) / ours
        q = (reference[k] + HALF) / theirs
        total += (p - q) * math.log(p / q)
    return total


@jit
def latest_psi(earlier: Counts, reference: Counts, out: Floats) -> None:
    """Fills (column,) the `psi` of counts (check, column, bin), summed over the checks."""
    counts = np.empty(earlier.shape[2], np.int64)
    for column in range(len(out)):
        counts[:] = 0
        for check in range(earlier.shape[0]):
            for k in range(len(counts)):
                counts[k] += earlier[check, column, k]
        out[column] = _index(counts, reference[column])
