"""Windows as views, against loops that copy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from regimen.errors import ConfigError, DataError
from regimen.training.resident import Resident
from regimen.windows import Lanes, SeriesWindows


def _table(times: int = 40, symbols: int = 3, features: int = 2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    known = rng.random((times, symbols)) < 0.8
    known[:4] = False
    values = rng.normal(size=(times, symbols, features))
    return np.where(known[..., None], values, np.nan), known


@settings(deadline=None, max_examples=30)
@given(length=st.integers(1, 9), seed=st.integers(0, 1000))
def test_a_window_is_the_last_known_rows_of_its_symbol(length: int, seed: int) -> None:
    values, known = _table(seed=seed)
    lanes = Lanes.of(values, known)
    whole = lanes.whole(length)
    for t in range(len(values)):
        for s in range(values.shape[1]):
            rows = [values[k, s] for k in range(t + 1) if known[k, s]]
            assert whole[t, s] == (known[t, s] and len(rows) >= length)
            if whole[t, s]:
                window = lanes.windows(np.array([t]), np.array([s]), length)[:]
                np.testing.assert_array_equal(window[0], np.array(rows[-length:], np.float32))


def test_the_future_is_in_no_window() -> None:
    values, known = _table()
    times, symbols = np.nonzero(Lanes.of(values, known).whole(5)[:20])
    poisoned = values.copy()
    poisoned[20:] = 1e9
    first, second = (Lanes.of(table, known).windows(times, symbols, 5)[:] for table in (values, poisoned))
    np.testing.assert_array_equal(first, second)


def test_indexing_copies_only_what_is_asked_for() -> None:
    series = np.arange(24, dtype=np.float32).reshape(12, 2)
    windows = SeriesWindows(series, np.array([11, 3, 5]), 4)
    assert (len(windows), windows.shape, windows.ndim) == (3, (3, 4, 2), 3)
    assert windows.series is series
    np.testing.assert_array_equal(windows[1:2][0], series[0:4])
    picked = windows[np.array([2, 0])]
    np.testing.assert_array_equal(picked, np.stack([series[2:6], series[8:12]]))
    picked[:] = -1.0
    assert series.min() == 0.0


def test_batches_on_the_device_are_the_windows_and_the_windows_are_nowhere() -> None:
    rng = np.random.default_rng(0)
    series = rng.normal(size=(5000, 8)).astype(np.float32)
    windows = SeriesWindows(series, rng.permutation(np.arange(63, 5000)), 64)
    resident = Resident.of(windows, np.arange(len(windows)) % 3, None, {}, torch.device("cpu"))
    assert resident.runs.untyped_storage().nbytes() == series.nbytes  # not x 64
    assert resident.runs.data_ptr() == series.ctypes.data
    rows = torch.from_numpy(rng.integers(0, len(windows), 50))
    np.testing.assert_array_equal(resident.take(rows).x.numpy(), windows[rows.numpy()])
    assert resident.length == 64


@pytest.mark.parametrize(
    ("ends", "length", "error"),
    [([3], 5, DataError), ([12], 2, DataError), ([-1], 1, DataError), ([5], 0, ConfigError)],
)
def test_a_window_outside_the_series_is_one_line(ends: list[int], length: int, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        SeriesWindows(np.zeros((12, 2), np.float32), np.array(ends), length)
    assert "\n" not in str(caught.value)


def test_windows_of_several_tables_are_joined() -> None:
    rng = np.random.default_rng(0)
    parts = [
        SeriesWindows(rng.normal(size=(rows, 3)).astype(np.float32), np.array(ends), 4)
        for rows, ends in ((12, [3, 11, 7]), (5, [4, 3]), (4, [3]))
    ]
    whole = SeriesWindows.joined(parts)
    np.testing.assert_array_equal(whole[:], np.concatenate([part[:] for part in parts]))
    other = SeriesWindows(np.zeros((12, 3), np.float32), np.array([5]), 5)
    with pytest.raises(DataError, match="must have one length and the same columns"):
        SeriesWindows.joined([parts[0], other])
