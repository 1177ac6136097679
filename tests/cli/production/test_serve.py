"""Bars that a server only watches before the first one that it decides at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.live.accounts import WIDE, setup_of, walk

from regimen.cli.production.serve import _watch
from regimen.errors import DataError
from regimen.journal import SqliteJournal
from regimen.live import Desk, bar_messages

BARS = walk(120)


def opened(place: Path) -> Desk:
    return Desk(setup_of(BARS, WIDE), SqliteJournal(place / "journal.sqlite", "paper"))


def test_bars_of_a_file_are_seen_and_nothing_is_decided_at_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    BARS.window(0, 90).write(tmp_path / "bars.parquet")
    desk = opened(tmp_path)
    _watch(desk, tmp_path / "bars.parquet", desk.setup)
    assert (desk.state.seq, desk.state.opened) == (90, False)
    BARS.window(0, 100).write(tmp_path / "bars.parquet")
    _watch(desk, tmp_path / "bars.parquet", desk.setup)
    assert [each.row.kind for each in desk.journal.read(1)] == ["watch"] * 100
    assert [line.split(": ")[1] for line in capsys.readouterr().err.splitlines()] == [
        "90 bars seen, 0 older ones left out",
        "10 bars seen, 90 older ones left out",
    ]
    warm = desk.bar(bar_messages(BARS)[100], int(BARS.time[101].astype(np.int64))).answer
    assert warm is not None
    assert warm.symbols[0].wanted in (-0.5, 0.5)  # the bars before were seen: features are known
    _watch(desk, tmp_path / "bars.parquet", desk.setup)
    assert "not needed, the account trades already" in capsys.readouterr().err
    desk.close()


def test_bars_of_another_market_are_refused(tmp_path: Path) -> None:
    walk(60, symbols=2).write(tmp_path / "bars.parquet")
    desk = opened(tmp_path)
    with pytest.raises(DataError, match=r"warmup: must be of S0 with bars of 3,600 s; got 'S0, S1, 3,600 s'"):
        _watch(desk, tmp_path / "bars.parquet", desk.setup)
    assert desk.state.seq == 0
    desk.close()
