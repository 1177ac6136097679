"""Runs that learn from made rows besides the real ones: where they stand, and where they never are."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from regimen.augment import TabDDPMConfig, nearest
from regimen.errors import ConfigError
from regimen.preprocess import StandardScaler
from regimen.records import RunConfig
from regimen.runs import find_run_leaks, reproduce_run, start
from regimen.runs.families import family_of
from regimen.runs.families.rows import training_data
from regimen.runs.families.synthetic import with_samples
from regimen.runs.prepare import Prepared, prepare
from regimen.splits import Window, purged_folds
from regimen.training import TrainingData
from regimen.windows import SeriesWindows

from .conftest import silent

Configured = Callable[..., RunConfig]
ROWS = "augment=[{kind: tabddpm, fraction: .5, steps: 20, hidden: 8, batch: 64, diffusion: 10}]"
BOTH = ROWS.replace("augment=[", "augment=[{kind: block_bootstrap, paths: 1}, ")
AGENT = ("model={kind: ppo}", "training={}", "exposure={}")
WINDOWS = "augment=[{kind: timegan, fraction: .5, steps: 5, hidden: 4, batch: 16}]"
CNN = "model={kind: cnn, context: 16, width: 4, kernels: [3], dilations: [1, 2]}"


def _data(prepared: Prepared, window: Window | None = None) -> tuple[TrainingData, TrainingData]:
    """Training data of a window, the second unless it is told, without made rows and with them."""
    window, names = window or prepared.windows[1], prepared.frame.names
    scaler = StandardScaler.fit(prepared.frame.values, window.train, names, clip=5.0)
    predictor = prepared.config.model.build(inputs=len(names), schema=prepared.features.hash)  # type: ignore[call-arg]
    plain = training_data(prepared, window, scaler, predictor)  # type: ignore[arg-type]
    return plain, with_samples(prepared, window, 0, scaler, plain)


def _digest(array: np.ndarray | None) -> str:
    assert array is not None
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def test_made_rows_follow_the_real_ones_and_are_in_no_other_slice(configured: Configured) -> None:
    """By hash: training rows before them, validation rows, and the features of the test span are what they were."""
    prepared = prepare(configured(ROWS))
    before = _digest(prepared.frame.values)
    plain, more = _data(prepared)
    count = len(plain.y_train)
    assert len(more.y_train) == count + -(-count // 2)
    assert _digest(more.x_train[:count]) == _digest(plain.x_train[:])
    assert _digest(more.y_train[:count]) == _digest(plain.y_train)
    assert more.x_val is not None
    assert plain.x_val is not None
    assert _digest(more.x_val[:]) == _digest(plain.x_val[:])
    assert _digest(more.y_val) == _digest(plain.y_val)
    assert _digest(prepared.frame.values) == before
    made = {row.tobytes() for row in more.x_train[count:]}
    assert len(made) == len(more.y_train) - count
    assert not made & {row.tobytes() for part in (plain.x_train, plain.x_val) for row in part[:]}
    assert np.abs(more.x_train[:]).max() <= 5.0


def test_made_windows_follow_the_real_ones_and_no_window_is_half_of_each(configured: Configured) -> None:
    hybrid = "model={kind: hybrid, context: 16, width: 4, kernels: [3], dilations: [1, 2], heads: 1}"
    prepared = prepare(configured(WINDOWS, hybrid))
    plain, more = _data(prepared)
    count = len(plain.y_train)
    assert more.x_train.shape == (len(more.y_train), 16, 5)
    assert len(more.y_train) == count + -(-count // 2)
    assert isinstance(more.x_train, SeriesWindows)
    assert isinstance(plain.x_train, SeriesWindows)
    assert _digest(more.x_train[:count]) == _digest(plain.x_train[:])
    assert more.x_train.ends[count] - 15 == len(plain.x_train.series)
    assert (np.diff(more.x_train.ends[count:]) == 16).all()
    assert more.x_val is not None
    assert plain.x_val is not None
    assert _digest(more.x_val[:]) == _digest(plain.x_val[:])
    assert set(more.targets_train) == set(plain.targets_train) != set()
    for name, column in more.targets_train.items():
        assert _digest(column[:count]) == _digest(plain.targets_train[name])
        assert np.isfinite(column).all()


@pytest.mark.parametrize("weights", ["null", "{uniqueness: true, half_life: 5d}"])
def test_a_made_row_stands_at_the_place_of_the_real_row_that_it_is_most_like(
    configured: Configured, weights: str
) -> None:
    words = () if weights == "null" else (f"labels.weights={weights}",)
    plain, more = _data(prepare(configured(ROWS, *words)))
    count = len(plain.y_train)
    assert more.rows is not None
    assert plain.rows is not None
    np.testing.assert_array_equal(more.rows.symbol[count:], 1)
    for row in range(count, count + 40):
        own = plain.y_train == more.y_train[row]
        apart = np.square(plain.x_train[:].astype(float) - more.x_train[row : row + 1].astype(float)).sum(axis=1)
        like = int(np.argmin(np.where(own, apart, np.inf)))
        assert (more.rows.time[row], more.rows.end[row]) == (plain.rows.time[like], plain.rows.end[like])
        assert more.rows.volatility[row] == plain.rows.volatility[like]
        if more.weights is not None:
            assert more.weights[row] == more.weights[like]
    if more.weights is not None:
        assert more.weights.mean() == pytest.approx(1.0)


def test_nearest_is_what_brute_force_says() -> None:
    random = np.random.default_rng(0)
    rows, among = random.normal(size=(700, 5)), random.normal(size=(900, 5))
    place, distance = nearest(rows, among)
    apart = np.sqrt(np.square(rows[:, None] - among).sum(axis=2))
    np.testing.assert_array_equal(place, apart.argmin(axis=1))
    np.testing.assert_allclose(distance, apart.min(axis=1), rtol=1e-5)


@pytest.mark.parametrize(
    "words",
    [
        (ROWS,),
        pytest.param((BOTH,), marks=pytest.mark.slow),
        pytest.param((WINDOWS, CNN), marks=pytest.mark.slow),
        pytest.param((ROWS, "model={kind: forest, n_estimators: 5}", "training={}"), marks=pytest.mark.slow),
    ],
)
def test_a_run_learns_from_made_rows_and_repeats_itself(
    configured: Configured, tmp_path: Path, words: tuple[str, ...]
) -> None:
    few = () if "training={}" in words else ("training.epochs=2",)
    plain, more = configured(*few, *words[1:]), configured(*few, *words)
    assert plain.hash == configured(*few, *words[1:], "augment=[]").hash != more.hash
    directory, _ = start(more, tmp_path / "runs", silent)
    other, _ = start(plain, tmp_path / "runs", silent)
    assert not reproduce_run(directory, silent).differing
    ours, theirs = (np.load(each.window(0) / "exposures.npy") for each in (directory, other))
    assert not np.array_equal(ours, theirs)


def test_a_generator_sees_real_rows_alone_where_there_are_paths_too(
    configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted: list[bytes] = []
    fit = TabDDPMConfig.fit

    def watched(self: TabDDPMConfig, data: object, part: object, seed: int) -> object:
        fitted.append(data.x[:].tobytes())  # type: ignore[attr-defined]
        return fit(self, data, part, seed)  # type: ignore[arg-type]

    monkeypatch.setattr(TabDDPMConfig, "fit", watched)
    for words in (ROWS, BOTH):
        prepared = prepare(configured(words, "training.epochs=2"))
        family_of(prepared.config.model).fit(prepared, prepared.windows[0], 0)
    assert len(set(fitted)) == 1


def test_nothing_after_the_training_slice_reaches_a_made_row(configured: Configured) -> None:
    prepared = prepare(configured(ROWS))
    values = prepared.frame.values.copy()
    values[prepared.windows[1].train.stop :] *= 3.0
    poisoned = replace(prepared, frame=replace(prepared.frame, values=values))
    ours, theirs = _data(prepared)[1], _data(poisoned)[1]
    assert _digest(ours.x_train[:]) == _digest(theirs.x_train[:])
    assert find_run_leaks(configured("training.epochs=2", ROWS), silent).leaks == ()


def test_a_fold_has_a_generator_of_its_own(configured: Configured) -> None:
    """What the fold holds out is not learned from: other numbers there change no made row."""
    prepared = prepare(configured(ROWS))
    outer = prepared.windows[0]
    fold = purged_folds(outer.train, prepared.labels, 3, 0)[1].window(outer)
    values = prepared.frame.values.copy()
    values[fold.test.start : fold.test.stop] += 1.0
    poisoned = replace(prepared, frame=replace(prepared.frame, values=values))
    ours, theirs = _data(prepared, fold)[1], _data(poisoned, fold)[1]
    assert _digest(ours.x_train[:]) == _digest(theirs.x_train[:])
    configured(ROWS, "calibration={fit_on: out_of_fold}")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            (ROWS, CNN),
            r"augment\.0\.kind must be timegan for a model that sees windows of 16 rows \(cnn\); got tabddpm",
        ),
        ((WINDOWS,), r"augment\.0\.kind must be tabddpm for a model that sees single rows \(baseline\); got timegan"),
        ((BOTH, *AGENT), r"augment\.1\.kind must make paths of bars for an agent, which trades through them \(ppo\)"),
        (("augment=[{kind: tabddpm, fraction: 0}]",), r"augment\.0\.fraction: must be .*greater than 0"),
    ],
)
def test_rows_that_do_not_fit_the_model_are_one_line(configured: Configured, words: tuple[str, ...], line: str) -> None:
    with pytest.raises(ConfigError, match=line):
        configured(*words)


def test_a_training_that_was_stopped_goes_on_with_the_same_rows(configured: Configured, tmp_path: Path) -> None:
    prepared = prepare(configured("training.epochs=3", ROWS))
    window, family = prepared.windows[0], family_of(prepared.config.model)
    whole = family.fit(prepared, window, 0)

    def stop(done: int, of: int, message: str, numbers: object) -> None:
        del of, message, numbers
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        family.fit(prepared, window, 0, tmp_path, stop)
    again = family.fit(prepared, window, 0, tmp_path)
    first, second = (each.policy.exposures(prepared.history, *prepared.span) for each in (whole, again))  # type: ignore[attr-defined]
    np.testing.assert_array_equal(first, second)
