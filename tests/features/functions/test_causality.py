"""Functions that look ahead are refused, each with one line; those that do not are left alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from regimen.bars import Bars
from regimen.errors import DataError
from regimen.features import FeatureSet, FrameFunction, look_ahead
from regimen.features.functions.causality import examine

Function = Callable[[pd.DataFrame], Any]
AHEAD: dict[str, Function] = {
    "next_return": lambda frame: frame["close"].shift(-1) / frame["close"] - 1,
    "far": lambda frame: frame["close"].shift(-200),
    "centred": lambda frame: frame["close"].rolling(5, center=True).mean(),
    "standardised": lambda frame: (frame["close"] - frame["close"].mean()) / frame["close"].std(),
    "ranked": lambda frame: frame["close"].rank(pct=True),
    "filled": lambda frame: frame["close"].rolling(50).mean().bfill(),
    "backwards": lambda frame: frame["close"][::-1].ewm(span=9).mean()[::-1],
    "day_high": lambda frame: frame.groupby(frame.index.date)["high"].transform("max"),
    "length": lambda frame: np.full(len(frame), float(len(frame))),
    "last": lambda frame: frame["close"] / frame["close"].iloc[-1],
    "interpolated": lambda frame: frame["close"].where(np.arange(len(frame)) % 7 == 0).interpolate(),
    "late": lambda frame: frame["close"] if len(frame) > 600 else frame["open"] / frame.loc[frame.index[600], "open"],
}
CAUSAL: dict[str, Function] = {
    "rolling": lambda frame: frame["close"].rolling(30).mean(),
    "expanding": lambda frame: frame["close"].expanding(20).std(),
    "ewm": lambda frame: frame["close"].ewm(span=10).mean(),
    "convolved": lambda frame: np.convolve(frame["close"], np.ones(5) / 5)[: len(frame)],
    "transformed": lambda frame: np.fft.irfft(np.fft.rfft(frame["close"], 2048) * np.fft.rfft(np.ones(5), 2048))[
        : len(frame)
    ],
    "hours": lambda frame: frame.index.hour.to_numpy(),
    "forward": lambda frame: frame["close"].where(np.arange(len(frame)) % 7 == 0).ffill(),
}


@pytest.mark.parametrize("name", AHEAD)
@pytest.mark.parametrize("market", ["single", "panel"])
def test_a_look_ahead_is_refused(name: str, market: str, request: pytest.FixtureRequest) -> None:
    features = FeatureSet([FrameFunction(AHEAD[name], (name,))])
    with pytest.raises(
        DataError, match=rf"features\.{name}: looks ahead: at bar 2024-.*; use no shift\(-n\)"
    ) as caught:
        features.compute(request.getfixturevalue(market))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", CAUSAL)
def test_what_sees_only_the_past_is_accepted(name: str, panel: Bars) -> None:
    assert look_ahead(FrameFunction(CAUSAL[name], (name,)), panel) is None


def test_a_function_need_not_work_on_bars_of_which_it_says_nothing(single: Bars) -> None:
    def regression(frame: pd.DataFrame) -> pd.Series:
        if len(frame) < 100:
            raise ValueError("too few rows")
        return frame["close"].rolling(100).mean()

    examine(FrameFunction(regression), single)

    def eager(frame: pd.DataFrame) -> pd.Series:
        if len(frame) < 100:
            raise ValueError("too few rows")
        return frame["close"]

    line = r"at bar .* it is [\d.]+, but fails \(must not raise \(ValueError: too few rows.* from .* on are missing"
    with pytest.raises(DataError, match=line):
        examine(FrameFunction(eager), single)


def test_what_is_found_names_the_bar_and_the_cut(single: Bars) -> None:
    found = look_ahead(FrameFunction(AHEAD["next_return"], ("a",)), single)
    assert found is not None
    assert (found.name, found.bar, found.cut, found.change > 0) == ("a", found.cut - 1, 8, True)


def test_chance_needs_a_seed(single: Bars) -> None:
    generator = np.random.default_rng(0)
    with pytest.raises(DataError, match=r"features\.noise: differs between two computations on the same bars"):
        examine(FrameFunction(lambda frame: generator.normal(size=len(frame)), ("noise",)), single)


def test_a_set_examines_once_and_again_where_there_are_more_bars(single: Bars) -> None:
    calls = 0

    def counted(frame: pd.DataFrame) -> pd.Series:
        nonlocal calls
        calls += 1
        return frame["close"]

    features = FeatureSet([counted])
    features.compute(single.window(0, 200))
    first, calls = calls, 0
    assert first > 10
    features.compute(single.window(100, 300))
    assert calls == 1
    features.compute(single)
    assert calls > 10
    calls = 0
    FeatureSet([counted]).unexamined().compute(single)
    assert calls == 1
