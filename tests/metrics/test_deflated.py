"""PSR, track record, DSR and effective trials against golden vectors, scipy and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from regimen import metrics


def test_golden_vector() -> None:
    # Computed twice independently from Bailey & López de Prado (2014), eq. 1 and 2.
    assert metrics.expected_max_sharpe(100, 1 / 500) == pytest.approx(0.113172, abs=5e-7)
    assert metrics.dsr(0.15, 500, -0.5, 5.0, 100, 1 / 500) == pytest.approx(0.783856, abs=5e-7)


def test_one_trial_is_not_deflated() -> None:
    assert metrics.expected_max_sharpe(1, 0.01) == 0.0
    assert metrics.dsr(0.1, 300, 0.2, 4.0, 1, 0.01) == metrics.psr(0.1, 300, 0.2, 4.0)


@pytest.mark.parametrize("sharpe", [-0.2, 0.0, 0.03, 0.4])
@pytest.mark.parametrize(("skew", "kurtosis"), [(0.0, 3.0), (-1.2, 7.5), (0.8, 4.0)])
def test_psr_is_the_formula_in_scipy(sharpe: float, skew: float, kurtosis: float) -> None:
    bars, benchmark = 731, 0.01
    error = math.sqrt((1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2) / (bars - 1))
    expected = stats.norm.cdf((sharpe - benchmark) / error)
    assert metrics.psr(sharpe, bars, skew, kurtosis, benchmark) == pytest.approx(expected, rel=1e-12)


def test_normal_cdf_keeps_its_tails() -> None:
    for value in (-30.0, -8.0, -1.0, 0.0, 2.5, 9.0):
        assert metrics.normal_cdf(value) == pytest.approx(stats.norm.cdf(value), rel=1e-12)


def test_minimum_track_record_inverts_psr() -> None:
    bars = metrics.minimum_track_record(0.07, -0.6, 6.0, benchmark=0.01, level=0.95)
    inner = 1 + 0.6 * 0.07 + 5 / 4 * 0.07**2
    assert stats.norm.cdf((0.07 - 0.01) * math.sqrt(bars - 1) / math.sqrt(inner)) == pytest.approx(0.95, abs=1e-12)
    assert metrics.minimum_track_record(0.0) == math.inf
    assert math.isnan(metrics.minimum_track_record(math.nan))


def test_undefined_sharpe_is_undefined_everywhere() -> None:
    assert math.isnan(metrics.psr(math.nan, 100))
    assert math.isnan(metrics.dsr(math.nan, 100, 0.0, 3.0, 10, 0.01))
    assert math.isnan(metrics.psr(0.1, 1))


def test_expected_maximum_against_simulation() -> None:
    random = np.random.default_rng(5)
    for trials in (5, 20, 100, 1000):
        best = random.normal(0.0, 0.05, (4000, trials)).max(axis=1).mean()
        assert metrics.expected_max_sharpe(trials, 0.05**2) == pytest.approx(best, rel=0.04)


def test_more_trials_never_raise_the_dsr() -> None:
    values = [metrics.dsr(0.1, 400, 0.0, 3.0, trials, 1 / 400) for trials in (1, 2, 3, 5, 10, 100, 10_000)]
    assert values == sorted(values, reverse=True)


def best_of_noise(markets: int, trials: int, bars: int) -> tuple[float, float]:
    """Shares of markets whose best noise strategy has PSR > 0.95 and DSR > 0.95."""
    random = np.random.default_rng(2)
    naive = deflated = 0
    for _ in range(markets):
        noise = random.standard_normal((trials, bars))
        sharpes = noise.mean(axis=1) / noise.std(axis=1, ddof=1)
        best = noise[int(sharpes.argmax())]
        shape = metrics.skewness(best), metrics.kurtosis(best)
        naive += metrics.psr(float(sharpes.max()), bars, *shape) > 0.95
        deflated += metrics.dsr(float(sharpes.max()), bars, *shape, trials, float(sharpes.var(ddof=1))) > 0.95
    return naive / markets, deflated / markets


def test_the_best_of_a_hundred_noise_strategies_fools_psr_and_not_dsr() -> None:
    # The design's own measurement: 99.5 % and 0.15 %.
    naive, deflated = best_of_noise(markets=2000, trials=100, bars=500)
    assert naive >= 0.985
    assert deflated <= 0.01


def families(sizes: list[int], within: float, bars: int = 3000) -> np.ndarray:
    random = np.random.default_rng(9)
    rows = []
    for size in sizes:
        shared = random.standard_normal(bars)
        for _ in range(size):
            rows.append(math.sqrt(within) * shared + math.sqrt(1 - within) * random.standard_normal(bars))
    return np.corrcoef(np.array(rows))


def test_effective_trials_counts_families() -> None:
    assert metrics.effective_trials(families([10, 5, 1], within=0.9)) == 3
    assert metrics.effective_trials(np.eye(7)) == 7
    assert metrics.effective_trials(np.ones((6, 6))) == 1
    unknown = np.full((4, 4), math.nan)
    assert metrics.effective_trials(unknown) == 4


def test_effective_trials_leaves_its_input_alone() -> None:
    correlation = families([3, 2], within=0.8)
    kept = correlation.copy()
    metrics.effective_trials(correlation)
    np.testing.assert_array_equal(correlation, kept)


def merged_families(correlation: np.ndarray, threshold: float) -> int:
    """Average linkage by its definition: the two groups of highest mean correlation merge, while it is high enough."""
    groups = [[k] for k in range(len(correlation))]
    while len(groups) > 1:
        pairs = [(i, j) for i in range(len(groups)) for j in range(i)]
        means = [correlation[np.ix_(groups[i], groups[j])].mean() for i, j in pairs]
        if max(means) < threshold:
            break
        i, j = pairs[int(np.argmax(means))]
        groups[j] += groups.pop(i)
    return len(groups)


@pytest.mark.parametrize("within", [0.3, 0.5, 0.6, 0.75])
@pytest.mark.parametrize("seed", range(10))
def test_effective_trials_are_average_linkage(within: float, seed: int) -> None:
    # Strategies that load on two shared factors at random: clusters of all sizes, none of them clean.
    random = np.random.default_rng(seed)
    loads = random.standard_normal((25, 2)) @ random.standard_normal((2, 200))
    rows = math.sqrt(within) * loads + math.sqrt(1 - within) * random.standard_normal((25, 200))
    correlation = np.corrcoef(rows)
    expected = merged_families(correlation, 0.5)
    assert 1 < expected < 25
    assert metrics.effective_trials(correlation) == expected


def test_one_trial_is_one_and_none_is_none() -> None:
    assert metrics.effective_trials(np.ones((1, 1))) == 1
    assert metrics.effective_trials(np.ones((0, 0))) == 0
