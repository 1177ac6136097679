"""Columns as normal scores and back: ranks inside, Pareto tails outside, repeated values as they are."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import genpareto, norm
from scipy.stats import t as student

from regimen.augment.margins import Margins, ParetoTail
from regimen.seeding import generator


def _heavy(rows: int, seed: int = 0) -> np.ndarray:
    return student.rvs(4, size=(rows, 3), random_state=np.random.default_rng(seed))


def test_scores_are_standard_normal_and_lead_back() -> None:
    values = _heavy(5000)
    margins = Margins.fit(values, 0.01)
    scores = margins.scores(values, generator(0))
    np.testing.assert_allclose(np.sort(scores, axis=0)[:, 0], norm.ppf((np.arange(5000) + 0.5) / 5000), atol=1e-12)
    inside = np.abs(scores) < 2.2  # beyond, the tail is what was fitted and no longer each value
    np.testing.assert_allclose(margins.values(scores)[inside], values[inside], atol=1e-9)


def test_the_tail_goes_on_where_the_data_end() -> None:
    """The distribution is known: q99.9 of a Student t(4) is 7.173, q99.99 13.034 (scipy)."""
    values = _heavy(50_000)
    margins = Margins.fit(values, 0.01)
    for probability, within in ((0.999, 0.1), (0.9999, 0.25)):
        at = np.full((1, 3), norm.ppf(probability))
        np.testing.assert_allclose(margins.values(at)[0], student.ppf(probability, 4), rtol=within)
        np.testing.assert_allclose(margins.values(-at)[0], -student.ppf(probability, 4), rtol=within)
    assert (margins.values(np.full((1, 3), 5.5))[0] > values.max(axis=0)).all()
    small = Margins.fit(values[:500], 0.05)  # its largest value is at q99.8
    assert (small.values(np.full((1, 3), norm.ppf(0.9999)))[0] > values[:500].max(axis=0)).all()


@pytest.mark.parametrize("shape", [-0.3, 0.0, 0.4])
def test_a_pareto_tail_is_found_by_its_moments(shape: float) -> None:
    """Against the distribution that was drawn from, by scipy's own quantiles; four standard errors of the shape."""
    excess = genpareto.rvs(shape, scale=2.0, size=50_000, random_state=np.random.default_rng(3))
    tail = ParetoTail.of(np.concatenate([np.linspace(0, 1, 50_000), 1.0 + np.sort(excess)]), 50_000)
    assert tail.share == 0.5
    assert tail.threshold == 1.0
    assert tail.shape == pytest.approx(shape, abs=0.04)
    assert tail.scale == pytest.approx(2.0, rel=0.04)
    beyond = np.array([0.4, 1e-2, 1e-3])
    exact = 1.0 + genpareto.isf(beyond / 0.5, tail.shape, scale=tail.scale)
    np.testing.assert_allclose(tail.quantile(beyond), exact, rtol=1e-9)


def test_what_occurs_more_than_once_is_given_back_as_it_is() -> None:
    rng = np.random.default_rng(0)
    values = np.column_stack([rng.integers(0, 3, 3000), np.clip(rng.normal(size=3000), -1, 1), np.full(3000, 0.7)])
    margins = Margins.fit(values, 0.01)
    back = margins.values(rng.normal(size=(20_000, 3)))
    assert set(np.unique(back[:, 0])) == {0.0, 1.0, 2.0}
    np.testing.assert_allclose(
        np.bincount(back[:, 0].astype(int)) / 20_000, np.bincount(values[:, 0].astype(int)) / 3000, atol=0.015
    )
    assert (back[:, 1].min(), back[:, 1].max()) == (-1.0, 1.0)  # the cut values are no tail
    assert (back[:, 1] == 1.0).mean() == pytest.approx((values[:, 1] == 1.0).mean(), abs=0.015)
    assert (back[:, 2] == 0.7).all()


def test_few_rows_have_no_tail() -> None:
    margins = Margins.fit(_heavy(30), 0.01)
    assert margins.upper == [None, None, None]
    assert (margins.values(np.full((1, 3), 9.0))[0] == margins.ordered[-1]).all()
