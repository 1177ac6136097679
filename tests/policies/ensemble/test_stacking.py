"""A stack finds the least loss that there is, is no worse than its best member, and finds nothing in noise."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize

from regimen.errors import DataError, RunError
from regimen.policies.ensemble import Stacker
from regimen.seeding import generator

Floats = NDArray[np.float64]


def softmax(scores: Floats) -> Floats:
    parts = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(parts / parts.sum(axis=-1, keepdims=True))


def planted(rows: int, seed: int, noise: tuple[float, ...] = (0.3, 0.6, 3.0)) -> tuple[Floats, NDArray[np.int64]]:
    """Classes from known chances, and members (row, member, 3) who see the logits of these chances through noise."""
    random = generator(seed, "planted")
    logits = random.normal(0.0, 0.7, (rows, 3))
    y = (softmax(logits).cumsum(axis=1) < random.random((rows, 1))).sum(axis=1)
    members = [softmax(logits + scale * random.normal(size=logits.shape)) for scale in noise]
    return np.stack(members, axis=1), y.astype(np.int64)


def losses(rows: Floats, y: NDArray[np.int64]) -> Floats:
    return np.asarray(-np.log(rows[np.arange(len(y)), y]))


def blended(stacker: Stacker, rows: Floats) -> Floats:
    return stacker.blended([rows[:, k] for k in range(rows.shape[1])])


@pytest.mark.parametrize("l2", [0.1, 10.0, 1000.0])
def test_the_weights_are_those_of_least_loss(l2: float) -> None:
    """Against L-BFGS-B of scipy; the third member only adds noise, and would have a weight below 0."""
    rows, y = planted(2000, 0)
    rows[:, 2] = softmax(-np.log(rows[:, 0]) * 0.5)
    weights = generator(0, "weights").uniform(0.5, 1.5, len(y))
    logs = np.log(rows) - np.log(rows).mean(axis=2, keepdims=True)

    def loss(theta: Floats) -> float:
        scores = np.einsum("nkc,k->nc", logs, theta[:3]) + theta[3:]
        return float(weights @ losses(softmax(scores), y) / weights.sum() + 0.5 * l2 / weights.sum() * theta @ theta)

    best = minimize(loss, np.zeros(6), method="L-BFGS-B", bounds=[(0, None)] * 3 + [(None, None)] * 3, tol=1e-12)
    stacker = Stacker.fit(rows, y, l2, weights)
    own = np.concatenate([stacker.weights, stacker.bias])
    assert loss(own) <= best.fun + 1e-9
    np.testing.assert_allclose(own, best.x, atol=2e-3)
    assert stacker.weights[2] == 0.0


def test_it_is_no_worse_than_its_best_member_and_learns_who_knows_more() -> None:
    """On 8,000 new rows: loss at most the best member's plus one standard error of the difference."""
    stacker = Stacker.fit(*planted(4000, 1), l2=10.0)
    rows, y = planted(8000, 2)
    together = losses(blended(stacker, rows), y)
    members = [losses(rows[:, k], y) for k in range(3)]
    best = min(members, key=lambda each: each.mean())
    apart = together - best
    assert apart.mean() <= apart.std(ddof=1) / np.sqrt(len(y))
    assert apart.mean() < 0.0
    assert stacker.weights[0] > stacker.weights[1] > stacker.weights[2] >= 0.0
    assert together.mean() < losses(rows.mean(axis=1), y).mean()


def area(score: Floats, positive: NDArray[np.bool_]) -> float:
    """Area under the ROC curve, by ranks (Mann and Whitney)."""
    ranks = np.empty(len(score))
    ranks[np.argsort(score, kind="stable")] = np.arange(1, len(score) + 1)
    wins, count = ranks[positive].sum(), int(positive.sum())
    return float((wins - count * (count + 1) / 2) / (count * (len(score) - count)))


def test_it_finds_nothing_in_permuted_labels() -> None:
    """AUC of each class .5 within three standard errors, √((n₁ + n₀ + 1) / (12 n₁ n₀)), on 9,000 new rows."""
    rows, y = planted(9000, 3)
    shuffled = generator(3, "shuffled").permutation(y)
    stacker = Stacker.fit(rows[:4500], shuffled[:4500], l2=10.0)
    fresh, truth = planted(9000, 4)
    rows = blended(stacker, fresh)
    for c in range(3):
        other = generator(4, "shuffled").permutation(truth) == c
        error = np.sqrt((len(truth) + 1) / (12 * other.sum() * (~other).sum()))
        assert abs(area(rows[:, c], other) - 0.5) < 3 * error
    shares = np.bincount(shuffled[:4500], minlength=3) / 4500
    assert losses(rows, truth[generator(5, "shuffled").permutation(9000)]).mean() < -(shares @ np.log(shares)) + 0.01


def test_calibrated_members_that_agree_stay_as_they_are() -> None:
    """One member that says the chances themselves has weight 1 and no bias."""
    rows, y = planted(40_000, 5, noise=(0.0,))
    stacker = Stacker.fit(rows, y, l2=1e-6)
    assert stacker.weights[0] == pytest.approx(1.0, abs=0.05)
    np.testing.assert_allclose(stacker.bias, 0.0, atol=0.03)


def test_a_row_alone_has_the_bits_that_it_has_among_many() -> None:
    stacker = Stacker.fit(*planted(500, 6), l2=1.0)
    rows, _ = planted(100, 7)
    together = blended(stacker, rows)
    np.testing.assert_array_equal(np.concatenate([blended(stacker, rows[n : n + 1]) for n in range(100)]), together)
    np.testing.assert_allclose(together.sum(axis=1), 1.0, rtol=1e-12)
    again = Stacker.from_state(stacker.state())
    np.testing.assert_array_equal(blended(again, rows), together)


def test_seeds_of_a_member_are_averaged_first_and_what_is_not_known_is_not_said() -> None:
    rows, _ = planted(20, 8)
    stacker = Stacker(np.array([0.7, 0.2]), np.array([0.1, 0.0, -0.1]), [0, 0, 1])
    mean = [(rows[:, 0] + rows[:, 1]) / 2, rows[:, 2]]
    expected = Stacker(stacker.weights, stacker.bias).blended(mean)
    np.testing.assert_allclose(blended(stacker, rows), expected, rtol=1e-12)
    rows[3, 1] = np.nan
    assert np.isnan(blended(stacker, rows)[3]).all()
    assert np.isfinite(np.delete(blended(stacker, rows), 3, axis=0)).all()


def test_a_mistake_is_one_line() -> None:
    rows, y = planted(10, 9)
    with pytest.raises(DataError, match=r"y: must have one class for each of the 10 rows"):
        Stacker.fit(rows, y[:9], 1.0)
    with pytest.raises(DataError, match=r"must be \(row, member, class\), with at least one row"):
        Stacker.fit(rows[:0], y[:0], 1.0)
    rows[2, 0, 0] = np.nan
    with pytest.raises(DataError, match="leave out rows that a member does not know"):
        Stacker.fit(rows, y, 1.0)
    with pytest.raises(RunError, match="must be what a run wrote of its stack"):
        Stacker.from_state({"weights": [1.0]})
