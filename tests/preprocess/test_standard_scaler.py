"""The scaler: right statistics, of the training slice only, and state that comes back."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.markets import bars_of

from regimen.errors import ConfigError, SplitError
from regimen.labels import Labels
from regimen.preprocess import StandardScaler
from regimen.splits import WalkForwardConfig, Window, walk_forward

NAMES = ("a", "b", "c")


def make_window(count: int = 400, symbols: int = 2) -> Window:
    shape = (count, symbols)
    price = np.full(shape, 10.0)
    price[np.random.default_rng(5).random(shape) < 0.1] = np.nan
    bars = bars_of(price, price)
    rng = np.random.default_rng(0)
    t_end = np.minimum(np.arange(count)[:, None] + np.full(symbols, 3), count - 1)
    labels = Labels(rng.integers(0, 3, shape).astype(np.int8), t_end, np.zeros(shape), 3)
    return walk_forward(WalkForwardConfig(train=200, test=100), bars, labels)[0]


WINDOW = make_window()


def make_values(seed: int = 0, level: float = 0.0, size: float = 1.0) -> np.ndarray:
    values = np.random.default_rng(seed).normal(level, size, (400, 2, 3))
    values[::17, 0, 1] = np.nan
    return values


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), level=st.floats(-1e8, 1e8), size=st.floats(1e-3, 1e3))
def test_statistics_are_those_of_the_training_rows(seed: int, level: float, size: float) -> None:
    values = make_values(seed, level, size)
    rows = WINDOW.train.take(values)
    scaler = StandardScaler.fit(values, WINDOW.train, NAMES)
    # The twin adds in extended precision about the first row, so that a high level costs it nothing.
    exact = rows.astype(np.longdouble) - level
    np.testing.assert_allclose(scaler.mean, np.nanmean(exact, axis=0).astype(float) + level, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(scaler.scale, np.nanstd(exact, axis=0).astype(float), rtol=1e-9)
    assert scaler.interval == (WINDOW.train.start, WINDOW.train.stop)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_nothing_outside_the_training_slice_matters(seed: int) -> None:
    values = make_values()
    other = np.random.default_rng(seed).normal(7.0, 1e6, values.shape)
    other[WINDOW.train.mask] = values[WINDOW.train.mask]
    first, second = (StandardScaler.fit(each, WINDOW.train, NAMES) for each in (values, other))
    np.testing.assert_array_equal(first.mean, second.mean)
    np.testing.assert_array_equal(first.scale, second.scale)


def test_scaled_training_rows_are_standard() -> None:
    values = make_values(level=3.0, size=4.0)
    scaler = StandardScaler.fit(values, WINDOW.train, NAMES)
    rows = scaler.take(values, WINDOW.train, NAMES)
    np.testing.assert_allclose(np.nanmean(rows, axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(np.nanstd(rows, axis=0), 1.0, rtol=1e-12)
    whole = scaler.transform(values, NAMES)
    np.testing.assert_array_equal(np.isnan(whole), np.isnan(values))
    np.testing.assert_array_equal(WINDOW.train.take(whole), rows)
    np.testing.assert_array_equal(scaler.transform(values[200], NAMES), whole[200])  # one bar, live
    single = scaler.transform(values, NAMES, np.float32)
    assert single.dtype == np.float32
    np.testing.assert_array_equal(single, whole.astype(np.float32))


def test_a_column_without_variance_has_scale_one() -> None:
    values = make_values()
    values[..., 0] = 0.1
    values[::2, :, 0] = np.nextafter(0.1, 1.0)  # constant but for rounding
    values[..., 1] = np.nan
    values[0, 0, 2] = np.inf
    scaler = StandardScaler.fit(values, WINDOW.train, NAMES)
    assert scaler.scale[0] == 1.0
    assert abs(scaler.transform(values, NAMES)[..., 0]).max() < 1e-15
    assert (scaler.mean[1], scaler.scale[1]) == (0.0, 1.0)
    assert np.isfinite(scaler.mean).all()
    assert np.isfinite(scaler.scale).all()


def test_clip() -> None:
    values = make_values()
    values[399, 0, 0] = np.inf
    scaler = StandardScaler.fit(values, WINDOW.train, NAMES, clip=1.5)
    scaled = scaler.transform(values, NAMES)
    assert np.nanmax(np.abs(scaled)) == 1.5
    free = StandardScaler.fit(values, WINDOW.train, NAMES).transform(values, NAMES)
    np.testing.assert_array_equal(scaled, np.clip(free, -1.5, 1.5))
    with pytest.raises(ConfigError, match=r"scaler\.clip: must be positive; got 0"):
        StandardScaler.fit(values, WINDOW.train, NAMES, clip=0.0)


def test_only_a_training_slice_is_fitted_on() -> None:
    values = make_values()
    for part in (WINDOW.validation, WINDOW.test):
        with pytest.raises(SplitError, match="must see the training slice only"):
            StandardScaler.fit(values, part, NAMES)
    with pytest.raises(SplitError, match="needs a Slice that a splitter made; got 'slice'"):
        StandardScaler.fit(values, slice(0, 400), NAMES)  # type: ignore[arg-type]
    with pytest.raises(SplitError, match=r"feature = 3"):
        StandardScaler.fit(values[..., :2], WINDOW.train, NAMES)


def test_evaluating_on_what_was_fitted_is_refused() -> None:
    values = make_values()
    scaler = StandardScaler.fit(values, WINDOW.train, NAMES)
    assert scaler.take(values, WINDOW.test, NAMES).shape == (WINDOW.test.rows, 3)
    stretched = StandardScaler(NAMES, scaler.mean, scaler.scale, (0, WINDOW.test.start + 1))
    with pytest.raises(SplitError, match=r"scaler\.take \(test slice 200 to 300\): must not overlap"):
        stretched.take(values, WINDOW.test, NAMES)


def test_other_columns_are_refused() -> None:
    values = make_values()
    scaler = StandardScaler.fit(values, WINDOW.train, NAMES)
    for names in (("a", "c", "b"), ("a", "b"), ("a", "b", "c", "d")):
        with pytest.raises(SplitError, match="needs the 3 columns it was fitted on"):
            scaler.transform(values[..., : len(names)], names)
    swapped = StandardScaler.fit(values, WINDOW.train, ("a", "c", "b"))
    assert swapped.schema != scaler.schema


def test_state_round_trips_through_a_file() -> None:
    values = make_values()
    for clip in (None, 4.0):
        scaler = StandardScaler.fit(values, WINDOW.train, NAMES, clip=clip)
        file = io.BytesIO()
        np.savez(file, **scaler.state())
        file.seek(0)
        with np.load(file, allow_pickle=False) as stored:
            again = StandardScaler.from_state(dict(stored))
        assert (again.names, again.interval, again.clip) == (scaler.names, scaler.interval, scaler.clip)
        assert again.schema == scaler.schema
        np.testing.assert_array_equal(again.transform(values, NAMES), scaler.transform(values, NAMES))
    with pytest.raises(SplitError, match=r"missing; got \['mean'\]"):
        StandardScaler.from_state({k: v for k, v in scaler.state().items() if k != "mean"})
    with pytest.raises(ValueError, match="read-only"):
        scaler.mean[0] = 1.0
