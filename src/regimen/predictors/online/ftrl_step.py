"""Logistic regression of three classes, one row at a time: FTRL-Proximal that can forget.

With the gradient ``g = (p_k − [y = k]) w x_j`` of the log loss, for each weight θ (class k, column j; the last column
is 1, for the bias)::

    n ← γ n + g²,   S = √n / α,   z ← γ z + g − (S − γ S_before) θ
    θ = 0 where |z| <= λ₁, else −(z − sign(z) λ₁) / (S + β / α + λ₂)

which is the θ of the lowest ``Σ γ^age (g θ + ½ σ (θ − θ_then)²) + λ₁ |θ| + ½ (λ₂ + β / α) θ²``. With γ = 1 it is the
algorithm of the paper: a learning rate for each weight, that falls as its column has been seen to matter. With γ < 1 a
row counts ``γ^age``, the rates stop falling, and the weights follow a market that changes.

Source: McMahan et al., "Ad click prediction: a view from the trenches" (KDD 2013), algorithm 1; there for two classes
and γ = 1.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from regimen.jit import jit

Floats = NDArray[np.float64]
CLASSES = 3
PARTS = 3
"""Parts of the numbers: θ, z and n, each (class, column)."""


@jit
def predict(numbers: Floats, rows: Floats, out: Floats) -> None:
    """Writes the probabilities (n, 3) of rows (n, inputs)."""
    inputs = rows.shape[1]
    weights = numbers[: CLASSES * (inputs + 1)].reshape(CLASSES, inputs + 1)
    for i in range(len(rows)):
        _softmax(weights, rows[i], out[i])


@jit
def learn(
    numbers: Floats,
    rows: Floats,
    y: NDArray[np.int64],
    counts: Floats,
    alpha: float,
    beta: float,
    l1: float,
    l2: float,
    keep: float,
) -> None:
    """Learns from rows (n, inputs) in their order; the numbers are changed in place.

    Args:
        numbers: θ, z and n, one after the other.
        rows: finite.
        y: (n,) class of each.
        counts: (n,) weight of each, or empty: all count 1.
        alpha, beta, l1, l2, keep: α, β, λ₁, λ₂ and γ.
    """
    inputs = rows.shape[1]
    parts = numbers.reshape(PARTS, CLASSES, inputs + 1)
    weights, pulls, squares = parts[0], parts[1], parts[2]
    p = np.empty(CLASSES)
    for i in range(len(rows)):
        _softmax(weights, rows[i], p)
        count = counts[i] if len(counts) > 0 else 1.0
        for k in range(CLASSES):
            missed = (p[k] - (1.0 if y[i] == k else 0.0)) * count
            for j in range(inputs + 1):
                g = missed * (rows[i, j] if j < inputs else 1.0)
                before = math.sqrt(squares[k, j]) / alpha
                squares[k, j] = keep * squares[k, j] + g * g
                spread = math.sqrt(squares[k, j]) / alpha
                z = keep * pulls[k, j] + g - (spread - keep * before) * weights[k, j]
                pulls[k, j] = z
                if abs(z) <= l1:
                    weights[k, j] = 0.0
                else:
                    sign = l1 if z > 0.0 else -l1
                    weights[k, j] = -(z - sign) / (spread + beta / alpha + l2)


@jit
def _softmax(weights: Floats, row: Floats, out: Floats) -> None:
    inputs = len(row)
    top = -np.inf
    for k in range(CLASSES):
        eta = weights[k, inputs]
        for j in range(inputs):
            eta += weights[k, j] * row[j]
        out[k] = eta
        top = max(top, eta)
    total = 0.0
    for k in range(CLASSES):
        out[k] = math.exp(out[k] - top)
        total += out[k]
    for k in range(CLASSES):
        out[k] /= total
