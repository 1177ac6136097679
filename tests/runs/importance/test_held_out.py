"""Losses of shifted columns: the twins row by row and shift by shift, planted features, and p-values of chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from regimen.errors import SplitError
from regimen.metrics import benjamini_hochberg, exceedance_p
from regimen.runs.importance.held_out import SMALLEST, HeldOut, RowSight
from regimen.runs.importance.mean_decrease import mean_decrease, most_shifts
from regimen.runs.importance.rotation import Rotation
from regimen.windows import SeriesWindows

Floats = NDArray[np.float64]


class Ridge:
    """Softmax of a ridge regression on the classes: a classifier in closed form."""

    schema = ""
    context = 1

    def __init__(self, x: Floats, y: NDArray[np.int64], penalty: float = 1.0) -> None:
        self.inputs = x.shape[1]
        classes = np.eye(3)[y]
        self.bias = classes.mean(axis=0)
        gram = x.T @ x + penalty * np.eye(x.shape[1])
        self.weights = np.linalg.solve(gram, x.T @ (classes - self.bias))

    def predict_proba(self, x: NDArray[np.floating] | SeriesWindows) -> Floats:
        assert not isinstance(x, SeriesWindows)
        scores = 3.0 * np.einsum("nf,fc->nc", np.asarray(x, np.float64), self.weights) + np.log(self.bias)
        said = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(said / said.sum(axis=1, keepdims=True))


def part_of(
    x: Floats, y: NDArray[np.int64], seed: int = 0, *, least: int = 5, columns: int = 1, shifts: int = 99
) -> HeldOut:
    """Half of the rows of one symbol are learned from, the other half held out."""
    half = len(x) // 2
    known = np.ones((len(x) - half, 1), dtype=np.bool_)
    shares = np.random.default_rng(seed).random(most_shifts(columns, shifts))
    sight = RowSight(Ridge(x[:half], y[:half]), x[half:], np.arange(len(x) - half))
    return HeldOut(sight, y[half:], Rotation(known, least), shares)


def persistent(random: np.random.Generator, rows: int, columns: int, memory: float = 0.9) -> Floats:
    """Independent columns that remember: AR(1) of unit variance."""
    noise = random.normal(size=(rows + 100, columns)) * np.sqrt(1.0 - memory**2)
    for t in range(1, len(noise)):
        noise[t] += memory * noise[t - 1]
    return np.asarray(noise[100:])


def overlapping(random: np.random.Generator, rows: int, horizon: int) -> NDArray[np.int64]:
    """Labels whose spans overlap: terciles of a sum of the next moves."""
    moves = random.normal(size=rows + horizon)
    total = np.convolve(moves, np.ones(horizon), "valid")[:rows]
    return np.searchsorted(np.quantile(total, [1 / 3, 2 / 3]), total)


def silent(_message: str) -> None:
    """A step that shows nothing."""


def test_losses_are_those_of_the_twin_row_by_row() -> None:
    """A panel with holes: each symbol's known rows are rolled by hand, and each row is asked about alone."""
    random = np.random.default_rng(3)
    known = random.random((60, 3)) < 0.8
    scored = known & (random.random(known.shape) < 0.9)
    table, y = random.normal(size=(60, 3, 4)).astype(np.float32), random.integers(0, 3, (60, 3))
    model = Ridge(random.normal(size=(50, 4)), random.integers(0, 3, 50))
    shares = random.random(7)
    part = HeldOut(RowSight(model, table[known], np.flatnonzero(scored[known])), y[scored], Rotation(known, 4), shares)
    for columns in ((), (2,), (0, 3)):
        expected = []
        for share in shares:
            moved = table.copy()
            for s in range(3):
                places = np.flatnonzero(known[:, s])
                by = 4 + int(share * (len(places) - 2 * 4 + 1))
                assert 4 <= by <= len(places) - 4
                for k, t in enumerate(places):
                    moved[t, s, list(columns)] = table[places[k - by], s, list(columns)]
            loss = [
                -np.log(max(model.predict_proba(moved[t, s][None])[0, y[t, s]], SMALLEST))
                for t, s in zip(*np.nonzero(scored), strict=True)
            ]
            expected.append(np.sum(loss))
        np.testing.assert_allclose(part.shifted(columns, 0, 7), expected, rtol=1e-9)
    assert part.rows == scored.sum()
    np.testing.assert_array_equal(part.shifted((1,), 2, 5), part.shifted((1,), 0, 7)[2:5])
    np.testing.assert_array_equal(part.shifted((), 0, 3), np.full(3, part.loss))  # nothing is left from before
    prior = np.array([0.2, 0.3, 0.5])
    assert part.prior_loss(prior) == pytest.approx(-np.log(prior[y[scored]]).sum())


def test_only_the_planted_feature_matters_and_its_duplicate_shares_with_it() -> None:
    random = np.random.default_rng(1)
    x = persistent(random, 2000, 6)
    y = np.digitize(x[:, 2] + random.normal(size=2000), [-0.7, 0.7])
    names = {f"f{k}": [k] for k in range(6)}
    alone = {row.name: row for row in mean_decrease("feature", names, [part_of(x, y, columns=6)], 99, silent)}
    assert {name for name, row in alone.items() if row.verdict == "mattered"} == {"f2"}
    assert alone["f2"].p == pytest.approx(1 / 241)  # shifted on, until the correction can tell
    assert {row.shifts for row in alone.values() if row.p > 0.05} <= set(range(5, 100))
    assert {row.shifts for row in alone.values() if row.p > 0.1} <= set(range(5, 50))  # no more than it takes
    x[:, 3] = x[:, 2]
    part = part_of(x, y, columns=6)
    two = {row.name: row for row in mean_decrease("feature", names, [part], 99, silent)}
    assert {name for name, row in two.items() if row.verdict == "mattered"} == {"f2", "f3"}
    assert two["f2"].rise == pytest.approx(two["f3"].rise, rel=1e-6)
    assert two["f2"].rise < 0.5 * alone["f2"].rise
    (both,) = mean_decrease("group", {"both": [2, 3]}, [part], 99, silent)
    assert both.rise == pytest.approx(alone["f2"].rise, rel=0.1)


def chances(runs: int, seed: int, *, permuted: bool) -> Floats:
    """p-values of a feature that remembers, where no feature has to do with the labels."""
    p = np.empty(runs)
    for run in range(runs):
        random = np.random.default_rng([seed, run])
        x, y = persistent(random, 400, 3), overlapping(random, 400, 5)
        y = random.permutation(y) if permuted else y
        (row,) = mean_decrease("feature", {"noise": [0]}, [part_of(x, y, run)], 99, silent)
        p[run] = row.p
    return p


@pytest.mark.parametrize("permuted", [True, False])
def test_p_is_uniform_where_nothing_matters(permuted: bool) -> None:
    """Under permuted labels, and where both feature and labels remember: there a permutation would be wrong."""
    p = chances(200, 2, permuted=permuted)
    deviations = [abs((p <= a).mean() - a) for a in np.unique(p)]  # uniform on the values that it can take
    assert max(deviations) < stats.kstwo.ppf(0.99, len(p))  # of Kolmogorov and Smirnov
    assert (p <= 0.05).mean() <= 0.09


class Chance:
    """Losses for which a shift of column k is as good as none with probability u_k, whatever is shifted."""

    rows = 1
    loss = 0.5

    def __init__(self, random: np.random.Generator, columns: int) -> None:
        self._random, self._chances = random, random.random(columns)

    def shifted(self, columns: Sequence[int], start: int, stop: int) -> Floats:
        good = self._random.random(max(stop - start, 0)) < self._chances[columns[0]]
        return np.where(good, 0.4, 0.6)


def test_shifting_on_what_no_shift_reached_makes_no_more_of_chance() -> None:
    """Sixty columns of noise: p <= a with a frequency of a at most, and hardly a run in which one of them mattered."""
    random = np.random.default_rng(0)
    p: list[float] = []
    runs_with_one = 0
    for _ in range(40):
        part: Any = Chance(random, 60)
        rows = mean_decrease("feature", {str(k): [k] for k in range(60)}, [part], 99, silent)
        p += [row.p for row in rows]
        runs_with_one += any(row.verdict == "mattered" for row in rows)
    for level in (0.002, 0.01, 0.02, 0.05, 0.5):
        assert np.mean(np.array(p) <= level) <= level + 3.0 * np.sqrt(level / len(p))
    assert runs_with_one <= 6


def test_stopping_early_changes_no_verdict_and_no_p_of_what_mattered() -> None:
    """The twin makes all shifts, and is compared in 20 runs of twelve columns, the first five of which matter a bit."""
    for run in range(20):
        random = np.random.default_rng(run)
        chances = np.concatenate([[0.0, 0.0, 0.01, 0.02, 0.03], random.random(7)])
        losses = np.where(random.random((12, 480)) < chances[:, None], 0.4, 0.6)
        part: Any = Listed(losses)
        rows = mean_decrease("feature", {str(k): [k] for k in range(12)}, [part], 99, silent)
        reached = losses[:, :99] <= part.loss
        wanted = np.ceil(2 * 12 / (0.05 * max(1, (~reached.any(axis=1)).sum())))
        counts = np.where(reached.any(axis=1), 99, max(99, int(wanted)))
        p = np.array([exceedance_p(part.loss, row[:count]) for row, count in zip(losses, counts, strict=True)])
        mattered = benjamini_hochberg(p) <= 0.05
        assert [row.verdict == "mattered" for row in rows] == mattered.tolist()
        for row, twin in zip(rows, p, strict=True):
            assert (row.p <= 0.05) == (twin <= 0.05)
            assert row.p == pytest.approx(twin) or min(row.p, twin) > 0.05
        assert sum(row.shifts for row in rows) < 0.8 * counts.sum()


class Listed:
    """Losses of each column by the number of the shift."""

    rows = 1
    loss = 0.5

    def __init__(self, losses: Floats) -> None:
        self._losses = losses

    def shifted(self, columns: Sequence[int], start: int, stop: int) -> Floats:
        return self._losses[columns[0], start:stop]


def test_the_order_of_the_folds_changes_nothing() -> None:
    random = np.random.default_rng(5)
    parts = [
        part_of(persistent(random, 300, 2), random.integers(0, 3, 300), seed, columns=2, shifts=19) for seed in range(4)
    ]
    names: dict[str, Sequence[int]] = {"a": [0], "b": [1]}
    rows = mean_decrease("feature", names, parts, 19, silent)
    assert rows == mean_decrease("feature", names, [parts[k] for k in (2, 0, 3, 1)], 19, silent)


def test_what_cannot_be_shifted_or_scored_is_one_line() -> None:
    x, y = np.zeros((20, 2)), np.resize([0, 1, 2], 20)
    with pytest.raises(SplitError, match=r"folds: must hold out more than 10 known rows of a symbol.*got 10"):
        part_of(x, y)
    x = np.full((60, 2), np.nan)
    model = Ridge(np.ones((3, 2)), np.array([0, 1, 2]))
    with pytest.raises(SplitError, match="folds: must hold out rows of which the model sees all it needs"):
        HeldOut(RowSight(model, x, np.arange(60)), np.zeros(60, int), Rotation(np.ones((60, 1), bool), 5), x[:0, 0])
