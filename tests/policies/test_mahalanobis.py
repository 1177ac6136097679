"""Shrinkage against scikit-learn, p-values that are uniform, a shift that is found, rows alone and among others."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from regimen.errors import RunError
from regimen.policies.mahalanobis import TrainingCloud, ledoit_wolf

WIDTH = 12


def rows_of(count: int, seed: int, shift: float = 0.0) -> NDArray[np.float64]:
    """Correlated rows with heavy tails, in units that differ by a thousand."""
    rng = np.random.default_rng(seed)
    mixed = rng.standard_t(5, (count, WIDTH)) @ np.random.default_rng(99).normal(size=(WIDTH, WIDTH))
    return (mixed + shift) * np.logspace(-3.0, 3.0, WIDTH) + 7.0


def test_the_shrinkage_is_that_of_scikit_learn() -> None:
    covariance = pytest.importorskip("sklearn.covariance")
    for count in (8, 40, 3000):
        rows = rows_of(count, count)
        rows = (rows - rows.mean(axis=0)) / rows.std(axis=0)
        mine, shrinkage = ledoit_wolf(rows)
        theirs, delta = covariance.ledoit_wolf(rows, assume_centered=True)
        assert shrinkage == pytest.approx(delta, rel=1e-9)
        np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-12)


def test_the_distance_is_the_textbook_one() -> None:
    train, new = rows_of(400, 0), rows_of(50, 1)
    cloud = TrainingCloud.fit(train, rows_of(10, 2))
    standard = (train - train.mean(axis=0)) / train.std(axis=0)
    covariance, _ = ledoit_wolf(standard)
    away = (new - train.mean(axis=0)) / train.std(axis=0)
    expected = np.einsum("ni,ij,nj->n", away, np.linalg.inv(covariance), away)
    np.testing.assert_allclose(cloud.distances(new), expected, rtol=1e-9)


def test_p_values_count_the_rows_that_are_at_least_as_far() -> None:
    cloud = TrainingCloud.fit(rows_of(300, 0), validation := rows_of(200, 1))
    new = np.concatenate([rows_of(100, 2), validation[:5]])  # with ties
    known, found = cloud.distances(validation), cloud.p_values(new)
    for distance, p in zip(cloud.distances(new), found, strict=True):
        assert p == (1 + sum(other >= distance for other in known)) / 201


def test_p_values_of_the_same_distribution_are_uniform() -> None:
    # Over many clouds: given one validation slice the p-values of many rows share its luck.
    found = np.concatenate(
        [
            TrainingCloud.fit(rows_of(150, seed), rows_of(199, seed + 1000)).p_values(rows_of(5, seed + 2000))
            for seed in range(150)
        ]
    )
    continuous = found - np.random.default_rng(0).random(len(found)) / 200  # from steps of 1/200 to a line
    assert stats.kstest(continuous, "uniform").pvalue > 0.01
    assert abs((found < 0.05 + 1e-12).mean() - 0.045) < 3 * np.sqrt(0.05 * 0.95 / len(found))


def test_a_planted_shift_is_found_where_it_is() -> None:
    cloud = TrainingCloud.fit(rows_of(2000, 0), rows_of(1000, 1))
    new = rows_of(400, 2)
    new[150:250] = rows_of(100, 3, shift=40.0)
    gated = cloud.p_values(new) < 0.01
    assert gated[150:250].all()
    assert gated[:150].mean() < 0.05
    assert gated[250:].mean() < 0.05
    # A row whose columns are each usual, but not together.
    twisted = new[:1].copy()
    twisted[0] = 7.0 + 2.5 * np.tile([1.0, -1.0], WIDTH // 2) * (rows_of(2000, 0) - 7.0).std(axis=0)
    assert cloud.p_values(twisted)[0] < 0.01


def test_a_row_that_is_not_whole_has_no_p_value_and_one_alone_the_same_bits() -> None:
    train = rows_of(500, 0)
    train[::7, 3] = np.nan
    cloud = TrainingCloud.fit(train, rows_of(300, 1))
    new = rows_of(64, 2)
    new[5, 0], new[6, 1] = np.nan, np.inf
    together = cloud.p_values(new)
    assert np.flatnonzero(np.isnan(together)).tolist() == [5, 6]
    for n in range(64):
        np.testing.assert_array_equal(cloud.p_values(new[n : n + 1]), together[n : n + 1])
        np.testing.assert_array_equal(cloud.distances(new[n : n + 1]), cloud.distances(new)[n : n + 1])


def test_a_column_that_never_moved_tells_no_distance() -> None:
    train, validation, new = rows_of(500, 0), rows_of(300, 1), rows_of(20, 2)
    train[:, 4] = validation[:, 4] = 0.1
    cloud = TrainingCloud.fit(train, validation)
    found = cloud.p_values(new)
    new[:, 4] = 1e6
    np.testing.assert_array_equal(cloud.p_values(new), found)


@pytest.mark.parametrize(
    ("train", "validation", "words"),
    [
        (np.empty((9, 0)), np.empty((9, 0)), "novelty: needs features"),
        (np.full((9, 2), np.nan), np.ones((9, 2)), "needs training rows without a missing feature, at least 2; got 0"),
        (rows_of(9, 0), np.full((9, WIDTH), np.nan), "needs validation rows without a missing feature"),
        (np.ones((9, 2)), np.ones((9, 2)), "needs training rows that differ"),
    ],
)
def test_rows_that_make_no_cloud_are_refused(
    train: NDArray[np.float64], validation: NDArray[np.float64], words: str
) -> None:
    with pytest.raises(RunError, match=words):
        TrainingCloud.fit(train, validation)
