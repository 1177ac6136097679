"""How hard bars are, against plain Python, at its ends, and under a poisoned future."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from regimen.labels import trailing_difficulty

N = 6


def _closes(rows: int = 80, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, (rows, 2)), axis=0))
    return np.where(rng.random(close.shape) < 0.1, np.nan, close)


def test_it_equals_its_definition() -> None:
    close = _closes()
    columns = trailing_difficulty(close, N)
    known = 0
    for s in range(2):
        for t in range(len(close)):
            logs = [math.log(price) for price in close[: t + 1, s] if not math.isnan(price)]
            if len(logs) <= N or math.isnan(close[t, s]):
                assert all(math.isnan(column[t, s]) for column in columns)
                continue
            logs = logs[-N - 1 :]
            steps = [b - a for a, b in pairwise(logs)]
            turns = sum(a * b < 0 for a, b in pairwise(steps)) / (N - 1)
            clarity = abs(logs[-1] - logs[0]) / sum(map(abs, steps))
            noise = 1.0 - np.corrcoef(np.arange(N + 1), logs)[0, 1] ** 2
            known += 1
            assert columns.sign_changes[t, s] == pytest.approx(turns)
            assert columns.clarity[t, s] == pytest.approx(clarity)
            assert columns.noise[t, s] == pytest.approx(noise, abs=1e-9)
    assert known > 100


def test_a_straight_way_is_easy_and_a_zigzag_is_hard() -> None:
    straight = trailing_difficulty(np.exp(0.01 * np.arange(20.0))[:, None], N)
    zigzag = trailing_difficulty(np.where(np.arange(20) % 2, 1.01, 1.0)[:, None], N)
    still = trailing_difficulty(np.ones((20, 1)), N)
    assert [round(float(column[-1, 0]), 9) for column in straight] == [0.0, 1.0, 0.0]
    assert [round(float(column[-1, 0]), 2) for column in zigzag] == [1.0, 0.0, 1.0]
    assert [float(column[-1, 0]) for column in still] == [0.0, 0.0, 1.0]


def test_nothing_later_is_seen() -> None:
    close = _closes()
    columns = trailing_difficulty(close, N)
    for t in (10, 40, 70):
        poisoned = np.where(np.arange(len(close))[:, None] > t, np.random.default_rng(t).uniform(1, 999), close)
        for before, after in zip(columns, trailing_difficulty(poisoned, N), strict=True):
            np.testing.assert_array_equal(before[: t + 1], after[: t + 1])
