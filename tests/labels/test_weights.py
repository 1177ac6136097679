"""Weights of rows against a count by hand of every bar of every span."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from tests.markets import random_walk

from regimen.errors import ConfigError, DataError
from regimen.labels import (
    FixedHorizonConfig,
    WeightsConfig,
    attributed_returns,
    average_uniqueness,
    label,
    log_returns,
    row_weights,
)
from regimen.records import resolve


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


@pytest.mark.parametrize(("horizon", "lag"), [(5, 1), (1, 1), (4, 3)])
def test_a_label_of_fixed_horizon_at_every_bar_is_unique_to_one_part_in_its_span(horizon: int, lag: int) -> None:
    labels = label(FixedHorizonConfig(horizon=horizon, entry_lag=lag, volatility_bars=5), random_walk(200))
    time, symbol = np.nonzero(labels.defined)
    unique = average_uniqueness(time, symbol, labels.t_end[time, symbol])
    span = (
        horizon + lag + 1
    )  # the bar of the decision, those until the entry, those that are held, and that of the exit
    np.testing.assert_allclose(unique[span:-span], 1.0 / span, rtol=1e-12)


@pytest.mark.parametrize("seed", [0, 1])
def test_attributed_returns_are_those_of_a_count_of_every_bar(seed: int) -> None:
    time, symbol, end, _ = _rows(seed)
    moves = np.random.default_rng(seed).normal(0, 0.01, (500, 3))
    spans = [[(t, s) for t in range(a + 1, b + 1)] for a, s, b in zip(time, symbol, end, strict=True)]
    count: dict[tuple[int, int], int] = {}
    for bar in (bar for span in spans for bar in span):
        count[bar] = count.get(bar, 0) + 1
    signed = [sum(moves[bar] / count[bar] for bar in span) for span in spans]
    assert sum(signed) == pytest.approx(sum(moves[bar] for bar in count))  # together they are what the bars moved
    found = attributed_returns(time, symbol, end, moves)
    np.testing.assert_allclose(found, np.abs(signed), rtol=1e-9, atol=1e-15)
    weights = row_weights(WeightsConfig(returns="attributed"), time, symbol, end, 0.0 * time, log_return=moves)
    np.testing.assert_allclose(weights, np.abs(signed) / np.mean(np.abs(signed)), rtol=1e-9)


def test_a_label_that_shares_no_bar_is_worth_what_its_bars_moved() -> None:
    close = random_walk(40).close
    found = attributed_returns(np.array([3, 20]), np.array([0, 0]), np.array([20, 30]), log_returns(close))
    expected = np.abs(np.log(close[[20, 30], 0] / close[[3, 20], 0]))
    np.testing.assert_allclose(found, expected, rtol=1e-12)  # the second begins with the bar after 20


def test_the_log_return_after_a_gap_spans_it_and_a_missing_bar_has_none() -> None:
    nan = np.nan
    moves = log_returns(np.array([[nan, 1.0], [2.0, nan], [nan, nan], [4.0, 3.0]]))
    np.testing.assert_allclose(moves, [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [np.log(2.0), np.log(3.0)]])


def test_a_half_life_that_is_a_duration_goes_by_the_clock_of_the_bars() -> None:
    days = np.array([0, 1, 2, 3, 33, 34])  # a month without a bar
    stamps = np.datetime64("2024-01-01", "ns") + days * np.timedelta64(1, "D")
    time, zeros = np.arange(6), np.zeros(6, np.int64)
    weights = row_weights(WeightsConfig(half_life="10d"), time, zeros, time + 1, np.ones(6), stamps=stamps)
    np.testing.assert_allclose(weights / weights[-1], 0.5 ** ((34 - days) / 10.0), rtol=1e-12)
    for half_life in ("240h", "14400min"):
        other = row_weights(WeightsConfig(half_life=half_life), time, zeros, time + 1, np.ones(6), stamps=stamps)
        np.testing.assert_array_equal(other, weights)
    whole = np.datetime64("2024-01-01", "s") + time * np.timedelta64(1, "D")  # without a gap it is that of the bars
    by_clock = row_weights(WeightsConfig(half_life="3d"), time, zeros, time + 1, np.ones(6), stamps=whole)
    np.testing.assert_allclose(by_clock, row_weights(WeightsConfig(half_life=3), time, zeros, time + 1, np.ones(6)))


def test_what_a_weight_needs_and_is_not_given_is_named() -> None:
    time, symbol, end, returns = _rows()
    with pytest.raises(ConfigError, match=r"^labels\.weights\.half_life: needs the time of every bar; got '1y'$"):
        row_weights(WeightsConfig(half_life="1y"), time, symbol, end, returns)
    with pytest.raises(
        ConfigError, match=r"^labels\.weights\.returns: needs the log returns of the bars; got 'attributed'"
    ):
        row_weights(WeightsConfig(returns="attributed"), time, symbol, end, returns)


@pytest.mark.parametrize(
    ("weights", "line"),
    [
        ({"half_life": 0}, r"labels\.weights\.half_life: must be greater than 0; got 0"),
        ({"half_life": "soon"}, r"labels\.weights\.half_life: must be a number of bars or a duration .*; got 'soon'"),
        ({"half_life": "0d"}, r"labels\.weights\.half_life: must be a number of bars or a duration .*; got '0d'"),
        ({"returns": "some"}, r"labels\.weights\.returns: .*; got 'some'"),
        (
            {"uniqueness": True, "returns": "attributed"},
            r"labels\.weights: uniqueness must be left out where returns are",
        ),
        ({"age": 3}, r"labels\.weights\.age: is not a known key"),
    ],
)
@pytest.mark.parametrize("kind", ["fixed_horizon", "triple_barrier", "own"])
def test_each_mistake_is_one_line(kind: str, weights: dict[str, object], line: str) -> None:
    source = {"source": "mine.py:mine", "digest": "0123456789abcdef"} if kind == "own" else {}
    with pytest.raises(ConfigError, match=f"^{line}") as caught:
        resolve({"data": {"sample": "sp500"}, "labels": {"kind": kind, **source, "weights": weights}})
    assert "\n" not in str(caught.value)


def test_what_leaves_nothing_is_refused() -> None:
    time, symbol, end, returns = _rows()
    with pytest.raises(DataError, match="must leave some row to learn from"):
        row_weights(WeightsConfig(returns=True), time, symbol, end, 0.0 * returns)
    with pytest.raises(ValidationError):
        WeightsConfig(half_life=0.0)
