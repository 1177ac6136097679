"""The past cannot see the future, and the row served live equals the row of the batch, bit for bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regimen.bars import Bars
from regimen.errors import DataError
from regimen.features import Bar, FeatureSet
from regimen.seeding import generator

HOUR = 3_600_000_000_000
KINDS = ["standard", "indicators"]
PRICES = ("open", "high", "low", "close", "volume")
quick = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def made(kind: str) -> FeatureSet:
    return FeatureSet.standard() if kind == "standard" else FeatureSet.indicators()


SETS = {kind: made(kind) for kind in KINDS}


def market(count: int, symbols: int, seed: int, holes: float = 0.0) -> Bars:
    random = generator(seed, "causality")
    shape = (count, symbols)
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.01, shape), axis=0))
    open_ = close * np.exp(random.normal(0.0, 0.003, shape))
    high = np.maximum(open_, close) * np.exp(np.abs(random.normal(0.0, 0.003, shape)))
    low = np.minimum(open_, close) * np.exp(-np.abs(random.normal(0.0, 0.003, shape)))
    volume = np.exp(random.normal(0.0, 1.0, shape))
    sentiment = random.normal(0.0, 1.0, shape)
    missing = random.random(shape) < holes
    columns = {"open": open_, "high": high, "low": low, "close": close, "volume": volume}
    columns = {name: np.where(missing, np.nan, values) for name, values in columns.items()}
    return Bars.from_arrays(
        np.arange(count) * HOUR,
        symbols=tuple(f"S{i}" for i in range(symbols)),
        bar_length=HOUR,
        extras={"sentiment": sentiment},
        **columns,
        time_unit="ns",
        checked=False,
    )


@pytest.mark.parametrize("kind", KINDS)
@quick
@given(seed=st.integers(0, 10**6), cut=st.integers(1, 699), poison=st.sampled_from(["noise", "nan", "huge"]))
def test_poisoning_the_future_changes_no_bit_of_the_past(kind: str, seed: int, cut: int, poison: str) -> None:
    bars = market(700, 1, seed)
    random = generator(seed, "poison")
    spoiled = {}
    for name in PRICES:
        values = getattr(bars, name).copy()
        rest = values[cut:].shape
        level = {"noise": random.lognormal(0.0, 3.0, rest), "nan": np.nan, "huge": 1e30}[poison]
        values[cut:] = level
        spoiled[name] = values
    extras = {"sentiment": np.concatenate([bars.extras["sentiment"][:cut], random.normal(9.0, 9.0, (700 - cut, 1))])}
    after = replace(bars, extras=extras, **spoiled)
    features = SETS[kind]
    if poison == "nan" and cut <= features.warmup:
        return  # too few bars are refused, see the test of that rule
    before = features.compute(bars).values[:cut]
    np.testing.assert_array_equal(features.compute(after).values[:cut].view(np.int64), before.view(np.int64))


@pytest.mark.parametrize("kind", KINDS)
@quick
@given(seed=st.integers(0, 10**6), holes=st.sampled_from([0.0, 0.1]))
def test_stream_equals_batch_bit_for_bit_in_a_panel_with_holes(kind: str, seed: int, holes: float) -> None:
    features = SETS[kind]
    bars = market(features.warmup * 2 + 40, 2, seed, holes)
    expected = features.compute(bars).values
    stream = features.stream(bars.symbols)
    for t in range(len(bars)):
        for s, symbol in enumerate(bars.symbols):
            cells = [float(getattr(bars, name)[t, s]) for name in PRICES]
            row = stream.push(bars.time[t], *cells, symbol=symbol, extras={"sentiment": bars.extras["sentiment"][t, s]})
            np.testing.assert_array_equal(row.view(np.int64), expected[t, s].view(np.int64))


@pytest.mark.parametrize("kind", KINDS)
def test_a_symbol_does_not_feel_its_neighbours_nor_its_own_holes(kind: str) -> None:
    features = SETS[kind]
    count = features.warmup * 2 + 100
    panel = market(count, 3, 5, holes=0.2)
    values = features.compute(panel).values
    for s in range(3):
        there = panel.present[:, s]
        assert np.isnan(values[~there, s]).all()
        columns = {name: getattr(panel, name)[there, s] for name in PRICES}
        extras = {"sentiment": panel.extras["sentiment"][there, s]}
        alone = Bars.from_arrays(panel.time[there], bar_length=HOUR, extras=extras, **columns, checked=False)
        np.testing.assert_array_equal(features.compute(alone).values[:, 0], values[there, s])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("symbols", [1, 3])
def test_threads_change_no_bit(kind: str, symbols: int) -> None:
    features = SETS[kind]
    bars = market(features.warmup + 2_000, symbols, 7)
    one = features.compute(bars).values
    for threads in (2, 5):
        np.testing.assert_array_equal(features.compute(bars, threads).values.view(np.int64), one.view(np.int64))


@pytest.mark.parametrize("kind", KINDS)
def test_too_few_bars_are_refused_with_the_feature_and_its_warmup(kind: str) -> None:
    features = SETS[kind]
    slowest = max(features.features, key=lambda feature: feature.warmup)
    alone = FeatureSet([slowest])
    rule = rf"features\.{slowest.names[0]}: never warms up: it needs {slowest.warmup + 1} bars .*got '10 bars'"
    with pytest.raises(DataError, match=rule):
        alone.compute(market(10, 2, 0))
    assert alone.compute(market(slowest.warmup + 1, 1, 0)).values.shape[0] == slowest.warmup + 1


@pytest.mark.parametrize("kind", ["indicators", pytest.param("standard", marks=pytest.mark.slow)])
def test_the_compiled_loop_equals_a_plain_python_loop_over_the_steps(kind: str) -> None:
    """A slow twin of the engine: each step called from Python; no code generation, no fusion, no blocks."""
    features = SETS[kind]
    bars = market(features.warmup + 600, 1, 11, holes=0.05)
    values = features.compute(bars).values[:, 0]
    columns = [getattr(bars, name)[:, 0].tolist() for name in PRICES]
    for feature in features.features:
        state = feature.state
        rings = [np.zeros(length) for length in feature.rings]
        wanted = [features.names.index(name) for name in feature.names]
        for t in range(len(bars)):
            bar = Bar(int(bars.time[t].astype(np.int64)), *(column[t] for column in columns))
            row = [np.nan] * len(wanted)
            if bars.present[t, 0]:
                extras = [float(bars.extras[name][t, 0]) if name in bars.extras else np.nan for name in feature.inputs]
                state, output = feature.step(state, bar, *extras, *rings, *feature.params)
                row = list(output) if len(wanted) > 1 else [output]
            np.testing.assert_array_equal(values[t, wanted], row, err_msg=f"{feature.names} at {t}")
