"""When a symbol is listed, what of it a cut keeps, and the finding that it ends."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from regimen.bars import Bars, DataConfig, listed
from regimen.readers import check


def bars_of(present: np.ndarray) -> Bars:
    price = np.where(present, 100.0, np.nan)
    names = tuple(f"S{s}" for s in range(present.shape[1]))
    time = np.datetime64("2021-01-04") + np.arange(len(present))
    return Bars.from_arrays(time, open=price, high=price, low=price, close=price, symbols=names, checked=False)


def by_hand(present: np.ndarray) -> np.ndarray:
    """Listed from the first bar to the last, or to the end where the last absence is no longer than one before."""
    found = np.zeros_like(present)
    panel = max((t for t in range(len(present)) if present[t].any()), default=-1)
    for s in range(present.shape[1]):
        have = [t for t in range(len(present)) if present[t, s]]
        if not have:
            continue
        holes, run = [0], 0
        for t in range(have[0], have[-1]):
            run = 0 if present[t, s] else run + 1
            holes.append(run)
        ended = panel - have[-1] > max(holes)
        found[have[0] : have[-1] + 1 if ended else len(present), s] = True
    return found


@pytest.mark.parametrize("seed", range(20))
def test_listing_agrees_with_the_rule_by_hand(seed: int) -> None:
    rng = np.random.default_rng(seed)
    present = rng.random((15, 6)) < rng.choice([0.3, 0.8, 0.98])
    for s in range(6):
        present[int(rng.integers(0, 16)) :, s] &= rng.random() < 0.5
    present[0, 0] = True
    np.testing.assert_array_equal(listed(present), by_hand(present))
    np.testing.assert_array_equal(bars_of(present).listed, by_hand(present))
    np.testing.assert_array_equal(listed(by_hand(present)), by_hand(present))


def test_a_weekend_at_the_end_is_no_end() -> None:
    present = np.ones((14, 2), dtype=np.bool_)
    present[[5, 6, 12, 13], 1] = False
    assert bars_of(present).listed.all()
    present[7:, 1] = False
    assert bars_of(present).listed[:, 1].tolist() == [True] * 5 + [False] * 9


def test_what_is_cut_from_bars_keeps_their_listing() -> None:
    present = np.ones((20, 3), dtype=np.bool_)
    present[8:12, 0] = False  # closed
    present[15:, 1] = False  # ended
    bars = bars_of(present)
    assert np.isnat(bars.window(0, 10).listing[0, 1])
    for start, stop in ((0, 10), (9, 20), (16, 20)):
        np.testing.assert_array_equal(bars.window(start, stop).listed, bars.listed[start:stop])
    np.testing.assert_array_equal(bars.select("S1").listed, bars.listed[:, 1:2])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(bars.window(0, 10))).listed, bars.listed[:10])
    assert bars.resample("5d").listed.shape == (5, 3)


def test_a_check_names_the_symbols_that_end(tmp_path: Path) -> None:
    lines = ["timestamp,symbol,open,high,low,close,volume"]
    rng = np.random.default_rng(0)
    for s, name in enumerate(("AAA", "BBB", "CCC")):
        price = 100.0
        for day in range(60):
            price *= 1.0 + 0.01 * rng.standard_normal()
            closed = name == "BBB" and day % 7 >= 5
            if not closed and not (name == "CCC" and day >= 40):
                stamp = np.datetime64("2021-01-04") + day
                lines.append(f"{stamp},{name},{price:.4f},{price:.4f},{price:.4f},{price:.4f},{1000 + day + s}")
    path = tmp_path / "panel.csv"
    path.write_text("\n".join(lines) + "\n")
    found = [each for each in check(DataConfig.of(path=str(path))).findings if each.name == "ends_early"]
    assert [(each.severity, each.count, each.stamps) for each in found] == [("warn", 1, ("2021-02-12 CCC",))]
    assert "market.delisting" in found[0].sentence
