"""Pinball losses by hand, and Diebold and Mariano's test: brute force, known null rates, power, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest

from regimen.errors import ConfigError, DataError
from regimen.metrics import diebold_mariano, pinball_losses

NORMAL_90 = 1.2815515655446004


def test_a_pinball_loss_by_hand_and_in_expectation() -> None:
    levels = np.array([0.1, 0.5, 0.9])
    losses = pinball_losses(np.array([[-1.0, 0.0, 2.0]]), np.array([1.0]), levels)
    np.testing.assert_allclose(losses, [[0.2, 0.5, 0.1]], rtol=0, atol=1e-15)
    y = np.random.default_rng(0).normal(size=400_000)
    # of a normal, the expected loss at the true τ-quantile is its density there
    said = np.array([-NORMAL_90, 0.0, NORMAL_90])
    density = np.exp(-0.5 * said**2) / math.sqrt(2.0 * math.pi)
    reached = pinball_losses(said, y, levels).mean(axis=0)
    np.testing.assert_allclose(reached, density, rtol=0, atol=2e-3)
    for off in (-0.3, 0.3):
        assert (pinball_losses(said + off, y, levels).mean(axis=0) > reached).all()


def brute(d: np.ndarray, horizon: int) -> float:
    """The statistic written out, pair by pair."""
    n = len(d)
    flat, mean = horizon - 1, d.mean()
    fading = min(horizon + int(n ** (1 / 3)), n - 1 - flat)
    total = 0.0
    for i in range(n):
        for j in range(n):
            lag = abs(i - j)
            weight = 1.0 if lag <= flat else max(0.0, 1.0 - (lag - flat) / (fading + 1))
            total += weight * (d[i] - mean) * (d[j] - mean)
    error = math.sqrt(total / n) / math.sqrt(n)
    correction = (n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n
    return math.sqrt(correction) * float(mean) / error


@pytest.mark.parametrize("horizon", [1, 3, 7])
def test_the_statistic_is_that_of_brute_force(horizon: int) -> None:
    from scipy.stats import t as student

    rng = np.random.default_rng(horizon)
    noise = rng.normal(size=150 + horizon)
    d = 0.1 + np.convolve(noise, np.ones(horizon), "valid")[:150]
    theirs = rng.normal(size=150) ** 2
    tested = diebold_mariano(theirs + d, theirs, horizon)
    wanted = brute(d, horizon)
    assert tested.statistic == pytest.approx(wanted, rel=1e-9)
    assert tested.p == pytest.approx(2.0 * student.sf(abs(wanted), 149), rel=1e-9)
    assert tested.mean == pytest.approx(float(d.mean()), rel=1e-12)


@pytest.mark.parametrize("horizon", [1, 4, 24])
def test_equally_good_forecasts_are_told_apart_as_rarely_as_chance_does(horizon: int) -> None:
    """The null rate at 5 %, over 1,500 series of 1,500 overlapping losses; with iid errors it would be above 50 %."""
    rng = np.random.default_rng(7)
    ps = []
    for _ in range(1_500):
        d = np.convolve(rng.normal(size=1_500 + horizon - 1), np.ones(horizon), "valid")
        ps.append(diebold_mariano(d, np.zeros(len(d)), horizon).p)
    rate = float((np.array(ps) < 0.05).mean())
    print(f"horizon {horizon}: rejected {rate:.3f} at 5 %")
    assert 0.03 < rate < 0.08


def test_a_better_forecast_is_seen() -> None:
    rng = np.random.default_rng(1)
    y = rng.normal(size=2_000)
    ours, theirs = ((y - 0.0) ** 2, (y - 0.3) ** 2)
    tested = diebold_mariano(ours, theirs)
    assert tested.mean < 0.0
    assert tested.p < 1e-4
    other = diebold_mariano(theirs, ours)
    assert (other.mean, other.statistic) == (-tested.mean, -tested.statistic)


def test_losses_that_do_not_differ_and_those_that_differ_by_the_same() -> None:
    losses = np.arange(10.0)
    same = diebold_mariano(losses, losses)
    assert (same.mean, same.p) == (0.0, 1.0)
    apart = diebold_mariano(losses + 1.0, losses)
    assert apart.mean == 1.0
    assert math.isnan(apart.p)


def test_a_negative_sum_of_autocovariances_gives_way_to_bartlett() -> None:
    d = 0.01 + np.tile([1.0, -1.0], 50)
    tested = diebold_mariano(d, np.zeros(100), horizon=2)
    assert tested.error > 0.0
    assert math.isfinite(tested.statistic)


def test_errors_name_the_rule() -> None:
    ones = np.ones(5)
    with pytest.raises(DataError, match=r"theirs: must be \(n,\) as ours, \(5,\); got \(4,\)"):
        diebold_mariano(ones, np.ones(4))
    with pytest.raises(ConfigError, match=r"horizon: must be at least 1, and fewer than the 5 rows; got 5"):
        diebold_mariano(ones, ones, horizon=5)
    with pytest.raises(DataError, match=r"losses: must be known"):
        diebold_mariano(np.array([1.0, np.nan]), np.ones(2))
    with pytest.raises(ConfigError, match=r"levels: must lie inside \(0, 1\); got \[0.0, 0.5\]"):
        pinball_losses(np.zeros(2), ones, np.array([0.0, 0.5]))
    with pytest.raises(DataError, match=r"must be known: leave out rows with a NaN"):
        pinball_losses(np.zeros(1), np.array([np.nan]), np.array([0.5]))
