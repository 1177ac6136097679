"""What of the bars that come is watched."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from regimen.bars import Bars
from regimen.runs.retraining.arena import Sayings, WalkedBars


def _arena(ends: int) -> WalkedBars:
    """Bars of three symbols, the second of which ends behind bar `ends`, with 200 of the run's own."""
    close = 100.0 * np.exp(np.cumsum(np.random.default_rng(0).normal(0.0, 0.01, (300, 3)), axis=0))
    close[ends + 1 :, 1] = np.nan
    time = np.datetime64("2024-01-01") + np.arange(300) * np.timedelta64(1, "h")
    bars = Bars.from_arrays(time, open=close, high=close, low=close, close=close, symbols=("A", "B", "C"))
    frame = SimpleNamespace(values=close[:, :, None])
    prepared: Any = SimpleNamespace(bars=bars, frame=frame, features=SimpleNamespace(names=("x",)))
    nothing: Any = None
    return WalkedBars(nothing, {}, prepared, nothing, first=200)


@pytest.mark.parametrize(("ends", "watched"), [(150, ["A", "C"]), (199, ["A", "B", "C"]), (250, ["A", "B", "C"])])
def test_a_symbol_that_ended_among_the_runs_own_bars_is_not_watched_for_drift(ends: int, watched: list[str]) -> None:
    arena = _arena(ends)
    assert list(dict.fromkeys(name.partition(" ")[0] for name in arena.columns)) == watched
    assert arena.rows.shape == (300, len(arena.columns))
    assert np.isfinite(arena.rows[199]).all()


def test_a_symbol_that_ends_behind_the_runs_own_bars_is_not_watched_for_drift_from_then_on() -> None:
    arena = _arena(250)
    arena.__dict__.update(ranges=np.zeros(300), beyond=np.zeros(300))  # of which nothing is asked here
    streams = arena.spoken_of(Sayings(200, np.zeros((100, 3)), None))
    assert streams.listed is not None
    ended = dict(zip(arena.columns, (~streams.listed).argmax(axis=0).tolist(), strict=True))
    assert ended == {name: 51 if name.startswith("B ") else 0 for name in arena.columns}
    assert streams.listed[:51].all()
    assert not streams.listed[51:, 3:6].any()
