"""Stacking: how much each member's probabilities count is learned from predictions of rows that it had not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray

from regimen.errors import DataError, RunError
from regimen.jit import jit
from regimen.reprs import short

Floats = NDArray[np.float64]

_LEAST = 1e-9
"""Probabilities below it count as it: a member that is sure and wrong once must not decide everything."""
_STEPS, _SMALL, _HALVINGS = 100, 1e-10, 40
_DAMPING = 1e-10


@final
class Stacker:
    """``p ∝ exp(b + Σ_k w_k · log p_k)``, w not negative: a multinomial logistic regression on log-probabilities.

    Each member has one weight for all classes, so there are K + 3 numbers to learn and not 9 K + 3: a logarithmic
    opinion pool with a correction of the classes' shares. With ``b = 0`` and weights that add up to 1 it is the
    geometric mean; weights that add up to less or more also calibrate. All weights 0 leave the classes' shares.

    A row of which a member knows nothing (NaN) gives a row of NaN.

    Args:
        weights: (member,) at least 0.
        bias: (3,) of SELL, HOLD, BUY.
        groups: of each row of probabilities that it will be given, the member that it belongs to: several seeds of one
            member are averaged first. By default each is a member.

    Source: Wolpert (1992); with log-probabilities and weights at least 0 as Genest and Zidek's logarithmic pool (1986)
    and Breiman's stacked regressions (1996). *Deviation:* one weight a member, where a full regression has nine.
    """

    def __init__(self, weights: Floats, bias: Floats, groups: Sequence[int] | None = None) -> None:
        self.weights, self.bias = np.asarray(weights, np.float64), np.asarray(bias, np.float64)
        self.groups = tuple(range(len(self.weights)) if groups is None else groups)

    def __repr__(self) -> str:
        return short(self, ", ".join(f"{weight:.2f}" for weight in self.weights))

    @classmethod
    def fit(cls, probabilities: Floats, y: NDArray[np.integer], l2: float, weights: Floats | None = None) -> Self:
        """Learns from predictions of rows that no member was trained on: least mean loss plus ``l2 |w, b|² / 2n``.

        Args:
            probabilities: (n, member, 3) of SELL, HOLD, BUY, finite.
            y: (n,) class of each row.
            l2: penalty, in rows.
            weights: (n,) weight of each row; None: all count alike.

        Raises:
            DataError: no rows, other shapes, or probabilities that are not finite.
        """
        if probabilities.ndim != 3 or probabilities.shape[2] != 3 or not len(probabilities):
            raise DataError("probabilities", "must be (row, member, class), with at least one row", probabilities.shape)
        if y.shape != probabilities.shape[:1]:
            raise DataError("y", f"must have one class for each of the {len(probabilities)} rows", y.shape)
        if not np.isfinite(probabilities).all():
            raise DataError("probabilities", "must be finite: leave out rows that a member does not know")
        count = probabilities.shape[1]
        logs = np.log(np.maximum(probabilities, _LEAST))
        logs -= logs.mean(axis=2, keepdims=True)  # what all classes share changes no probability
        shares = np.broadcast_to(np.eye(3), (len(logs), 3, 3))
        columns = np.concatenate([logs.transpose(0, 2, 1), shares], axis=2)  # (row, class, number to learn)
        every = np.ones(len(y)) if weights is None else np.asarray(weights, np.float64)
        theta = _projected_newton(columns, y.astype(np.int64), l2 / every.sum(), every / every.sum(), count)
        return cls(theta[:count], theta[count:])

    def counted(self, members: int) -> Floats:
        """Returns the weight (row of probabilities,) of each member, shared by its seeds."""
        del members
        fits = np.bincount(self.groups, minlength=len(self.weights))
        return np.asarray((self.weights / fits)[list(self.groups)])

    def blended(self, opinions: Sequence[Floats]) -> Floats:
        """Returns probabilities (..., 3) from those (..., 3) of each member, or of each of its seeds."""
        shape = opinions[0].shape
        rows = np.stack([np.ascontiguousarray(each).reshape(-1, 3) for each in opinions], axis=1)
        blended = np.empty((len(rows), 3))
        _blend(rows, np.array(self.groups, np.int64), self.weights, self.bias, blended)
        return blended.reshape(shape)

    def state(self) -> dict[str, Any]:
        """Returns all that it has learned, as plain values."""
        return {"weights": self.weights.tolist(), "bias": self.bias.tolist(), "groups": list(self.groups)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Makes it again from a `state`.

        Raises:
            RunError: it is none.
        """
        try:
            return cls(np.array(state["weights"], np.float64), np.array(state["bias"], np.float64), state["groups"])
        except (KeyError, TypeError, ValueError):
            raise RunError("stack", "must be what a run wrote of its stack", list(state)) from None


def _projected_newton(columns: Floats, y: NDArray[np.int64], l2: float, weights: Floats, positive: int) -> Floats:
    """Returns the minimum (number,) of a convex loss whose first numbers are not negative; Bertsekas (1982)."""
    theta = np.zeros(columns.shape[2])
    theta[:positive] = 1.0 / positive
    rows = np.arange(len(y))

    def loss(values: Floats) -> float:
        scores = columns @ values
        top = scores.max(axis=1)
        partition = top + np.log(np.exp(scores - top[:, None]).sum(axis=1))
        return float(weights @ (partition - scores[rows, y]) + 0.5 * l2 * values @ values)

    now = loss(theta)
    for _ in range(_STEPS):
        scores = columns @ theta
        classes = np.exp(scores - scores.max(axis=1, keepdims=True))
        classes /= classes.sum(axis=1, keepdims=True)
        mean = np.einsum("nc,ncj->nj", classes, columns)
        slope = weights @ (mean - columns[rows, y]) + l2 * theta
        free = np.ones(len(theta), np.bool_)
        free[:positive] = (theta[:positive] > 0.0) | (slope[:positive] < 0.0)
        if np.abs(slope[free]).max(initial=0.0) < _SMALL:
            break
        spread = (columns * np.sqrt(weights[:, None] * classes)[..., None]).reshape(-1, len(theta))
        centre = mean * np.sqrt(weights)[:, None]
        curvature = spread.T @ spread - centre.T @ centre + (l2 + _DAMPING) * np.eye(len(theta))
        step = np.zeros(len(theta))
        step[free] = np.linalg.solve(curvature[np.ix_(free, free)], slope[free])
        size = 1.0
        for _ in range(_HALVINGS):
            after = theta - size * step
            after[:positive] = np.maximum(after[:positive], 0.0)
            below = loss(after)
            if below < now:
                break
            size *= 0.5
        else:
            break
        theta, now = after, below
    return theta


@jit
def _blend(rows: Floats, groups: NDArray[np.int64], weights: Floats, bias: Floats, blended: Floats) -> None:
    """Writes the pool (row, 3) of probabilities (row, seed of a member, 3); row by row, for equal bits."""
    members = len(weights)
    means, counts = np.zeros((members, 3)), np.zeros(members)
    for k in groups:
        counts[k] += 1.0
    for n in range(rows.shape[0]):
        means[:] = 0.0
        for part in range(rows.shape[1]):
            for c in range(3):
                means[groups[part], c] += rows[n, part, c]
        for c in range(3):
            blended[n, c] = bias[c]
        for k in range(members):
            logs = 0.0
            for c in range(3):
                means[k, c] = np.log(max(means[k, c] / counts[k], _LEAST))
                logs += means[k, c]
            for c in range(3):
                blended[n, c] += weights[k] * (means[k, c] - logs / 3.0)
        top = max(blended[n, 0], max(blended[n, 1], blended[n, 2]))
        whole = 0.0
        for c in range(3):
            blended[n, c] = np.exp(blended[n, c] - top)
            whole += blended[n, c]
        for c in range(3):
            blended[n, c] /= whole
        known = 0.0
        for part in range(rows.shape[1]):
            for c in range(3):
                known += rows[n, part, c]
        if not np.isfinite(known):  # `max` passes over NaN
            blended[n, :] = np.nan
