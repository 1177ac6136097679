"""Windows of the user's own: purged and embargoed all the same, and each mistake in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from regimen import Bars
from regimen.errors import ConfigError, SplitError
from regimen.labels import FixedHorizonConfig, Labels, label
from regimen.splits import OwnSplitsConfig, WalkForwardConfig, split, walk_forward


@pytest.fixture(scope="module")
def bars() -> Bars:
    close = 100.0 * np.exp(np.cumsum(np.random.default_rng(0).normal(0.0, 0.01, 400)))
    time = np.datetime64("2020-01-01") + np.arange(400)
    return Bars.from_arrays(time, open=close, high=close, low=close, close=close, volume=np.ones(400))


@pytest.fixture(scope="module")
def labels(bars: Bars) -> Labels:
    return label(FixedHorizonConfig(horizon=4, volatility_bars=10), bars)


def written(folder: Path, body: str, **fields: object) -> OwnSplitsConfig:
    (folder / "cuts.py").write_text(f"def mine(bars, labels, **settings):\n    {body}\n")
    return OwnSplitsConfig.model_validate({"source": f"{folder / 'cuts.py'}:mine", **fields})


def test_the_same_spans_are_the_same_windows(bars: Bars, labels: Labels, tmp_path: Path) -> None:
    body = "return [(range(s - 200, s), range(s, min(s + 80, 400))) for s in range(200, 400, 80)]"
    own = split(written(tmp_path, body), bars, labels, 7)
    theirs = walk_forward(WalkForwardConfig(train=200, test=80), bars, labels, 7)
    assert len(own) == len(theirs) == 3
    for mine, window in zip(own, theirs, strict=True):
        assert (mine.number, mine.purged, mine.embargoed) == (window.number, window.purged, window.embargoed)
        for role in ("train", "validation", "test"):
            left, right = getattr(mine, role), getattr(window, role)
            assert (left.start, left.stop) == (right.start, right.stop)
            np.testing.assert_array_equal(left.mask, right.mask)
    assert [each.number for each in split(written(tmp_path, body), bars, labels, 7, until=281)] == [0, 1]


def test_training_may_end_long_before_the_test(bars: Bars, labels: Labels, tmp_path: Path) -> None:
    (window,) = split(written(tmp_path, "yield (0, 150), (300, 400)", embargo=20), bars, labels)
    assert (window.train.start, window.validation.stop, window.test.start) == (0, 150, 300)
    assert window.embargoed == 0
    assert window.train.rows + window.validation.rows + window.purged == (labels.t_end[:150] >= 0).sum()
    assert (labels.t_end[:300][window.train.mask[:300]] < window.validation.start).all()
    (near,) = split(written(tmp_path, "yield (0, 290), (300, 400)", embargo=20), bars, labels)
    assert near.validation.stop == 280
    assert near.embargoed > 0


def test_the_settings_reach_the_function(bars: Bars, labels: Labels, tmp_path: Path) -> None:
    config = written(tmp_path, "return [((0, settings['first']), (settings['first'], 400))]", settings={"first": 333})
    assert split(config, bars, labels)[0].test.start == 333


BAD = [
    ("return 3", r"^splits\.source: must return at least one pair \(train, test\) from mine; got 'int'$"),
    ("return []", r"^splits\.source: must return at least one pair \(train, test\) from mine; got \[\]$"),
    ("return [3]", r"^splits \(window 1\): must be a pair of spans \(train, test\); got 3$"),
    ("return [((0, 200), 'rest')]", r"^splits \(window 1\): must have spans that are range.*; got 'rest'$"),
    ("return [((0, 200), range(200, 400, 2))]", r"must have spans that are range\(start, stop\) or \(start, stop\)"),
    ("return [((0, 200), (200, 401))]", r"must have spans with 0 <= start < stop <= 400; got \(200, 401\)$"),
    ("return [((0, 0), (200, 400))]", r"must have spans with 0 <= start < stop <= 400; got \(0, 0\)$"),
    (
        "return [((0, 200), (199, 400))]",
        r"^splits \(window 1\): must train before it tests: training ends at 200; got 199$",
    ),
    ("return [((200, 300), (100, 200))]", r"must train before it tests: training ends at 300; got 100$"),
    (
        "return [((0, 200), (200, 300)), ((0, 200), (250, 400))]",
        r"^splits \(window 2\): must test from 300 on, where the last window's test span ends; got 250$",
    ),
    ("return [((0, 200), (200, 300)), ((0, 200), (310, 400))]", r"must test from 300 on, .*; got 310$"),
    ("return [((0, 5), (200, 300))]", r"^splits\.(train|validation) \(window 1"),
]


@pytest.mark.parametrize(("body", "line"), BAD)
def test_spans_that_cannot_be_used_are_one_line(
    body: str, line: str, bars: Bars, labels: Labels, tmp_path: Path
) -> None:
    with pytest.raises(SplitError, match=line):
        split(written(tmp_path, body), bars, labels)


def test_code_that_fails(bars: Bars, labels: Labels, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^splits\.source: must run on bars and labels, but mine fails \(ZeroDiv"):
        split(written(tmp_path, "yield 1 / 0"), bars, labels)
    config = written(tmp_path, "return []")
    written(tmp_path, "return [1]")
    with pytest.raises(ConfigError, match=r"^splits\.source: must be the code that the run was begun with"):
        split(config, bars, labels)
    with pytest.raises(ConfigError, match=r"^splits\.embargo: must not be negative; got -1$"):
        split(written(tmp_path, "return []", embargo=-1), bars, labels)
