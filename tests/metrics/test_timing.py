"""Exposures and returns without their averages: twins, invariances, and no bias for rules that read past prices."""

from __future__ import annotations

import math

import numpy as np
import pytest

from regimen import metrics


def staggered(bars: int, symbols: int) -> np.ndarray:
    listed = np.zeros((bars, symbols), dtype=bool)
    for s in range(symbols):
        listed[7 * s : bars - 5 * ((s * 3) % symbols), s] = True
    return listed


def test_forward_deviations_are_those_of_a_loop() -> None:
    random = np.random.default_rng(0)
    listed = staggered(60, 4)
    returns = np.where(listed, random.standard_normal((60, 4)), np.nan)
    expected = np.zeros((60, 4))
    for s in range(4):
        own = np.flatnonzero(listed[:, s])
        for place, t in enumerate(own[:-1]):
            later = returns[own[place + 1 :], s]
            k = len(later)
            expected[t, s] = math.sqrt(k / (k + 1)) * (returns[t, s] - later.mean())
    np.testing.assert_allclose(metrics.forward_deviations(returns, listed), expected, atol=1e-12)


def test_a_drift_drops_out_and_independent_returns_stay_what_they_are() -> None:
    returns = np.random.default_rng(1).standard_normal((4000, 1))
    whole = np.ones((4000, 1), dtype=bool)
    plain = metrics.forward_deviations(returns, whole)
    np.testing.assert_allclose(metrics.forward_deviations(returns + 3.0, whole), plain, atol=1e-9)
    # The transformation is orthonormal on what is orthogonal to a constant: the sum of squares stays.
    assert (plain**2).sum() == pytest.approx(((returns - returns.mean()) ** 2).sum(), rel=1e-10)


def test_exposure_deviations_have_no_mean_and_a_constant_has_none_at_all() -> None:
    listed = staggered(60, 4)
    held = np.where(listed, np.random.default_rng(2).standard_normal((60, 4)), 0.0)
    found = metrics.exposure_deviations(held, listed)
    assert np.abs(np.where(listed, found, 0.0).sum(axis=0)).max() < 1e-12
    share = np.where(listed, 1.0 / metrics.shares(listed), 0.0)
    assert np.abs(metrics.exposure_deviations(share, listed)).max() < 1e-12


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_rule_that_reads_past_prices_is_not_biased(sign: float) -> None:
    # Momentum or contrarian over 20 bars on a random walk of 400: less the sample's mean, z would be ∓.22 on average.
    found = []
    for seed in range(600):
        moves = np.random.default_rng([seed, 5]).standard_normal((420, 1)) + 0.05
        path = np.concatenate([[0.0], np.cumsum(moves[:-1, 0] - 0.05)])
        held = sign * np.sign(path[20:] - path[:-20])[:, None]
        whole = np.ones((400, 1), dtype=bool)
        earned = metrics.exposure_deviations(held, whole) * metrics.forward_deviations(moves[20:], whole)
        found.append(math.sqrt(400) * earned.mean() / earned.std())
    assert abs(np.mean(found)) < 3.5 / math.sqrt(600)
