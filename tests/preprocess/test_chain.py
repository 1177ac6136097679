"""Every step of preprocessing, alone and in a chain: batch and bar by bar agree, the future is not looked at."""

from __future__ import annotations

import json
from typing import Any, get_args

import numpy as np
import pytest
from pydantic import TypeAdapter

from regimen.bars import Bars
from regimen.errors import SplitError
from regimen.labels import Labels
from regimen.preprocess import Chain, PreprocessConfig, RunningConfig, RunningScaler, StandardConfig
from regimen.preprocess.running import merged
from regimen.splits import WalkForwardConfig, Window, walk_forward

NAMES = ("a", "b", "c")
MEMBERS = get_args(get_args(PreprocessConfig)[0])


def quick(member: Any) -> Any:
    """Returns a step at its defaults, with few steps of learning."""
    return member(steps=30) if "steps" in member.model_fields else member()


CONFIGS: dict[str, list[Any]] = {
    **{member.model_fields["kind"].default: [quick(member)] for member in MEMBERS},
    "forgetting": [RunningConfig(half_life=20.0, clip=None)],
    "frozen": [RunningConfig(half_life=20.0, frozen=True)],
    "both": [RunningConfig(half_life=50.0), StandardConfig(clip=1.0)],
    "twice": [StandardConfig(clip=None), RunningConfig(), RunningConfig(half_life=7.0)],
    "none": [],
}


def _window(symbols: int = 2) -> Window:
    shape = (400, symbols)
    price = np.full(shape, 10.0)
    time = np.datetime64("2020-01-01", "ns") + np.arange(400) * np.timedelta64(1, "D")
    bars = Bars.from_arrays(
        time, open=price, high=price, low=price, close=price, symbols=("x", "y")[:symbols], checked=False
    )
    t_end = np.minimum(np.arange(400)[:, None] + np.full(symbols, 3), 399)
    labels = Labels(np.random.default_rng(0).integers(0, 3, shape).astype(np.int8), t_end, np.zeros(shape), 3)
    return walk_forward(WalkForwardConfig(train=200, test=100), bars, labels)[0]


WINDOW, WINDOW_OF_ONE = _window(), _window(1)


def _values(level: float = 0.0, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    signal = random.normal(size=(400, 2, 3))
    for t in range(1, 400):
        signal[t] += 0.9 * signal[t - 1]  # something that a filter can tell from noise
    values = random.normal(level, 2.0, (400, 2, 3)) + signal
    values[:9] = np.nan  # not warm
    values[::17, 0, 1] = np.nan  # a row that is not whole
    values[100:120, 1] = np.nan  # bars that are missing
    return values


def _bar_by_bar(chain: Chain, values: np.ndarray) -> np.ndarray:
    """What `Chain.step` returns of whole rows, one bar after the other; NaN of others."""
    state, out = np.zeros((values.shape[1], chain.memory)), np.full(values.shape, np.nan)
    for t, rows in enumerate(values):
        whole = np.isfinite(rows).all(axis=1)
        if whole.any():
            out[t, whole], state[whole] = chain.step(rows[whole], state[whole])
    return out


@pytest.mark.parametrize("name", CONFIGS)
def test_a_series_is_its_bars_one_after_the_other(name: str) -> None:
    values = _values(level=3.0)
    chain = Chain.fit(CONFIGS[name], values, WINDOW.train, NAMES)
    scanned = chain.scan(values)
    if name != "none":
        np.testing.assert_array_equal(np.isnan(scanned).any(axis=2), np.isnan(values).any(axis=2))
        np.testing.assert_array_equal(scanned, _bar_by_bar(chain, values))  # bit for bit
        assert not np.allclose(scanned[9:], values[9:], equal_nan=True)
    else:
        assert not chain
        assert scanned is values


@pytest.mark.parametrize("name", CONFIGS)
def test_the_future_is_not_looked_at(name: str) -> None:
    values, changed = _values(), _values()
    changed[WINDOW.train.stop :] = 1e3 * _values(seed=1)[WINDOW.train.stop :]
    before, after = (Chain.fit(CONFIGS[name], each, WINDOW.train, NAMES) for each in (values, changed))
    assert str(before.state()) == str(after.state())
    cut = WINDOW.train.stop
    np.testing.assert_array_equal(before.scan(values)[:cut], after.scan(changed)[:cut])
    assert name == "none" or not np.array_equal(before.scan(values)[cut:], after.scan(changed)[cut:], equal_nan=True)


@pytest.mark.parametrize("name", CONFIGS)
def test_state_comes_back_through_json_and_inputs_stay(name: str) -> None:
    values = _values()
    given = values.copy()
    chain = Chain.fit(CONFIGS[name], values, WINDOW.train, NAMES)
    text = json.dumps({key: array.tolist() for key, array in chain.state().items()})
    again = Chain.from_state({key: np.array(value) for key, value in json.loads(text).items()})
    np.testing.assert_array_equal(again.scan(values), chain.scan(values))
    state = np.random.default_rng(1).random((2, chain.memory))
    kept = state.copy()
    chain.step(values[50], state)
    np.testing.assert_array_equal(values, given)
    np.testing.assert_array_equal(state, kept)


@pytest.mark.parametrize("member", MEMBERS)
def test_a_step_is_read_back_and_fits_on_a_training_slice_only(member: Any) -> None:
    config = quick(member)
    assert TypeAdapter(PreprocessConfig).validate_json(config.model_dump_json()) == config
    assert all(field.description for field in member.model_fields.values())
    for part in (WINDOW.validation, WINDOW.test):
        with pytest.raises(SplitError, match="must see the training slice only"):
            config.fit(_values(), part, NAMES)
    with pytest.raises(SplitError, match="feature = 2"):
        config.fit(_values(), WINDOW.train, NAMES[:2])


def test_a_damaged_state_is_one_line() -> None:
    for state in ({"0/running/keep": np.array(1.0)}, {"0/nothing/names": np.array(["a"])}, {"names": np.array(["a"])}):
        with pytest.raises(SplitError, match="must be what a chain's `state` returns"):
            Chain.from_state(state)


@pytest.mark.parametrize("level", [0.0, 1e7])
@pytest.mark.parametrize("half_life", [None, 15.0])
def test_running_moments_are_those_of_all_rows_so_far(level: float, half_life: float | None) -> None:
    values = _values(level)
    scaled = Chain.fit([RunningConfig(half_life=half_life, clip=None)], values, WINDOW.train, NAMES).scan(values)
    keep = 1.0 if half_life is None else 0.5 ** (1.0 / half_life)
    for t in (9, 10, 40, 125, 399):
        for symbol in (0, 1):
            rows = values[: t + 1, symbol].astype(np.longdouble)
            rows = rows[np.isfinite(rows).all(axis=1)]
            if not np.isfinite(values[t, symbol]).all():
                continue
            weights = np.longdouble(keep) ** np.arange(len(rows) - 1, -1, -1)[:, None]
            apart = rows - level  # exact: twice the digits of a float64
            mean = (weights * apart).sum(axis=0) / weights.sum()
            variance = (weights * (apart - mean) ** 2).sum(axis=0) / weights.sum()
            expected = (apart[-1] - mean) / np.where(variance > 0, np.sqrt(variance), 1.0)
            np.testing.assert_allclose(
                scaled[t, symbol], expected.astype(float), rtol=0, atol=1e-10 if level else 1e-12
            )


def test_a_column_that_stands_still_is_zero_and_values_are_cut() -> None:
    values = np.random.default_rng(0).normal(size=(400, 2, 3))
    values[..., 0], values[300, :, 1] = 0.1, 50.0
    scaled = Chain.fit([RunningConfig(clip=2.0)], values, WINDOW.train, NAMES).scan(values)
    np.testing.assert_array_equal(scaled[..., 0], 0.0)
    np.testing.assert_array_equal(scaled[300, :, 1], 2.0)
    assert np.abs(scaled).max() == 2.0


def _whole(values: np.ndarray) -> np.ndarray:
    rows = WINDOW.train.take(values)
    return rows[np.isfinite(rows).all(axis=1)]


def test_frozen_it_scales_by_the_training_slice_whose_symbols_are_merged() -> None:
    values = _values(level=1e7)
    values[:, 1] += 3.0  # symbols whose means differ
    frozen = RunningConfig(frozen=True, clip=None).fit(values, WINDOW.train, NAMES)
    rows = _whole(values).astype(np.longdouble)
    expected = (values[390] - rows.mean(axis=0)) / rows.std(axis=0)
    scaled = frozen.scan(values)
    np.testing.assert_allclose(scaled[390], expected.astype(float), rtol=0, atol=1e-8)
    assert frozen.memory == 0
    np.testing.assert_array_equal(frozen.step(values[390], np.zeros((2, 0)))[0], scaled[390])
    fading = RunningConfig(frozen=True, half_life=5.0).fit(values[:, :1], WINDOW_OF_ONE.train, NAMES)
    on = RunningConfig(half_life=5.0).fit(values[:, :1], WINDOW_OF_ONE.train, NAMES)
    times = [t for t in WINDOW_OF_ONE.train.positions[0] if np.isfinite(values[t, 0]).all()]
    at = times[-1]
    alone = on.scan(values[times, :1])[-1, 0]  # the newest row by what is known there
    np.testing.assert_allclose(fading.scan(values[:, :1])[at, 0], alone, rtol=0, atol=1e-7)


def test_a_running_scaler_that_goes_on_is_written_as_before_one_could_be_frozen() -> None:
    assert set(RunningConfig().model_dump()) == {"kind", "half_life", "clip"}
    assert RunningConfig(frozen=True).model_dump()["frozen"] is True


@pytest.mark.slow
@pytest.mark.parametrize("frozen", [False, True])
def test_ten_million_rows_are_scaled_as_numpy_scales_them(frozen: bool) -> None:
    """Oracle: numpy's mean and deviation of the concatenation, to 1e-10 of a deviation."""
    rows = np.random.default_rng(0).normal(100.0, 3.0, (10_000_000, 1))
    expected = (rows[-1, 0] - rows.mean()) / rows.std()
    if frozen:
        mean, scale = merged([rows[:2_000_000], rows[2_000_000:]], 1.0)
        scaled = (rows[-1, 0] - mean[0]) / scale[0]
    else:
        scaled = RunningScaler(("a",), 1.0, None).scan(rows[:, None])[-1, 0, 0]
    assert abs(scaled - expected) < 1e-10
