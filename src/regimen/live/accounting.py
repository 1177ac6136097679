"""What an account itself remembers of bars, and the compiled steps that take a bar and what was decided at it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from regimen.execution.columns import ACCOUNT_COLUMNS, FIRST_COST, TURNOVER
from regimen.jit import jit

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
PREVIOUS, BEFORE, CLOSE, SEEN = range(4)
"""Rows of `BarSight.prices`: the close before, as if split like this bar; that as the features see it; the close, NaN
without a bar; that as the features see it."""


class OwnArrays(NamedTuple):
    """Arrays of the account itself, see `LiveState.memory`."""

    listed: Flags
    closes: Floats
    first: Floats
    factor: Floats
    targets: Floats
    flows: Floats
    guard: Floats


class BarSight(NamedTuple):
    """What a bar shows: (4, symbol) prices by `PREVIOUS`, `BEFORE`, `CLOSE` and `SEEN`; which symbols have it."""

    prices: Floats
    present: Flags


def arrive(rows: Floats, factors: Floats, splits: bool, own: OwnArrays, adjusted: Floats, sight: BarSight) -> None:
    """Takes the prices of a bar, and fills what it shows.

    Args:
        rows: (5, symbol) of the bar.
        factors: (symbol,) cumulative factor of splits.
        splits: whether there are such.
        own: is changed in place.
        adjusted: (5, symbol) is filled with the bar as if split like the first one; ``rows`` itself without splits.
        sight: is filled: the close before, as if split like this bar; that as the features see it; the close, NaN
            without a bar; that as the features see it.
    """
    _arrive(rows, factors, splits, own.listed, own.closes, own.first, own.factor, adjusted, sight.prices, sight.present)


@jit
def _arrive(
    rows: Floats,
    factors: Floats,
    splits: bool,
    listed: Flags,
    closes: Floats,
    firsts: Floats,
    known: Floats,
    adjusted: Floats,
    prices: Floats,
    shown: Flags,
) -> None:
    # each array by itself: to look into a tuple of arrays takes the compiled call longer than its work
    for s in range(rows.shape[1]):
        present = True
        for k in range(4):
            present = present and rows[k, s] == rows[k, s]
        before, first, last, now = closes[s], firsts[s], known[s], factors[s]
        scale = last / first
        prices[BEFORE, s] = before * scale if scale == scale else before
        ratio = 1.0
        if splits:
            if now == now:
                firsts[s] = first if first == first else now
                known[s] = now
            if present:
                ratio = now / firsts[s]
            for k in range(4):
                adjusted[k, s] = rows[k, s] * ratio
            adjusted[4, s] = rows[4, s] / ratio
        prices[PREVIOUS, s] = before * last / known[s] if splits else before
        prices[CLOSE, s] = rows[3, s] if present else np.nan
        prices[SEEN, s] = adjusted[3, s] if present else np.nan
        listed[s] = listed[s] or present
        closes[s] = rows[3, s] if present else before
        shown[s] = present


@jit
def book(allowed: Floats, targets: Floats, flows: Floats, account: Floats) -> None:
    """Takes what was allowed for the targets, and the flows of the bar to those since the account was opened."""
    for s in range(len(allowed)):
        if allowed[s] == allowed[s]:
            targets[s] = allowed[s]
    flows[0] += account[0, TURNOVER]
    for k in range(FIRST_COST, ACCOUNT_COLUMNS):
        flows[1 + k - FIRST_COST] += account[0, k]
