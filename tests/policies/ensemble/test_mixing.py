"""Hedge keeps the bounds of its theory on any losses; Thompson sampling has the regret that Lai and Robbins allow."""

from __future__ import annotations

import math

import numpy as np
import pytest

from regimen.errors import DataError
from regimen.policies.ensemble import hedge, regret, thompson
from regimen.policies.ensemble.mixing import hedge_step, thompson_draw, thompson_keys
from regimen.seeding import generator

ROUNDS, MEMBERS = 4000, 10


def bound(rounds: int, members: int) -> float:
    return math.sqrt(rounds * math.log(members) / 2)


def against_the_weights(horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """Losses of an adversary who sees the weights: the heavier half of them loses, for as long as it takes."""
    losses, weights = np.zeros((ROUNDS, MEMBERS)), np.zeros((ROUNDS, MEMBERS))
    totals = np.zeros(MEMBERS)
    for t in range(ROUNDS):
        hedge_step(totals, t, horizon, weights[t])
        losses[t, np.argsort(-weights[t], kind="stable")[: MEMBERS // 2]] = 1.0
        totals += losses[t]
    return losses, weights


@pytest.mark.parametrize("horizon", [ROUNDS, None])
def test_hedge_keeps_its_bound_against_an_adversary(horizon: int | None) -> None:
    losses, weights = against_the_weights(horizon or 0)
    np.testing.assert_array_equal(hedge(losses, horizon), weights)
    lost = regret(losses, weights)
    if horizon:
        assert lost[-1] <= bound(ROUNDS, MEMBERS)
    else:
        rounds = np.arange(1, ROUNDS + 1)
        every = 2 * np.sqrt(rounds * math.log(MEMBERS) / 2) + math.sqrt(math.log(MEMBERS) / 8)
        assert (lost <= every).all()
    assert lost[-1] > 0.2 * bound(ROUNDS, MEMBERS)  # it is an adversary


@pytest.mark.parametrize("members", [2, 10, 50])
def test_hedge_keeps_its_bound_on_coins_and_the_bound_is_nearly_reached(members: int) -> None:
    """Fair coins are the worst case: the best of K walks gains √(T ln K / 2) as K and T grow."""
    lost = []
    for seed in range(20):
        losses = generator(seed, "coins").integers(0, 2, (ROUNDS, members)).astype(float)
        lost.append(regret(losses, hedge(losses, ROUNDS))[-1])
    assert max(lost) <= bound(ROUNDS, members)
    if members == 50:
        assert np.mean(lost) > 0.6 * bound(ROUNDS, members)


def test_hedge_loses_almost_nothing_where_one_member_is_better() -> None:
    losses = (generator(1, "coins").random((ROUNDS, 5)) < np.array([0.4, 0.5, 0.5, 0.5, 0.5])).astype(float)
    weights = hedge(losses, ROUNDS)
    assert regret(losses, weights)[-1] <= bound(ROUNDS, 5)
    assert weights[-1, 0] > 0.99


def test_hedge_equals_its_formula_and_knows_only_losses_before() -> None:
    losses = generator(0, "losses").random((50, 3))
    weights = hedge(losses)
    totals = np.cumsum(np.concatenate([np.zeros((1, 3)), losses]), axis=0)[:-1]
    raw = np.exp(-np.sqrt(8 * math.log(3) / np.arange(1, 51))[:, None] * totals)
    np.testing.assert_allclose(weights, raw / raw.sum(axis=1, keepdims=True), rtol=1e-12)
    changed = losses.copy()
    changed[30:] = 1.0 - changed[30:]
    np.testing.assert_array_equal(hedge(changed)[:31], weights[:31])
    assert (weights[0] == 1 / 3).all()


def test_one_member_has_all_the_weight() -> None:
    losses = generator(0, "losses").random((20, 1))
    assert (hedge(losses) == 1.0).all()
    assert (thompson(losses, 0) == 0).all()


def divergence(p: float, q: float) -> float:
    """Kullback and Leibler's, of two coins."""
    return p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))


@pytest.mark.slow
def test_the_regret_of_thompson_sampling_grows_as_lai_and_robbins_say() -> None:
    """Slope of the regret in ln T between 10⁴ and 10⁵ draws, arms that win with .5 and .45: C = .05 / KL(.45, .5)."""
    constant = 0.05 / divergence(0.45, 0.5)
    slopes = []
    for seed in range(400):
        won = generator(seed, "arms").random((100_000, 2), dtype=np.float32) < np.array([0.5, 0.45], np.float32)
        worse = thompson((~won).astype(np.float64), seed, full=False) == 1
        slopes.append(0.05 * worse[10_000:].sum() / math.log(10))
    assert constant == pytest.approx(9.98, abs=0.01)
    assert 0.5 * constant <= np.mean(slopes) <= 1.5 * constant


def switching(seed: int, discount: float) -> float:
    """Regret over 20,000 draws of two arms that win with .5 and .4 and change places every 2,500."""
    first = (np.arange(20_000) // 2500) % 2 == 0
    chances = np.where(first[:, None], [0.5, 0.4], [0.4, 0.5])
    won = generator(seed, "arms").random(chances.shape) < chances
    chosen = thompson((~won).astype(np.float64), seed, discount=discount, full=False)
    return float((0.5 - chances[np.arange(len(chosen)), chosen]).sum())


def test_discounting_follows_arms_that_change_places() -> None:
    """In the prototype 933 without, 424 with .995: at most .6 of it."""
    forgetful, stubborn = ([switching(seed, discount) for seed in range(40)] for discount in (0.995, 1.0))
    assert np.mean(forgetful) <= 0.6 * np.mean(stubborn)
    assert np.mean(stubborn) == pytest.approx(933, rel=0.05)


def test_draws_are_those_of_beta() -> None:
    """Chances that the first of three members is drawn, by integrating the densities on a grid."""
    wins, losses = np.array([3.0, 10.5, 0.0]), np.array([4.0, 11.0, 0.5])
    keys, counts = thompson_keys(5, 3), np.zeros(3)
    for draw in range(20_000):
        counts[thompson_draw(wins, losses, keys, 0, draw)] += 1
    grid = (np.arange(4000) + 0.5) / 4000
    density = grid[:, None] ** wins * (1 - grid[:, None]) ** losses
    density /= density.sum(axis=0)
    below = np.cumsum(density, axis=0) - density / 2
    chances = [(density[:, k] * np.prod(np.delete(below, k, axis=1), axis=1)).sum() for k in range(3)]
    errors = np.sqrt(np.array(chances) * (1 - np.array(chances)) / 20_000)
    assert (np.abs(counts / 20_000 - chances) < 4 * errors).all()


def test_a_draw_depends_on_its_number_and_the_seed_alone() -> None:
    losses = generator(2, "losses").random((300, 4))
    chosen = thompson(losses, 7)
    np.testing.assert_array_equal(thompson(losses[:200], 7), chosen[:200])
    assert not np.array_equal(thompson(losses, 8), chosen)
    assert len(set(chosen.tolist())) == 4


@pytest.mark.parametrize("function", [hedge, lambda losses: thompson(losses, 0)])
def test_what_is_no_loss_is_refused(function: object) -> None:
    with pytest.raises(DataError, match=r"round 1, member 2: must be between 0 and 1; got 1.5"):
        function(np.array([[0.0, 1.0, 0.5], [0.0, 0.0, 1.5]]))  # type: ignore[operator]
    with pytest.raises(DataError, match="round 0, member 0: must be between 0 and 1; got nan"):
        function(np.array([[math.nan]]))  # type: ignore[operator]
    with pytest.raises(DataError, match="at least one member"):
        function(np.empty((5, 0)))  # type: ignore[operator]
    with pytest.raises(DataError, match=r"discount: must be above 0 and at most 1; got 0"):
        thompson(np.zeros((2, 2)), 0, discount=0.0)
