"""PBO against a slow twin of its paper, on noise, and where one strategy is real."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from scipy.stats import rankdata

from regimen import metrics
from regimen.errors import ConfigError


def noise(seed: int, rows: int = 500, strategies: int = 20) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 0.01, (rows, strategies))


def twin(returns: np.ndarray, blocks: int) -> tuple[float, list[float]]:
    """Section 3 of the paper, line by line."""
    parts = np.array_split(returns, blocks)
    logits = []
    for inside in combinations(range(blocks), blocks // 2):
        known = np.concatenate([parts[each] for each in inside])
        later = np.concatenate([parts[each] for each in range(blocks) if each not in inside])
        sharpe_known = known.mean(axis=0) / known.std(axis=0, ddof=1)
        sharpe_later = later.mean(axis=0) / later.std(axis=0, ddof=1)
        rank = rankdata(sharpe_later)[sharpe_known.argmax()] / (returns.shape[1] + 1)
        logits.append(math.log(rank / (1.0 - rank)))
    return float(np.mean(np.array(logits) <= 0.0)), logits


@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_paper_line_by_line(seed: int) -> None:
    returns = noise(seed, 80, 7)
    expected, logits = twin(returns, 8)
    measured = metrics.pbo(returns, blocks=8, draws=0)
    assert measured.splits == math.comb(8, 4)
    assert measured.pbo == expected
    assert sorted(measured.logits) == pytest.approx(sorted(logits), abs=1e-12)


def test_noise_has_half_on_average_and_anything_on_one_data_set() -> None:
    values = np.array([metrics.pbo(noise(seed), blocks=10, draws=0).pbo for seed in range(100)])
    assert 0.45 <= values.mean() <= 0.55
    assert 0.12 <= values.std() <= 0.25  # why nothing is decided by one


def test_one_real_strategy_lowers_it() -> None:
    values = []
    for seed in range(50):
        returns = noise(seed)
        returns[:, 5] += 0.002  # a Sharpe ratio of .2 a day
        values.append(metrics.pbo(returns, blocks=10, draws=0).pbo)
    assert np.mean(values) <= 0.15


def test_the_noise_beside_it_knows_how_far_a_pbo_varies() -> None:
    measured = [metrics.pbo(noise(seed), blocks=10, draws=60) for seed in range(60)]
    inside = np.mean([each.null_low <= each.pbo <= each.null_high for each in measured])
    assert inside >= 0.85
    assert np.mean([each.p <= 0.1 for each in measured]) <= 0.2
    returns = noise(1)
    returns[:, 5] += 0.003
    assert metrics.pbo(returns, blocks=10, draws=100).p <= 0.05


def test_what_does_not_move_earns_nothing_and_ties_share_their_rank() -> None:
    returns = noise(4, 64, 3)
    returns[:, 0] = 0.0
    copies = np.repeat(noise(5, 64, 1), 4, axis=1)
    assert np.isfinite(metrics.pbo(returns, blocks=4, draws=5).logits).all()
    assert (metrics.pbo(copies, blocks=4, draws=0).logits == 0.0).all()
    assert (metrics.pbo(np.zeros((64, 2)), blocks=4, draws=3).logits == 0.0).all()


def test_leverage_changes_nothing_and_the_seed_repeats() -> None:
    returns = noise(6)
    lever = np.random.default_rng(1).uniform(0.1, 30.0, 20)
    first, second = metrics.pbo(returns, draws=20), metrics.pbo(returns * lever, draws=20)
    assert first.pbo == second.pbo
    assert (first.null_low, first.p) == (metrics.pbo(returns, draws=20).null_low, second.p)


@pytest.mark.parametrize(
    ("returns", "blocks", "says"),
    [
        (np.zeros((100, 1)), 16, "at least 2 strategies"),
        (np.zeros(100), 16, "shape"),
        (np.zeros((100, 2)), 7, "even"),
        (np.zeros((100, 2)), 40, "from 4 to 20"),
        (np.zeros((20, 2)), 16, "at least 32 rows"),
        (np.full((100, 2), np.nan), 16, "finite"),
    ],
)
def test_bad_input_is_one_clear_error(returns: np.ndarray, blocks: int, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        metrics.pbo(returns, blocks=blocks)
