"""Bins and the index, beside a twin that counts value by value."""

from __future__ import annotations

import numpy as np

from regimen.monitoring.drift.bins import binned, counted, padded, psi, quantile_edges

RNG = np.random.default_rng(3)


def test_bins_are_those_of_a_count_value_by_value() -> None:
    rows = np.stack([RNG.normal(size=500), RNG.integers(0, 3, 500).astype(float), np.full(500, np.nan)], axis=1)
    rows[::7, 0] = np.nan
    rows[3, 0] = np.inf
    inner = quantile_edges(rows, 5)
    assert [len(edges) for edges in inner] == [4, 3, 0]
    counts = counted(binned(rows, padded(inner, 5)), 6)
    for column, edges in enumerate(inner):
        expected = np.zeros(6, int)
        for value in rows[:, column]:
            expected[5 if not np.isfinite(value) else sum(value >= edge for edge in edges)] += 1
        np.testing.assert_array_equal(counts[column], expected)


def test_the_index_is_that_of_its_formula() -> None:
    counts, reference = np.array([[3, 0, 7]]), np.array([[10, 20, 30]])
    p, q = np.array([3.5, 0.5, 7.5]) / 11.5, np.array([10.5, 20.5, 30.5]) / 61.5
    np.testing.assert_allclose(psi(counts, reference), [np.sum((p - q) * np.log(p / q))], rtol=1e-14)
    assert psi(reference, reference)[0] == 0.0
