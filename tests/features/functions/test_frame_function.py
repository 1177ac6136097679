"""Functions of frames: what they are given, what they may return, and what they are known by."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from regimen.bars import Bars
from regimen.errors import ConfigError, DataError, RegimenError
from regimen.features import FeaturesConfig, FeatureSet, FrameFunction, load_features


def momentum(frame: pd.DataFrame) -> pd.Series:
    return frame["close"].pct_change(5)


def both(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"range": frame["high"] / frame["low"], "rate": frame["funding_rate"], "unused": 1.0})


def test_a_function_is_given_the_bars_that_its_symbol_has(panel: Bars) -> None:
    seen: list[pd.DataFrame] = []

    def look(frame: pd.DataFrame) -> pd.Series:
        seen.append(frame.copy())
        return frame["close"]

    FrameFunction(look).compute(panel)
    assert [len(frame) for frame in seen] == panel.present.sum(axis=0).tolist() == [700, 700, 690]
    frame = seen[2]
    assert list(frame.columns) == ["timestamp", "open", "high", "low", "close", "volume", "funding_rate"]
    assert str(frame.index.tz) == "UTC"
    present = panel.present[:, 2]
    np.testing.assert_array_equal(frame.index.tz_localize(None), panel.time[present])
    np.testing.assert_array_equal(frame["close"], panel.close[present, 2])


def test_its_columns_stand_beside_those_of_steps(panel: Bars) -> None:
    standard = FeatureSet.indicators().select(["rsi_14", "return_5d"])
    features = standard.with_features([momentum, FrameFunction(both, ("rate", "range"))])
    assert features.names == ("rsi_14", "return_5d", "momentum", "rate", "range")
    frame = features.compute(panel)
    np.testing.assert_array_equal(frame.values[..., :2], standard.compute(panel).values)
    expected = np.full(panel.shape, np.nan)
    for symbol in range(3):
        present = panel.present[:, symbol]
        expected[present, symbol] = pd.Series(panel.close[present, symbol]).pct_change(5)
    np.testing.assert_array_equal(frame.column("momentum"), expected)
    np.testing.assert_array_equal(frame.column("range"), panel.high / panel.low)
    np.testing.assert_array_equal(frame.column("rate"), panel.extras["funding_rate"])
    assert features.select(["range"]).compute(panel).names == ("range",)


def test_its_columns_are_branded() -> None:
    features = FeatureSet.indicators().select(["rsi_14"]).with_features([momentum])
    assert features.groups["not causal by construction"] == ("momentum",)
    assert [each.names for each in features.functions] == [("momentum",)]
    with pytest.raises(ConfigError, match=r"features\.momentum: is a function of a whole frame and has no stream"):
        features.stream()
    assert repr(FrameFunction(momentum)) == "FrameFunction(momentum: momentum)"


FORMS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "series": lambda frame: frame["close"],
    "array": lambda frame: frame["close"].to_numpy(),
    "column": lambda frame: frame["close"].to_numpy()[:, None],
    "frame": lambda frame: frame[["close"]],
    "rows": lambda frame: frame["close"].reset_index(drop=True),
    "nullable": lambda frame: frame["close"].astype("Float64"),
    "truth": lambda frame: frame["close"] > 0,
    "changed": lambda frame: frame.assign(close=frame.pop("close")).pop("close"),
}


@pytest.mark.parametrize("form", FORMS)
def test_what_a_function_may_return(form: str, single: Bars) -> None:
    values = FrameFunction(FORMS[form], (form,)).compute(single)[:, 0, 0]
    close = single.close[:, 0]
    np.testing.assert_array_equal(values, np.where(np.isnan(close), np.nan, close > 0) if form == "truth" else close)


MISTAKES: dict[str, tuple[Callable[[pd.DataFrame], Any], str]] = {
    "short": (lambda frame: frame["close"].iloc[1:], r"must return a value for each of the 690 rows; got 689"),
    "empty": (lambda _: None, "must return a Series, an array or a DataFrame; got 'NoneType'"),
    "number": (lambda _: 1.0, "must return a Series, an array or a DataFrame; got 'float'"),
    "cube": (lambda _: np.ones((2, 2, 2)), "must return a Series, .*; got 'ndarray of 3 dimensions'"),
    "infinite": (
        lambda frame: frame["close"] / 0,
        r"must return finite numbers, or NaN .*; got 'infinite at 2024-01-01",
    ),
    "moved": (lambda frame: frame["close"].sort_values(), "must keep the index of the frame, in its order"),
    "words": (lambda frame: frame["close"].astype(str) + "x", "must return numbers"),
    "missing": (lambda frame: frame["clos"], r"must not raise \(KeyError: 'clos', line \d+\)"),
    "two": (
        lambda frame: frame[["open", "close"]],
        r"must give the columns two; FrameFunction\(<lambda>, names=\('open', 'close'\)\) names others; got '2 col",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_one_line_for_each_mistake(mistake: str, single: Bars) -> None:
    function, line = MISTAKES[mistake]
    with pytest.raises(DataError, match=rf"features\.{mistake}: {line}") as caught:
        FrameFunction(function, (mistake,)).compute(single)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: FeatureSet([3]), "features: must be a Feature, or a function of a frame; got 'int'"),
        (lambda: FrameFunction(lambda frame: frame), r"must be names of letters, digits and _; got \('<lambda>',\)"),
        (lambda: FrameFunction(momentum, warmup=-1), r"features\.momentum\.warmup: must not be negative"),
        (lambda: FeatureSet([momentum, momentum]), "must not give two columns the same name; got 'momentum'"),
        (lambda: FeatureSet([FrameFunction(lambda frame: frame, ("a",))]).hash, r"features\.a: must have a name"),
    ],
)
def test_what_is_no_feature(make: Callable[[], object], line: str) -> None:
    with pytest.raises(RegimenError, match=line):
        make()


MINE = """
import pandas as pd
from regimen.features import FrameFunction

LENGTH = 20

def calm(frame: pd.DataFrame) -> pd.Series:
    return frame["close"].rolling(LENGTH).std()

def pair(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[["open", "close"]].diff()

BOTH = [calm, FrameFunction(pair, names=("open", "close"), about="steps")]
"""


def test_a_function_is_known_by_its_file(tmp_path: Path, single: Bars) -> None:
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    config = FeaturesConfig(kind="custom", features=(f"{path}:BOTH",))
    features = config.build()
    assert features.names == ("calm", "open", "close")
    assert features.compute(single).values.shape == (700, 1, 3)
    assert FeatureSet(load_features(f"{path}:calm")).hash == FeatureSet(load_features(f"{path}:calm")).hash
    assert config.build().hash == features.hash
    path.write_text(MINE.replace("20", "30"))
    assert config.build().hash != features.hash
    path.write_text(MINE)
    assert config.build().hash == features.hash


def test_an_object_is_known_as_by_its_place() -> None:
    by_place = FeatureSet(load_features(f"{__file__}:momentum"))
    assert FeatureSet([momentum]).hash == by_place.hash
    assert FeatureSet([both]).hash != by_place.hash


def test_a_place_counts_from_where_a_run_was_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "began").mkdir()
    (tmp_path / "began" / "mine.py").write_text(MINE)
    config = FeaturesConfig(kind="custom", features=("mine.py:calm",))
    monkeypatch.chdir(tmp_path / "began")
    here = config.build().hash
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="must name a file that exists"):
        config.build()
    there = config.began_in(tmp_path / "began")
    assert there.build().hash == here
    assert there.model_dump() == config.model_dump()
