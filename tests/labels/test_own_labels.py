"""Labels of the user's own: what becomes of an answer, and each mistake in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from regimen import Bars
from regimen.errors import ConfigError
from regimen.labels import FixedHorizonConfig, OwnLabelsConfig, label

HEAD = "import numpy as np\nfrom regimen.labels import FixedHorizonConfig, Labels, label as house\n\n"
GOOD = """
def mine(bars, ahead=3):
    n = len(bars)
    t_end = np.arange(n)[:, None] + ahead + np.zeros(bars.shape, int)
    y = np.full(bars.shape, -1)
    y[:-ahead] = np.where(bars.close[ahead:] > bars.close[:-ahead], 2, 0)
    return y, np.where(y < 0, -1, t_end)
"""


def market(symbols: int = 1) -> Bars:
    """Twelve daily bars, in which a split halves the price at the seventh."""
    rng = np.random.default_rng(1)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, (12, symbols)), axis=0))
    factor = np.ones((12, symbols))
    factor[6:] = 2.0
    return Bars.from_arrays(
        np.datetime64("2020-01-01") + np.arange(12),
        open=close * 1.001 / factor, high=close * 1.01 / factor, low=close * 0.99 / factor, close=close / factor,
        volume=np.ones((12, symbols)), symbols=tuple("AB"[:symbols]), extras={"adjustment": factor},
    )  # fmt: skip


def written(folder: Path, body: str) -> OwnLabelsConfig:
    (folder / "marks.py").write_text(HEAD + body)
    return OwnLabelsConfig(source=f"{folder / 'marks.py'}:mine")


@pytest.mark.parametrize("symbols", [1, 2])
def test_a_function_gives_classes_and_how_far_it_looked(tmp_path: Path, symbols: int) -> None:
    bars = market(symbols)
    labels = label(written(tmp_path, GOOD), bars)
    assert labels.y.dtype == np.int8
    assert (labels.y[-3:] == -1).all()
    assert (labels.t_end[:-3] == np.arange(9)[:, None] + 3).all()
    assert labels.horizon == 3
    prices = bars.adjusted()
    np.testing.assert_allclose(labels.forward_return[:-3], prices.close[3:] / prices.open[1:-2] - 1.0)
    assert np.isnan(labels.forward_return[-3:]).all()


def test_one_symbol_may_have_one_axis_and_nan_is_no_label(tmp_path: Path) -> None:
    body = "def mine(bars):\n    return [2, np.nan, 0] + [np.nan] * 9, [4, np.nan, 3] + [np.nan] * 9\n"
    labels = label(written(tmp_path, body), market())
    assert labels.y[:, 0].tolist() == [2, -1, 0] + [-1] * 9
    assert labels.t_end[:4, 0].tolist() == [4, -1, 3, -1]
    assert labels.horizon == 4


def test_labels_of_the_house_may_be_changed_and_given_back(tmp_path: Path) -> None:
    body = (
        "def mine(bars, horizon=2):\n    return house(FixedHorizonConfig(horizon=horizon, volatility_bars=2), bars)\n"
    )
    config = written(tmp_path, body)
    own = label(config.model_copy(update={"settings": {"horizon": 3}}), market())
    theirs = label(FixedHorizonConfig(horizon=3, volatility_bars=2), market())
    for name in ("y", "t_end", "forward_return"):
        np.testing.assert_array_equal(getattr(own, name), getattr(theirs, name))


BAD = [
    ("return np.ones(3), np.ones(3)", r"^labels: y: must have the shape of the bars, \(12, 1\); got \(3,\)$"),
    ("return np.ones((12, 1))", r"^labels\.source: must return \(y, t_end\) or Labels from mine; got 'ndarray'$"),
    ("return 'up', 'down'", r"^labels: y: must be numbers \(time, symbol\); got 'str'$"),
    ("return np.full(12, 3), np.arange(12) + 1", r"^labels: y: must be 0 SELL, 1 HOLD, 2 BUY, or −1 .* of A; got 3$"),
    ("return np.full(12, 0.5), np.arange(12) + 1", r"^labels: y: must be whole numbers, .* of A; got 0\.5$"),
    ("return np.full(12, np.inf), np.arange(12) + 1", r"^labels: y: must be whole numbers, .* of A; got inf$"),
    (
        "return np.full(12, -1), np.arange(12) + 1",
        r"^labels: t_end: must be −1 where y is −1, which means no label \(0 SELL, 1 HOLD, 2 BUY.*; got 1$",
    ),
    (
        "return np.ones(12), np.arange(12)",
        r"^labels: t_end: must be the position of a bar after its own, at the bar 2020-01-01T00:00:00 \(position 0\)",
    ),
    ("return np.ones(12), np.full(12, -1)", r"^labels: t_end: must be the position of a bar after its own"),
    (
        "return np.ones(12), np.arange(12) + 4",
        r"^labels: t_end: must be at most 11, the last bar of the data, .* \(position 8\) of A; got 12",
    ),
    ("return np.full(12, -1), np.full(12, -1)", r"^labels: no bar has a label"),
    ("return 1 / 0", r"^labels\.source: must run on the bars, but mine fails \(ZeroDivisionError: division by zero\)"),
]


@pytest.mark.parametrize(("body", "line"), BAD)
def test_an_answer_that_cannot_be_purged_by_is_one_line(body: str, line: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=line):
        label(written(tmp_path, f"def mine(bars):\n    {body}\n"), market())


def test_a_bar_without_an_entry_or_an_exit_has_no_label(tmp_path: Path) -> None:
    whole = market(2)
    close = whole.close.copy()
    close[4, 1] = np.nan
    columns = {name: np.where(np.isnan(close), np.nan, getattr(whole, name)) for name in ("open", "high", "low")}
    bars = Bars.from_arrays(whole.time, **columns, close=close, volume=columns["open"], symbols=("A", "B"))
    labels = label(written(tmp_path, GOOD), bars)
    assert np.flatnonzero(labels.defined[:, 1]).tolist() == [0, 2, 5, 6, 7, 8]  # not 1 (exit), 3 (entry), 4 (no bar)
    assert np.flatnonzero(labels.defined[:, 0]).tolist() == list(range(9))


def test_what_is_no_function_or_changed(tmp_path: Path) -> None:
    config = written(tmp_path, "mine = 3\n")
    with pytest.raises(ConfigError, match=r"^labels\.source: must name a function of the bars"):
        label(config, market())
    written(tmp_path, GOOD)
    with pytest.raises(ConfigError, match=r"^labels\.source: must be the code that the run was begun with"):
        label(config, market())
