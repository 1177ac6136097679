"""Planted leaks are caught and named; a clean pipeline passes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from regimen.bars import Bars
from regimen.bars.bars import PRICES
from regimen.errors import ConfigError
from regimen.labels import FixedHorizonConfig, Labels, TripleBarrierConfig, label
from regimen.leakage import Edge, FittedPart, LeakReport, Pipeline, find_leaks, poison
from regimen.policies import share
from regimen.preprocess import StandardScaler
from regimen.splits import WalkForwardConfig, walk_forward

DAY = 86_400_000_000_000
SPLIT = WalkForwardConfig(train=150, test=50)
LABELS = FixedHorizonConfig(horizon=5, volatility_bars=10)
Column = Callable[[Bars], np.ndarray]


def make_bars(count: int = 400, symbols: int = 1, seed: int = 0, missing: float = 0.0) -> Bars:
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, (count, symbols)), axis=0))
    close[rng.random(close.shape) < missing] = np.nan
    time = np.datetime64("2020-01-01", "ns") + np.arange(count) * np.timedelta64(1, "D")
    names = tuple(f"s{number}" for number in range(symbols))
    volume = rng.uniform(1.0, 9.0, close.shape)
    return Bars.from_arrays(
        time,
        open=close,
        high=close * 1.01,
        low=close * 0.99,
        close=close,
        volume=volume,
        symbols=names,
        bar_length=DAY,
        extras={"sentiment": rng.normal(size=close.shape)},
        checked=False,
    )


@dataclass(frozen=True)
class Columns:
    names: tuple[str, ...]
    values: np.ndarray


def windows_of(close: np.ndarray, before: int, after: int) -> np.ndarray:
    """(time, symbol, before + 1 + after): the closes around each bar, NaN beyond the ends."""
    padded = np.pad(close, ((before, after), (0, 0)), constant_values=np.nan)
    return np.lib.stride_tricks.sliding_window_view(padded, before + 1 + after, axis=0)


def trailing(bars: Bars) -> np.ndarray:
    return windows_of(bars.close, 9, 0).mean(axis=2) / bars.close


def recursive(bars: Bars) -> np.ndarray:
    out = np.empty(bars.shape)
    level = np.full(bars.shape[1], np.nan)
    for t in range(len(bars)):
        close = bars.close[t]
        fresh = np.where(np.isnan(level), close, 0.8 * level + 0.2 * close)
        level = np.where(np.isnan(close), level, fresh)
        out[t] = np.where(np.isnan(close), np.nan, close / level)
    return out


def cumulative(bars: Bars) -> np.ndarray:
    return np.nancumsum(bars.volume * np.sign(np.diff(bars.close, axis=0, prepend=np.nan)), axis=0)


def tomorrow(bars: Bars) -> np.ndarray:
    return np.vstack([bars.close[1:], np.full((1, bars.shape[1]), np.nan)]) / bars.close


def centred(bars: Bars) -> np.ndarray:
    return windows_of(bars.close, 4, 4).mean(axis=2) / bars.close


def full_sample(bars: Bars) -> np.ndarray:
    return (bars.close - np.nanmean(bars.close)) / np.nanstd(bars.close)


def delisted(bars: Bars) -> np.ndarray:
    """Knows whether the symbol will ever trade again."""
    return np.where(bars.present[-1], 1.0, 0.0) + np.zeros(bars.shape)


def filled_back(bars: Bars) -> np.ndarray:
    out = bars.extras["sentiment"].copy()
    for t in range(len(out) - 2, -1, -1):
        out[t] = np.where(bars.present[t], out[t], out[t + 1])
    return out


def unseeded(bars: Bars) -> np.ndarray:
    return np.random.default_rng().normal(size=bars.shape)


def features(*columns: Column) -> Callable[[Bars], Columns]:
    def compute(bars: Bars) -> Columns:
        return Columns(
            tuple(column.__name__ for column in columns),
            np.stack([column(bars) for column in columns], axis=2),
        )

    return compute


CLEAN = features(trailing, recursive)


def scalers(bars: Bars, until: int) -> list[FittedPart]:
    frame, labels = CLEAN(bars), label(LABELS, bars)
    found = []
    for window in walk_forward(SPLIT, bars, labels, memory=10, until=until):
        scaler = StandardScaler.fit(frame.values, window.train, frame.names)
        found.append(FittedPart(f"scaler of window {window.number}", window.train.stop, scaler.state()))
    return found


def greedy_scalers(bars: Bars, until: int) -> list[FittedPart]:
    values = CLEAN(bars).values
    state = {"mean": np.nanmean(values, axis=(0, 1)), "scale": np.nanstd(values, axis=(0, 1))}
    return [replace(one, state=state) for one in scalers(bars, until)]


def greedy_labels(bars: Bars) -> Labels:
    """A dead band at the terciles of the whole sample: spans are right, thresholds are not."""
    honest = label(LABELS, bars)
    forward = honest.forward_return
    low, high = np.nanquantile(forward, [0.33, 0.67])
    y = np.where(forward > high, 2, np.where(forward < low, 0, 1))
    return Labels(np.where(honest.defined, y, -1).astype(np.int8), honest.t_end.copy(), forward.copy(), 5)


def lying_labels(bars: Bars) -> Labels:
    """Says that it looked two bars less far than it did."""
    honest = label(LABELS, bars)
    t_end = np.where(honest.defined, honest.t_end - 2, -1)
    return Labels(honest.y.copy(), t_end, honest.forward_return.copy(), 5)


def least_squares(purged: bool) -> Callable[[Bars, int], np.ndarray]:
    """A walk-forward linear policy; unpurged, it trains on labels that reach into its own test span."""

    def decide(bars: Bars, until: int) -> np.ndarray:
        labels = label(LABELS, bars)
        x, exposure = CLEAN(bars).values, np.full(bars.shape, np.nan)
        warm = np.isfinite(x).all(axis=2)
        for window in walk_forward(SPLIT, bars, labels, until=until, usable=warm):
            fit = window.train.mask if purged else warm & labels.defined
            if not purged:
                fit[: window.train.start] = fit[window.test.start :] = False
            weights = np.linalg.lstsq(x[fit], labels.y[fit].astype(float) - 1.0, rcond=None)[0]
            times, symbols = window.test.positions
            exposure[times, symbols] = np.clip(window.test.take(x) @ weights, -1.0, 1.0)
        return exposure

    return decide


def verdicts(report: LeakReport) -> dict[str, str]:
    return {row.name: row.verdict for row in report.rows}


@pytest.mark.parametrize(("symbols", "missing"), [(1, 0.0), (3, 0.05)])
@pytest.mark.parametrize("labels", [LABELS, TripleBarrierConfig(horizon=6, upper=1.5, lower=1.5, volatility_bars=10)])
def test_a_clean_pipeline_passes(
    symbols: int, missing: float, labels: FixedHorizonConfig | TripleBarrierConfig
) -> None:
    pipeline = Pipeline(CLEAN, lambda bars: label(labels, bars), scalers, least_squares(purged=True))
    report = find_leaks(pipeline, make_bars(symbols=symbols, missing=missing))
    assert report.passed, [row.sentence for row in report.leaks]
    assert {row.kind for row in report.rows} == {"feature", "label", "scaler", "policy"}
    assert all(row.read > 0 for row in report.rows if row.name != "scaler of window 4")
    first, moved, last = report.cuts
    assert (first, last) == (200, 380)
    assert moved == 300 if not missing else 250 < moved < 350


@pytest.mark.parametrize("leak", [tomorrow, centred, full_sample, filled_back])
def test_a_leaking_feature_is_named(leak: Column) -> None:
    bars = make_bars(symbols=2, missing=0.05)
    report = find_leaks(Pipeline(features(trailing, leak, recursive)), bars)
    assert [row.name for row in report.leaks] == [leak.__name__]
    found = report.leaks[0]
    assert found.verdict == "leak"
    assert found.sentence.startswith(f"feature {leak.__name__} leaks: bar {found.first_row} changed")
    reach = {"tomorrow": 1, "centred": 4}.get(leak.__name__)
    if reach is not None:
        assert found.first_row == report.cuts[0] - reach


def test_only_missing_bars_give_this_one_away() -> None:
    report = find_leaks(Pipeline(features(delisted)), make_bars())
    assert report.leaks[0].poison == "nothing"


def test_greedy_and_lying_labels_are_caught() -> None:
    bars = make_bars()
    greedy = find_leaks(Pipeline(labels=greedy_labels), bars)
    assert verdicts(greedy) == {"y": "leak", "t_end": "clean", "forward_return": "clean"}
    lying = find_leaks(Pipeline(labels=lying_labels), bars)
    assert verdicts(lying)["forward_return"] == "leak"
    assert lying.leaks[0].first_row in range(190, 200)


def test_a_scaler_fitted_on_everything_is_caught() -> None:
    report = find_leaks(Pipeline(fitted=greedy_scalers), make_bars())
    assert verdicts(report)["scaler of window 0"] == "leak"
    assert verdicts(find_leaks(Pipeline(fitted=scalers), make_bars()))["scaler of window 0"] == "clean"


def test_a_policy_trained_on_unpurged_labels_is_caught() -> None:
    """Labels of the last training rows end in the test span: poisoning that changes decisions made before."""
    report = find_leaks(Pipeline(policy=least_squares(purged=False)), make_bars(), cuts=(202, 302))
    assert [(row.kind, row.verdict) for row in report.rows] == [("policy", "leak")]
    assert 200 <= report.rows[0].first_row < 202
    clean = find_leaks(Pipeline(policy=least_squares(purged=True)), make_bars(), cuts=(202, 302))
    assert clean.passed


def test_an_edge_sees_what_a_cut_elsewhere_does_not() -> None:
    """The scaler of window 0 claims bars before 200 and knows bar 200: only noise from exactly there on shows it."""

    def one_too_many(bars: Bars, until: int) -> list[FittedPart]:
        del until
        seen = {"last": bars.close[splits[0].train.stop]}
        return [FittedPart("greedy", splits[0].train.stop, seen)]

    bars = make_bars()
    splits = walk_forward(SPLIT, bars, label(LABELS, bars), memory=10)
    edge = Edge(splits[0].train.stop, splits[0].test.start + 1)
    assert find_leaks(Pipeline(fitted=one_too_many), bars).passed
    report = find_leaks(Pipeline(fitted=one_too_many), bars, edges=[edge])
    assert [(row.name, row.cut, row.first_row) for row in report.leaks] == [("greedy", edge.cut, edge.cut - 1)]
    assert report.edges == (edge.cut,)
    with pytest.raises(ConfigError, match=r"leaks\.edges: must be positions from 1 to 399"):
        find_leaks(Pipeline(fitted=one_too_many), bars, edges=[Edge(400, 400)])


def test_a_share_of_the_equity_by_listing_is_no_leak() -> None:
    """A symbol's first absence begins before the cut: that it comes back is not read off the poisoned bars."""
    prices = np.full((60, 3), 100.0)
    prices[27:33, 0] = np.nan  # closed
    prices[20:, 2] = np.nan  # ended
    bars = replace(make_bars(60, 3), listing=np.empty((0, 2), "datetime64[ns]"), **dict.fromkeys(PRICES, prices))

    def shared(bars: Bars, _until: int) -> np.ndarray:
        return share(np.ones(bars.shape), bars.present, bars.listed)

    assert find_leaks(Pipeline(policy=shared), bars, cuts=(29, 45)).passed


def test_memory_is_measured_and_must_end() -> None:
    report = find_leaks(Pipeline(features(trailing, recursive, cumulative)), make_bars())
    memory = {row.name: row.memory for row in report.rows}
    assert memory["trailing"] == 9
    # 0.8^n of a difference of some 3 % falls below 1e-6 of the column's deviation after about 60 bars.
    assert 40 <= memory["recursive"] <= 75  # type: ignore[operator]
    assert verdicts(report) == {"trailing": "clean", "recursive": "clean", "cumulative": "unbounded"}
    assert report.passed, "memory without end is a warning"
    assert "never forgets" in report.unbounded[0].sentence


def test_a_slow_column_is_not_called_unbounded() -> None:
    def slow(bars: Bars) -> np.ndarray:
        out = bars.close.copy()
        for t in range(1, len(out)):
            out[t] = out[t - 1] + (bars.close[t] - out[t - 1]) / 80.0
        return out

    report = find_leaks(Pipeline(features(slow)), make_bars())
    assert report.passed
    assert report.rows[0].memory is None


def test_randomness_without_a_seed_is_not_called_a_leak() -> None:
    report = find_leaks(Pipeline(features(unseeded)), make_bars())
    assert verdicts(report) == {"unseeded": "random"}


def test_the_report_is_json_and_repeats() -> None:
    pipeline = Pipeline(features(tomorrow, cumulative), greedy_labels, greedy_scalers)
    steps: list[str] = []
    first = find_leaks(pipeline, make_bars(), seed=3, progress=steps.append)
    assert json.loads(json.dumps(first.to_dict(), allow_nan=False))["passed"] is False
    assert first == find_leaks(pipeline, make_bars(), seed=3)
    assert len(steps) == 2 + 2 * 3 + 1


@pytest.mark.parametrize("cuts", [(), (0,), (400,), (1.5,)])
def test_cuts_outside_the_data_are_refused(cuts: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match=r"leaks\.cuts: must be at least one position from 1 to 399"):
        find_leaks(Pipeline(CLEAN), make_bars(), cuts=cuts)


@pytest.mark.parametrize("how", ["noise", "nothing"])
def test_poison_leaves_the_past_alone(how: str) -> None:
    bars = make_bars(symbols=2, missing=0.1)
    bad = poison(bars, 250, how, seed=1)  # type: ignore[arg-type]
    for name in ("open", "high", "low", "close", "volume"):
        np.testing.assert_array_equal(getattr(bad, name)[:250], getattr(bars, name)[:250])
        assert not (getattr(bad, name)[250:] == getattr(bars, name)[250:]).any()
    np.testing.assert_array_equal(bad.extras["sentiment"][:250], bars.extras["sentiment"][:250])
    assert not (bad.extras["sentiment"][250:] == bars.extras["sentiment"][250:]).any()
    if how == "noise":
        tail = bad.window(250, 400)
        assert (tail.low > 0).all()
        assert (tail.high >= np.maximum(tail.open, tail.close)).all()
        assert (tail.low <= np.minimum(tail.open, tail.close)).all()
