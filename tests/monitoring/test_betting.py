"""The bet that one forecaster is better: a slow twin, rarely wrong at any stopping time, and right in time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from regimen.monitoring import WagerConfig, growth_units, loss_units, wager
from regimen.monitoring.betting import MOST_WAGERED, WAGERED

Floats = NDArray[np.float64]
REACH = 12


def labels_of(moves: Floats) -> NDArray[np.int64]:
    """Three classes of the sum of the next 12 moves (path, time + 12): labels that overlap."""
    total = moves.cumsum(axis=1)
    return np.digitize((total[:, REACH:] - total[:, :-REACH]) / math.sqrt(REACH), [-0.4, 0.4])


def forecast(lean: Floats) -> Floats:
    logits = np.stack([-lean, np.zeros_like(lean), lean], axis=-1)
    chances: Floats = np.exp(logits)
    return chances / chances.sum(axis=-1, keepdims=True)


def test_the_wealth_is_that_of_a_slow_twin() -> None:
    units = np.random.default_rng(0).uniform(-1.0, 1.0, 50)
    units[7] = np.nan
    config = WagerConfig(block=4, gap=2)
    stakes, means = np.ones(5), list[float]()
    expected = []
    for first in range(0, 48, 6):
        part = units[first : first + 4]
        mean = float(np.mean(part[np.isfinite(part)]))
        deviation = math.sqrt((sum(each**2 for each in means) + 2.0 / 16.0) / (len(means) + 2))
        stakes = stakes * (1.0 + np.minimum(WAGERED / (4.0 * deviation), MOST_WAGERED) * mean)
        means.append(mean)
        expected.append(math.log(stakes.mean()))
    wealth = wager(units, config)
    assert wealth.logs == pytest.approx(expected)
    assert wealth.known.tolist() == list(range(5, 48, 6))


def test_it_never_loses_all_and_reaches_a_level_at_a_block_whose_outcome_is_known() -> None:
    assert np.isfinite(wager(np.full(300, -1.0), WagerConfig(block=3)).logs).all()
    won = wager(np.full((2, 300), 1.0), WagerConfig(block=3, gap=1))
    first = won.reaches(0.05)
    assert first[0] == first[1]
    block = int(np.flatnonzero(won.logs[0] >= math.log(20.0))[0])
    assert first[0] == 4 * (block + 1) - 1
    assert wager(np.zeros(300), WagerConfig(block=3)).reaches(0.05) == -1
    assert wager(np.ones(2), WagerConfig(block=3)).reaches(0.05) == -1


def test_units_of_losses_lie_within_one_and_change_their_sign_with_the_sides() -> None:
    random = np.random.default_rng(1)
    first, second = (forecast(random.standard_normal((3, 400))) for _ in range(2))
    classes = random.integers(-1, 3, (3, 400))
    first[0, 5] = np.nan
    units = loss_units(first, second, classes)
    assert np.nanmax(np.abs(units)) <= 1.0
    assert np.isnan(units[0, 5])
    assert np.isnan(units[classes < 0]).all()
    np.testing.assert_allclose(units, -loss_units(second, first, classes))
    better = np.log(np.take_along_axis(second / first, np.maximum(classes, 0)[..., None], axis=-1))[..., 0]
    known = np.isfinite(units) & (np.abs(better) > 1e-12)
    assert (np.sign(units[known]) == np.sign(better[known])).all()
    changed = classes.copy()
    changed[:, 300:] = 1  # what comes later changes nothing before it
    np.testing.assert_array_equal(units[:, :300], loss_units(first, second, changed)[:, :300])


def test_units_of_growth_are_those_of_blocks_in_deviations_of_the_blocks_before() -> None:
    gaps = 0.01 * np.random.default_rng(2).standard_normal(40 * 5)
    units = growth_units(np.zeros(203), np.concatenate([gaps, [0.1, 0.1, 0.1]]), 5, warm=3)
    sums = gaps.reshape(40, 5).sum(axis=1)
    for block in (3, 4, 39):
        scale = 4.0 * math.sqrt(float(np.mean(sums[:block] ** 2)))
        assert units[5 * block : 5 * block + 5] == pytest.approx(np.clip(sums[block] / scale, -1.0, 1.0))
    assert (units[:15] == 0.0).all()
    assert np.isnan(units[200:]).all()


@pytest.mark.slow
def test_a_challenger_that_is_no_better_is_promoted_in_five_percent_at_most_whenever_one_stops() -> None:
    """800 paths of 300 days of hourly rows with labels of 12 bars, looked at after every block."""
    random, paths, rows = np.random.default_rng(3), 800, 24 * 300
    wrong, careless = 0, 0
    for _ in range(8):
        moves = random.standard_normal((paths // 8, rows + REACH))
        classes = labels_of(moves)
        first, second = (forecast(0.3 * random.standard_normal((paths // 8, rows))) for _ in range(2))
        units = loss_units(first, second, classes)
        wrong += int((wager(units, WagerConfig(block=48, gap=REACH)).reaches(0.05) >= 0).sum())
        # forecasts that stay as they are for a while, over labels that overlap: here the gap is what keeps the level
        lean = np.repeat(random.standard_normal((2, paths // 8, rows // REACH)), REACH, axis=-1)
        units = loss_units(forecast(0.3 * lean[0]), forecast(0.3 * lean[1]), classes)
        careless += int((wager(units, WagerConfig(block=1)).reaches(0.05) >= 0).sum())
    most = 0.05 + 3.0 * math.sqrt(0.05 * 0.95 / paths)
    assert wrong / paths <= most
    assert careless / paths > most  # row by row, without a gap, it is wrong far more often


@pytest.mark.slow
def test_a_challenger_that_knows_more_is_promoted_within_a_year() -> None:
    random, paths, rows = np.random.default_rng(4), 60, 24 * 365
    signal = random.standard_normal((paths, rows + REACH))
    for t in range(1, rows + REACH):
        signal[:, t] = 0.9 * signal[:, t - 1] + math.sqrt(0.19) * signal[:, t]
    classes = labels_of(random.standard_normal((paths, rows + REACH)) + 0.12 * np.roll(signal, 1, axis=1))
    seen = signal[:, :rows]
    first = forecast(0.25 * (seen + 2.0 * random.standard_normal((paths, rows))))
    second = forecast(0.25 * (seen + 0.5 * random.standard_normal((paths, rows))))
    config = WagerConfig(block=48, gap=REACH)
    assert (wager(loss_units(first, second, classes), config).reaches(0.05) >= 0).mean() >= 0.9
    assert (wager(loss_units(second, first, classes), config).reaches(0.05) >= 0).mean() <= 0.05


@pytest.mark.slow
def test_accounts_that_grow_alike_are_told_apart_in_five_percent_at_most_and_a_better_one_is_seen() -> None:
    random, paths, bars = np.random.default_rng(5), 400, 24 * 365
    both = 0.004 * random.standard_t(5, (paths, bars))
    noise = 0.003 * random.standard_t(5, (paths, bars))
    config = WagerConfig(block=24)

    def promoted(sharpe: float) -> float:
        units = growth_units(both, both + noise + 0.003 * math.sqrt(5 / 3) * sharpe / math.sqrt(8766.0), 24)
        return float((wager(units, config).reaches(0.05) >= 0).mean())

    assert promoted(0.0) <= 0.05 + 3.0 * math.sqrt(0.05 * 0.95 / paths)
    assert promoted(-3.0) <= 0.01
    assert promoted(4.0) >= 0.8
