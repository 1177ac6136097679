"""Runs that learn from resampled paths besides the real bars: predictors of rows and windows, and agents."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from regimen.envs import MarketGroup
from regimen.errors import ConfigError
from regimen.labels import attributed_returns, label, log_returns
from regimen.preprocess import Chain, StandardScaler
from regimen.records import RunConfig
from regimen.runs import find_run_leaks, reproduce_run, start
from regimen.runs.families import family_of
from regimen.runs.families.augmented import augmented
from regimen.runs.families.lanes import learning_env
from regimen.runs.families.rows import training_data
from regimen.runs.prepare import Prepared, prepare
from regimen.splits import purged_folds
from regimen.training import TrainingData
from regimen.windows import SeriesWindows

from .conftest import silent

Configured = Callable[..., RunConfig]
PATHS = "augment=[{kind: block_bootstrap, paths: 2, block: 30}]"
CNN = "model={kind: cnn, context: 16, width: 4, kernels: [3], dilations: [1, 2]}"
HYBRID = "model={kind: hybrid, context: 16, width: 4, kernels: [3], dilations: [1, 2], heads: 1}"
CAUSAL = "augment=[{kind: causal, factor: 2, memory: 30}]"
CRISES = "augment=[{kind: crisis, fraction: 0.1, templates: [flash-crash, luna-2022], block: 40, hindsight: true}]"
LONGER = "splits={train: 400, test: 120}"
AGENT = (
    "model={kind: ppo, hidden: [8], rollout_steps: 8, minibatch_size: 64}",
    "environment={steps: 512, n_envs: 30, episode_length: 40, evaluations: 1}",
    "training={}",
    "exposure={}",
)


def _both(prepared: Prepared) -> tuple[TrainingData, TrainingData, tuple[Prepared, ...]]:
    """Training data of the second window without paths and with them, and the paths."""
    window, names = prepared.windows[1], prepared.frame.names
    scaler = StandardScaler.fit(prepared.frame.values, window.train, names, clip=5.0)
    predictor = prepared.config.model.build(inputs=len(names), schema=prepared.features.hash)  # type: ignore[call-arg]
    paths = augmented(prepared, window, 0, Chain())
    plain, more = (training_data(prepared, window, scaler, predictor, each) for each in ((), paths))  # type: ignore[arg-type]
    return plain, more, paths


@pytest.mark.parametrize("words", [(), (CNN,), (HYBRID,), (CAUSAL,)])
def test_the_rows_of_paths_follow_the_real_ones_and_are_computed_from_their_bars(
    configured: Configured, words: tuple[str, ...]
) -> None:
    prepared = prepare(configured(PATHS, *words))
    plain, more, paths = _both(prepared)
    count, train = len(plain.y_train), prepared.windows[1].train
    assert [len(path.bars) for path in paths] == [train.stop - train.start] * 2
    assert len(more.y_train) > 2.2 * count
    np.testing.assert_array_equal(more.x_train[:count], plain.x_train[:])
    np.testing.assert_array_equal(more.y_train[:count], plain.y_train)
    assert more.rows is not None
    assert more.x_val is not None
    assert plain.x_val is not None
    np.testing.assert_array_equal(more.x_val[:], plain.x_val[:])
    assert more.rows.time.min() >= train.start
    assert more.rows.end.max() < train.stop
    scaler = StandardScaler.fit(prepared.frame.values, train, prepared.frame.names, clip=5.0)
    for number, path in enumerate(paths, start=1):
        own = np.flatnonzero(more.rows.symbol == number)
        times = more.rows.time[own] - train.start
        labels = label(prepared.config.labels, path.bars)
        frame = prepared.features.compute(path.bars)
        np.testing.assert_array_equal(more.y_train[own], labels.y[times, 0])
        rows = scaler.transform(frame.values[times, 0], frame.names, np.float32)
        x = more.x_train[own]
        np.testing.assert_array_equal(x if x.ndim == 2 else x[:, -1], rows)
        if "return" in more.targets_train:
            np.testing.assert_array_equal(more.targets_train["return"][own], path.targets(("return",))[times, 0, 0])
    if isinstance(more.x_train, SeriesWindows):  # no window reaches from one path into another
        first = more.x_train.ends - (more.x_train.length - 1)
        assert isinstance(plain.x_train, SeriesWindows)
        edges = np.cumsum([len(plain.x_train.series), *(int(path.known.sum()) for path in paths)])
        assert (np.searchsorted(edges, first, "right") == np.searchsorted(edges, more.x_train.ends, "right")).all()


def test_a_run_learns_from_paths_and_repeats_itself(configured: Configured, tmp_path: Path) -> None:
    plain, more = configured("training.epochs=2"), configured("training.epochs=2", PATHS)
    assert plain.hash == configured("training.epochs=2", "augment=[]").hash != more.hash
    assert "augment" not in plain.as_dict()
    directory, _ = start(more, tmp_path / "runs", silent)
    other, _ = start(plain, tmp_path / "runs", silent)
    assert not reproduce_run(directory, silent).differing
    ours, theirs = (np.load(each.window(0) / "exposures.npy") for each in (directory, other))
    assert not np.array_equal(ours, theirs)


@pytest.mark.parametrize("weights", ["{uniqueness: true}", "{returns: attributed}", "{half_life: 5d}"])
def test_paths_count_in_the_weights_of_their_own_symbol(configured: Configured, weights: str) -> None:
    prepared = prepare(configured(PATHS, f"labels.weights={weights}"))
    plain, more, paths = _both(prepared)
    assert plain.weights is not None
    assert more.weights is not None
    assert more.weights.mean() == pytest.approx(1.0)
    ratio = more.weights[: len(plain.weights)] / plain.weights
    np.testing.assert_allclose(ratio, ratio[0])  # a real row's is that among real rows
    if "attributed" in weights:
        assert more.rows is not None
        own = more.rows.symbol == 1
        time, end = (each[own] - prepared.windows[1].train.start for each in (more.rows.time, more.rows.end))
        moves = log_returns(paths[0].bars.close)
        worth = attributed_returns(time, np.zeros_like(time), end, moves)
        np.testing.assert_allclose(more.weights[own] / worth, more.weights[own][0] / worth[0], rtol=1e-6)


def _hash(*arrays: np.ndarray) -> str:
    """A fingerprint of arrays."""
    return hashlib.sha256(b"".join(np.ascontiguousarray(each).tobytes() for each in arrays)).hexdigest()


def test_a_tenth_of_the_training_rows_is_of_crises_and_none_of_any_other_rows(configured: Configured) -> None:
    prepared = prepare(configured(CRISES, LONGER))
    plain, more, paths = _both(prepared)
    window, count = prepared.windows[1], len(plain.y_train)
    assert len(more.y_train) - count == pytest.approx(count / 9, abs=1)
    learned = np.concatenate([np.flatnonzero(path.labels.defined[:, 0] & path.known[:, 0]) for path in paths])
    assert len(learned) == len(more.y_train) - count
    for path in paths:  # what is learned from is what its own bars say
        times = np.flatnonzero(path.labels.defined[:, 0])
        np.testing.assert_array_equal(path.labels.y[times], label(prepared.config.labels, path.bars).y[times])
    assert plain.x_val is not None
    assert more.x_val is not None
    assert more.y_val is not None
    assert plain.y_val is not None
    assert _hash(more.x_train[:count], more.y_train[:count]) == _hash(plain.x_train[:], plain.y_train)
    assert _hash(more.x_val[:], more.y_val) == _hash(plain.x_val[:], plain.y_val)
    scaler = StandardScaler.fit(prepared.frame.values, window.train, prepared.frame.names, clip=5.0)
    test = scaler.take(prepared.frame.values, window.test, prepared.frame.names, np.float32)
    made = {_hash(row) for row in more.x_train[count:]}
    assert len(made) == len(more.y_train) - count
    assert made.isdisjoint(_hash(row) for row in (*more.x_val[:], *test))


@pytest.mark.parametrize("words", [(), (CNN,)])
def test_a_run_learns_from_crises_and_repeats_itself(
    configured: Configured, tmp_path: Path, words: tuple[str, ...]
) -> None:
    config = configured("training.epochs=2", CRISES, LONGER, *words)
    directory, _ = start(config, tmp_path / "runs", silent)
    assert not reproduce_run(directory, silent).differing


def test_an_agent_learns_in_lanes_of_paths_too(configured: Configured, tmp_path: Path) -> None:
    config = configured(PATHS, *AGENT)
    prepared = prepare(config)
    window = prepared.windows[0]
    paths = augmented(prepared, window, 0, Chain())
    env = learning_env(prepared, window, paths)
    assert isinstance(env, MarketGroup)
    assert env.n_envs == 30
    directory, _ = start(config, tmp_path / "runs", silent)
    assert not reproduce_run(directory, silent).differing


def test_nothing_after_the_training_slice_reaches_a_path(configured: Configured) -> None:
    prepared = prepare(configured(PATHS))
    window, bars = prepared.windows[0], prepared.bars
    changed = {name: getattr(bars, name).copy() for name in ("open", "high", "low", "close")}
    for values in changed.values():
        values[window.train.stop :] *= 3.0
    poisoned = replace(prepared, loaded=replace(prepared.loaded, bars=replace(bars, **changed)))
    ours, theirs = (augmented(each, window, 0, Chain()) for each in (prepared, poisoned))
    for one, other in zip(ours, theirs, strict=True):
        assert one.bars.fingerprint == other.bars.fingerprint
        np.testing.assert_array_equal(one.frame.values, other.frame.values)
    assert find_run_leaks(configured("training.epochs=2", PATHS), silent).leaks == ()


def test_inside_a_training_slice_nothing_reads_what_a_fold_holds_out(configured: Configured) -> None:
    """Paths are drawn from all bars of the slice, and an agent trades through them: neither is fitted on a fold."""
    for overrides, line in (
        ((PATHS,), "augment: must make no paths"),
        (AGENT, "model: must learn from rows"),
    ):
        prepared = prepare(configured(*overrides))
        outer = prepared.windows[0]
        fold = purged_folds(outer.train, prepared.labels, 3, 0)[1]
        with pytest.raises(ConfigError, match=line):
            family_of(prepared.config.model).fit(prepared, fold.window(outer), 0)


def test_an_unknown_kind_is_one_line(configured: Configured) -> None:
    with pytest.raises(ConfigError, match=r"^augment\.0\.kind: must be"):
        configured("augment=[{kind: blocks}]")


def test_a_run_says_once_to_which_windows_crises_add_nothing(
    configured: Configured, caplog: pytest.LogCaptureFixture
) -> None:
    prepared = prepare(configured("augment=[{kind: crisis, templates: [luna-2022, ftx-2022]}]", "seeds=2"))
    assert len(prepared.windows) > 1
    for seed in prepared.config.all_seeds:
        for window in prepared.windows:
            assert augmented(prepared, window, seed, Chain()) == ()
    (line,) = caplog.messages
    n = len(prepared.windows)
    assert line == (
        f"augment: crisis: adds nothing to the first {n} of {n} windows: none of luna-2022, ftx-2022 was over by "
        "2021-01-29, the end of their last training slice; hindsight: true adds them"
    )
