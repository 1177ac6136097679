"""Spans as shares of the series: they tile it whatever its length, and nonsense is one line."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from regimen.splits import WalkForwardConfig
from regimen.splits.durations import boundaries, in_bars, share, train_start


def clock(bars: int) -> np.ndarray:
    return np.datetime64("2020-01-01", "ns") + np.arange(bars) * np.timedelta64(3600, "s")


@given(bars=st.integers(20, 3000), first=st.integers(0, 9))
def test_half_and_tenths_leave_five_tests_of_any_series(bars: int, first: int) -> None:
    edges = boundaries(clock(bars), first, "50%", "10%")
    assert len(edges) == 6
    assert edges[-1] == bars
    exact = [first + Fraction(bars - first) * k / 10 for k in range(5, 11)]
    assert edges == [int(edge) for edge in exact]


def test_shares_mix_with_bars_and_durations() -> None:
    assert boundaries(clock(1000), 0, 300, "20%") == [300, 500, 700, 900, 1000]
    assert boundaries(clock(1000), 100, "40%", 150) == [460, 610, 760, 910, 1000]
    assert boundaries(clock(1000), 0, "90%", "2d") == [900, 948, 996, 1000]
    assert boundaries(clock(1000), 0, "30d", "10%") == [720, 820, 920, 1000]


def test_a_rolling_training_keeps_its_share() -> None:
    assert train_start(clock(1001), 0, 700, "50%") == 200
    assert train_start(clock(1001), 0, 500, "50%") == 0


def test_a_share_is_exact_where_a_float_is_not() -> None:
    assert share("33.3%") == Fraction(333, 1000)
    assert in_bars("29%", 100) == 29  # int(0.29 * 100) is 28
    assert in_bars("1%", 10) == 1
    assert in_bars("2y", 10) == "2y"


@pytest.mark.parametrize("text", ["0%", "100%", "140%", "%", "-5%", "5 percent"])
def test_what_is_no_share_says_what_is_one(text: str) -> None:
    with pytest.raises(ValidationError, match='or a share of the bars above 0 and below 100: "40%"'):
        WalkForwardConfig(train=text)
