"""Weights of rows against a count by hand of every bar of every span."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from regimen.errors import DataError
from regimen.labels import WeightsConfig, average_uniqueness, row_weights


def _rows(seed: int = 0, rows: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    time, symbol = rng.integers(0, 400, rows), rng.integers(0, 3, rows)
    return time, symbol, time + rng.integers(1, 30, rows), rng.normal(0, 0.02, rows)


def _by_hand(time: np.ndarray, symbol: np.ndarray, end: np.ndarray) -> list[float]:
    spans = [{(s, t) for t in range(a, b + 1)} for a, s, b in zip(time, symbol, end, strict=True)]
    count: dict[tuple[int, int], int] = {}
    for span in spans:
        for bar in span:
            count[bar] = count.get(bar, 0) + 1
    return [float(np.mean([1.0 / count[bar] for bar in span])) for span in spans]


@pytest.mark.parametrize("seed", [0, 1])
def test_uniqueness_is_that_of_a_count_of_every_bar(seed: int) -> None:
    time, symbol, end, _ = _rows(seed)
    np.testing.assert_allclose(average_uniqueness(time, symbol, end), _by_hand(time, symbol, end), rtol=1e-12)


def test_labels_of_one_length_at_every_bar_are_unique_to_their_share() -> None:
    time = np.arange(1_000)
    unique = average_uniqueness(time, np.zeros(1_000, np.int64), time + 6)
    np.testing.assert_allclose(unique[6:-6], 1 / 7)  # seven labels on each bar
    assert unique[0] == pytest.approx(np.mean([1 / k for k in range(1, 8)]))
    apart = average_uniqueness(np.array([0, 10]), np.array([0, 0]), np.array([9, 12]))
    np.testing.assert_array_equal(apart, [1.0, 1.0])


def test_weights_multiply_and_their_mean_is_one() -> None:
    time, symbol, end, returns = _rows()
    config = WeightsConfig(uniqueness=True, half_life=50, returns=True)
    expected = np.array(_by_hand(time, symbol, end)) * 0.5 ** ((time.max() - time) / 50) * np.abs(returns)
    weights = row_weights(config, time, symbol, end, returns)
    np.testing.assert_allclose(weights, expected / expected.mean(), rtol=1e-12)
    assert weights.mean() == pytest.approx(1.0, rel=1e-12)
    order = np.argsort(time)
    halves = row_weights(WeightsConfig(half_life=50), time, symbol, end, returns)[order]
    assert halves[-1] / np.interp(time.max() - 50, time[order], halves) == pytest.approx(2.0, rel=0.05)
    np.testing.assert_array_equal(row_weights(WeightsConfig(), time, symbol, end, returns), np.ones(300))


def test_what_leaves_nothing_is_refused() -> None:
    time, symbol, end, returns = _rows()
    with pytest.raises(DataError, match="must leave some row to learn from"):
        row_weights(WeightsConfig(returns=True), time, symbol, end, 0.0 * returns)
    with pytest.raises(ValidationError):
        WeightsConfig(half_life=0.0)
