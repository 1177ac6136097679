"""TimeGAN against processes whose autocorrelations are known, and what windows must keep: class, targets, seed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from regimen.augment.samples import LearnedRows
from regimen.augment.timegan import TimeGANConfig
from regimen.errors import DataError
from regimen.splits import Slice
from regimen.splits.slices import make_slice
from regimen.windows import SeriesWindows

SMALL = TimeGANConfig(steps=200, hidden=12, rate=1e-2)
PHI, ALPHA, BETA = 0.6, 0.2, 0.6


def _training(rows: int) -> Slice:
    return make_slice("train", 0, np.ones((rows, 1), dtype=np.bool_), rows)


def _ar1(rows: int, seed: int = 0) -> np.ndarray:
    noise, x = np.random.default_rng(seed).normal(size=rows), np.zeros(rows)
    for t in range(1, rows):
        x[t] = PHI * x[t - 1] + noise[t]
    return x


def _garch(rows: int, seed: int = 0) -> np.ndarray:
    noise, x, variance = np.random.default_rng(seed).normal(size=rows), np.zeros(rows), 1.0
    for t in range(1, rows):
        variance = (1.0 - ALPHA - BETA) + ALPHA * x[t - 1] ** 2 + BETA * variance
        x[t] = np.sqrt(variance) * noise[t]
    return x


def _windows(x: np.ndarray, length: int) -> LearnedRows:
    series = x.reshape(len(x), -1).astype(np.float32)
    ends = np.arange(length - 1, len(x))
    return LearnedRows(SeriesWindows(series, ends, length), np.zeros(len(ends), dtype=np.int64))


def _autocorrelations(windows: np.ndarray, lags: int = 5) -> np.ndarray:
    apart = windows.astype(np.float64) - windows.mean()
    own = [(apart[:, k:] * apart[:, : apart.shape[1] - k]).mean() for k in range(lags + 1)]
    return np.array(own[1:]) / own[0]


def test_an_ar1_keeps_its_autocorrelations() -> None:
    """φ^k, lags 1 to 5, within .05."""
    data = _windows(_ar1(20_000), 8)
    made = SMALL.fit(data, _training(len(data.y)), 0).rows(4000, 1)
    assert made.x.shape == (4000, 8, 1)
    np.testing.assert_allclose(_autocorrelations(made.x[:]), PHI ** np.arange(1, 6), atol=0.05)
    assert made.x[:].std() == pytest.approx(1 / np.sqrt(1 - PHI**2), rel=0.05)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_garch_keeps_the_autocorrelations_of_its_squares() -> None:
    """ρ₁ = α(1 − αβ − β²) / (1 − 2αβ − β²), ρ_k = ρ₁(α + β)^(k − 1) (Bollerslev 1988), within .05."""
    data = _windows(_garch(40_000), 16)
    config = TimeGANConfig(hidden=16)  # 360 steps instead of 1,000 are .054 off at the first lag
    made = config.fit(data, _training(len(data.y)), 0).rows(8000, 1)
    first = ALPHA * (1 - ALPHA * BETA - BETA**2) / (1 - 2 * ALPHA * BETA - BETA**2)
    np.testing.assert_allclose(
        _autocorrelations(np.square(made.x[:])), first * (ALPHA + BETA) ** np.arange(5), atol=0.05
    )
    np.testing.assert_allclose(_autocorrelations(made.x[:]), 0.0, atol=0.05)


def test_class_and_targets_go_with_their_window_and_a_seed_is_its_windows() -> None:
    random = np.random.default_rng(0)
    y = random.integers(0, 2, 3000)
    x = random.normal(size=(3000, 4, 2))
    x[..., 0] += 1.5 * (2 * y[:, None] - 1)
    targets = {"return": x[..., 1].mean(axis=1), "regime": y.astype(float)}
    torch.manual_seed(3)
    before = torch.get_rng_state()
    fitted = SMALL.fit(LearnedRows(x, y, targets), _training(3000), 0)
    made, again, other = fitted.rows(2000, 1), fitted.rows(2000, 1), fitted.rows(2000, 2)
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(made.x[:], again.x[:])
    assert not np.array_equal(made.x[:], other.x[:])
    assert made.y.mean() == pytest.approx(y.mean(), abs=4 * 0.5 / np.sqrt(2000))
    middle = [made.x[made.y == each][..., 0].mean() for each in (0, 1)]
    np.testing.assert_allclose(middle, [-1.5, 1.5], atol=0.4)
    assert set(np.unique(made.targets["regime"])) <= {0.0, 1.0}
    assert np.corrcoef(made.x[..., 1].mean(axis=1), made.targets["return"])[0, 1] > 0.4


def test_only_what_some_window_shows_is_looked_at() -> None:
    config, x = TimeGANConfig(steps=2, hidden=4, batch=8), _ar1(300)
    data = _windows(x, 4)
    poisoned = x.copy()
    poisoned[200:] = 1e6
    few = np.arange(3, 200)
    made = [
        config.fit(
            LearnedRows(SeriesWindows(each.reshape(-1, 1).astype(np.float32), few, 4), data.y[: len(few)]),
            _training(len(few)),
            0,
        ).rows(50, 0)
        for each in (x, poisoned)
    ]
    np.testing.assert_array_equal(made[0].x[:], made[1].x[:])


def test_windows_of_one_row_are_one_line() -> None:
    with pytest.raises(DataError, match=r"^augment\.fit: must see windows of at least two rows; got 1$"):
        SMALL.fit(LearnedRows(np.ones((5, 1, 2)), np.zeros(5, dtype=np.int64)), _training(5), 0)
