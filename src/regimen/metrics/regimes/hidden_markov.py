"""A Gaussian hidden Markov model of one series: its filter, which sees the past alone, and its fit by EM."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from regimen.errors import ConfigError
from regimen.jit import jit
from regimen.metrics.performance import deviation

Series = NDArray[np.float64]

_STAY = 0.95
"""Chance that a state lasts another bar, where the fit begins."""
_FLOOR = 0.01
"""Least deviation of a state, as a share of that of the whole series: one that collapses on a value has none."""


@jit
def _forward(
    values: Series, start: Series, transition: Series, means: Series, deviations: Series
) -> tuple[Series, Series]:
    # P(z_t | x_1..t), and log p(x_t | x_1..t-1), whose sum is the log-likelihood. The densities of a bar are scaled
    # by the largest of them, so that no outlier makes all of them zero.
    times, states = len(values), len(start)
    filtered, logs = np.empty((times, states)), np.zeros(times)
    density = np.empty(states)
    for t in range(times):
        for j in range(states):
            chance = start[j]
            if t > 0:
                chance = 0.0
                for i in range(states):
                    chance += filtered[t - 1, i] * transition[i, j]
            filtered[t, j] = chance
        if not math.isfinite(values[t]):
            continue  # nothing was seen: the prediction stands
        top = -math.inf
        for j in range(states):
            distance = (values[t] - means[j]) / deviations[j]
            density[j] = -0.5 * (distance * distance + math.log(2.0 * math.pi)) - math.log(deviations[j])
            if filtered[t, j] > 0.0 and density[j] > top:
                top = density[j]
        total = 0.0
        for j in range(states):
            filtered[t, j] *= math.exp(min(density[j] - top, 0.0)) if filtered[t, j] > 0.0 else 0.0
            total += filtered[t, j]
        for j in range(states):
            filtered[t, j] /= total
        logs[t] = top + math.log(total)
    return filtered, logs


@jit
def _expected(values: Series, filtered: Series, transition: Series) -> tuple[Series, Series, Series, Series, Series]:
    # What the M step needs of P(z_t | all x): that of the first bar, the expected transitions, and for each state its
    # bars, the sum of their values and of the squares. It walks backwards; b is the backward variable over its scale.
    times, states = filtered.shape
    changes = np.zeros((states, states))
    weights, sums, squares = np.zeros(states), np.zeros(states), np.zeros(states)
    b, ahead, smoothed = np.ones(states), np.empty(states), np.empty(states)
    for back in range(times):
        t = times - 1 - back
        if back > 0:
            for j in range(states):
                predicted = 0.0
                for i in range(states):
                    predicted += filtered[t, i] * transition[i, j]
                ahead[j] = b[j] * filtered[t + 1, j] / predicted if predicted > 0.0 else 0.0
            for i in range(states):
                b[i] = 0.0
                for j in range(states):
                    step = transition[i, j] * ahead[j]
                    b[i] += step
                    changes[i, j] += filtered[t, i] * step
        for i in range(states):
            smoothed[i] = filtered[t, i] * b[i]
            if math.isfinite(values[t]):
                weights[i] += smoothed[i]
                sums[i] += smoothed[i] * values[t]
                squares[i] += smoothed[i] * values[t] * values[t]
    return smoothed, changes, weights, sums, squares


@dataclass(frozen=True, eq=False)
class GaussianHMM:
    """A chain of hidden states, each of which draws the bar's value from a normal distribution of its own.

    Attributes:
        start: (state,) chances of the states at the first bar.
        transition: (state, state) chance to go from one (row) to another (column).
        means, deviations: (state,) of the values.
    """

    start: Series
    transition: Series
    means: Series
    deviations: Series

    def __repr__(self) -> str:
        each = ", ".join(f"N({m:.4g}, {s:.4g}²)" for m, s in zip(self.means, self.deviations, strict=True))
        return f"GaussianHMM({each})"

    def filtered(self, values: Series) -> Series:
        """Returns P(z_t | x_1..t), (time, state): what is known of the state once bar t is.

        Timing: row t uses values up to t, and nothing later changes it.

        Args:
            values: (time,); a bar without a finite value tells nothing of its state.
        """
        return _forward(_checked(values), *self._parts)[0]

    def log_likelihood(self, values: Series) -> float:
        """Returns log p(x_1..T), by the same recursion; bars without a finite value are left out of it."""
        return float(_forward(_checked(values), *self._parts)[1].sum())

    def improved(self, values: Series, floor: float = 0.0) -> tuple[Self, float]:
        """Returns the model after one step of expectation and maximisation, and the log-likelihood before it.

        Args:
            values: (time,) that it is fitted to.
            floor: least deviation of a state.
        """
        values = _checked(values)
        filtered, logs = _forward(values, *self._parts)
        first, changes, weights, sums, squares = _expected(values, filtered, self.transition)
        known, left = weights > 0.0, changes.sum(axis=1)
        means = np.where(known, sums / np.where(known, weights, 1.0), self.means)
        variance = np.where(known, squares / np.where(known, weights, 1.0) - means * means, self.deviations**2)
        transition = np.where(left[:, None] > 0.0, changes / np.where(left > 0.0, left, 1.0)[:, None], self.transition)
        deviations = np.maximum(np.sqrt(np.maximum(variance, 0.0)), floor)
        return replace(
            self, start=first / first.sum(), transition=transition, means=means, deviations=deviations
        ), float(logs.sum())

    @property
    def _parts(self) -> tuple[Series, Series, Series, Series]:
        return self.start, self.transition, self.means, self.deviations


def fit_gaussian_hmm(
    values: Series,
    states: int = 2,
    *,
    begin: GaussianHMM | None = None,
    iterations: int = 100,
    tolerance: float = 0.01,
) -> GaussianHMM:
    """Returns the model that EM (Baum–Welch) comes to, its states in the order of their deviations.

    Each step makes the log-likelihood larger; it ends where one gains less than ``tolerance``. Nothing is drawn: the
    fit begins with states of equal means whose deviations are spread around that of the series, or with ``begin``, and
    what it comes to is a local maximum, as with every EM.

    Args:
        values: (time,) the training stretch; bars without a finite value are passed over.
        states: how many.
        begin: a model that was fitted earlier.
        iterations: most steps.
        tolerance: least gain of a step, in log-likelihood.

    Raises:
        ConfigError: fewer than two states, fewer than ten finite values a state, or all of them equal.

    Source: Baum et al. (1970); the filter for regimes: Hamilton, "A new approach to the economic analysis of
    nonstationary time series and the business cycle" (1989).
    """
    values = _checked(values)
    known = values[np.isfinite(values)]
    if states < 2:
        raise ConfigError("states", "must be at least 2", states)
    if len(known) < 10 * states:
        raise ConfigError("values", f"must hold at least {10 * states} finite values", len(known))
    centre, scale = float(known.mean()), float(known.std())
    if not deviation(known) > 0.0:
        raise ConfigError("values", "must differ", float(known[0]))
    scaled = (values - centre) / scale  # so that the sums of squares of the M step lose no digits
    model = _first(states) if begin is None else _moved(begin, -centre / scale, 1.0 / scale)
    before = -math.inf
    for _ in range(iterations):
        better, likelihood = model.improved(scaled, _FLOOR)
        if likelihood - before < tolerance:
            break
        model, before = better, likelihood
    return _ordered(_moved(model, centre, scale))


def _first(states: int) -> GaussianHMM:
    transition = np.full((states, states), (1.0 - _STAY) / (states - 1))
    np.fill_diagonal(transition, _STAY)
    return GaussianHMM(np.full(states, 1.0 / states), transition, np.zeros(states), np.linspace(0.5, 1.5, states))


def _moved(model: GaussianHMM, shift: float, scale: float) -> GaussianHMM:
    return replace(model, means=model.means * scale + shift, deviations=model.deviations * scale)


def _ordered(model: GaussianHMM) -> GaussianHMM:
    order = np.argsort(model.deviations, kind="stable")
    transition = np.ascontiguousarray(model.transition[np.ix_(order, order)])
    return GaussianHMM(model.start[order], transition, model.means[order], model.deviations[order])


def _checked(values: Series) -> Series:
    return np.ascontiguousarray(values, dtype=np.float64)
