"""A journal folded again decides the same, and its account has the equity of a backtest."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from tests.live.accounts import WIDE, setup_of, walk

from regimen.journal import SqliteJournal, rows_of
from regimen.live import Desk, bar_messages, paced, refolded, replayed, trade

BARS = walk(200, symbols=2, holes=True, seed=4)


@pytest.fixture
def traded(tmp_path: Path) -> Path:
    """A journal of a paper account that was halted and resumed once."""
    place = tmp_path / "journal.sqlite"
    desk = Desk(setup_of(BARS, WIDE), SqliteJournal(place, "paper"))
    feed = list(replayed(BARS, desk.setup, BARS.time[30]))
    trade(desk, feed[:120], lambda *_: None)
    desk.word("halt", "anna", "", feed[119].at + 1)
    trade(desk, feed[120:130], lambda *_: None)
    desk.word("resume", "anna", "", feed[129].at + 1)
    trade(desk, feed[130:], lambda *_: None)
    desk.close()
    return place


def test_every_row_is_decided_the_same_and_the_backtest_has_the_same_bits(traded: Path) -> None:
    result = refolded(rows_of(traded), setup_of(BARS, WIDE))
    assert result == (202, 170, None, None)


def test_the_first_row_that_differs_is_named(traded: Path) -> None:
    rows = list(rows_of(traded))
    k = next(k for k, each in enumerate(rows) if each.row.kind == "bar" and b'"target":0.' in each.row.decision)
    other = rows[k].row._replace(decision=rows[k].row.decision.replace(b'"target":0.', b'"target":0.1', 1))
    rows[k] = rows[k]._replace(row=other)
    result = refolded(rows, setup_of(BARS, WIDE))
    assert result.differs == f"{rows[k].name} is decided otherwise here"


def test_what_a_paper_account_came_to(tmp_path: Path) -> None:
    with closing(SqliteJournal(tmp_path / "journal.sqlite", "paper")) as journal:
        desk = Desk(setup_of(BARS, WIDE), journal)
        answers = []
        record = trade(desk, replayed(BARS, desk.setup, BARS.time[30]), lambda answer, _: answers.append(answer))
        market = desk.setup.market.build()
        targets = np.full(BARS.shape, np.nan)
        targets[30:] = [[np.nan if s.target is None else s.target for s in each.symbols] for each in answers]
        ledger = market.backtest(BARS, targets, 30, len(BARS))
        assert record.equity == ledger.equity[-1]
        assert record.net_return == pytest.approx(ledger.equity[-1] / 1e6 - 1.0)
        for name, paid in record.costs.items():
            assert paid == pytest.approx(float(np.sum(ledger.costs.get(name, 0.0))), rel=1e-9), name
        assert (record.bars, record.mode) == (170, "active")
        assert record.orders > 10


def test_a_replay_is_paced_by_the_times_of_its_bars() -> None:
    setup, waited = setup_of(BARS), []
    feed = list(paced(replayed(BARS, setup, BARS.time[195]), 3600.0, waited.append))
    assert [each.content for each in feed] == bar_messages(BARS)
    assert waited == [1.0] * 4
