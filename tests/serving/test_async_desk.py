"""Coroutines at a desk: who is cancelled, and a journal that nobody knows anything of any more."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.live.accounts import WIDE, setup_of
from tests.serving.conftest import BARS, ENDS, FEED
from tests.serving.test_app import Switched

from regimen.journal import JournalLost, JournalRow, SqliteJournal, Stored
from regimen.live import Desk
from regimen.serving import AsyncDesk, Durable


class Lost(Switched):
    """A journal whose disk fails while it syncs."""

    def append(self, rows: list[JournalRow]) -> tuple[Stored, ...]:
        if self.full:
            raise JournalLost("journal", "could not be synced")
        return super().append(rows)


def opened(place: Path, kind: type[Switched]) -> tuple[AsyncDesk, Any, list[Durable], list[JournalLost]]:
    journal: Any = kind(SqliteJournal(place / "journal.sqlite", "paper"))
    happened: list[Durable] = []
    lost: list[JournalLost] = []
    desk = AsyncDesk(
        Desk(setup_of(BARS, WIDE), journal, lost=lost.append),
        happened=happened.append,
        repeated=lambda: None,
        noticed=lambda _: None,
        lost=lost.append,
        clock=lambda: ENDS[-1],
    )
    return desk, journal, happened, lost


def test_who_is_cancelled_is_recorded_all_the_same(tmp_path: Path) -> None:
    async def cancelled() -> None:
        desk, journal, happened, _ = opened(tmp_path, Switched)
        journal.free.clear()
        tasks = [asyncio.create_task(desk.bar(content)) for content in FEED[:3]]
        await asyncio.sleep(0.02)
        tasks[1].cancel()
        again = asyncio.create_task(desk.bar(FEED[1]))  # it comes again while it is on its way
        await asyncio.sleep(0.02)
        journal.free.set()
        results = await asyncio.gather(*tasks, again, return_exceptions=True)
        assert isinstance(results[1], asyncio.CancelledError)
        assert results[3] == happened[1].stored.row.decision
        assert [event.stored.seq for event in happened] == [2, 3, 4]
        assert desk.flying == 0
        desk.desk.close()

    asyncio.run(cancelled())


def test_a_snapshot_that_takes_long_does_not_hold_up_the_loop(tmp_path: Path) -> None:
    """There is one writer, so rows wait for it; whoever reads, asks or listens meanwhile does not."""

    class Slow(Switched):
        """A journal that keeps a snapshot once it may."""

        kept: ClassVar[list[int]] = []
        begun, may = threading.Event(), threading.Event()

        def keep(self, seq: int, snapshot: bytes) -> None:
            self.begun.set()
            assert self.may.wait(30.0)
            self.kept.append(seq)
            self.below.keep(seq, snapshot)

    async def answered() -> None:
        journal: Any = Slow(SqliteJournal(tmp_path / "journal.sqlite", "paper"))
        desk = AsyncDesk(
            Desk(setup_of(BARS, WIDE), journal, snapshots=5),
            happened=lambda _: None,
            repeated=lambda: None,
            noticed=lambda _: None,
            lost=lambda error: pytest.fail(str(error)),
            clock=lambda: ENDS[-1],
        )
        for content in FEED[:5]:
            await desk.bar(content)
        assert await asyncio.to_thread(Slow.begun.wait, 30.0)
        coming = [asyncio.ensure_future(desk.bar(content)) for content in FEED[5:12]]
        for _ in range(20):
            began = time.perf_counter()
            await asyncio.sleep(0.005)
            assert time.perf_counter() - began < 5.0
        assert Slow.kept == []
        assert desk.flying > 0
        Slow.may.set()
        await asyncio.gather(*coming)
        desk.desk.close()
        assert Slow.kept[0] == 6
        assert Slow.kept[-1] == 13  # what had happened by the end
        assert [each.seq for each in SqliteJournal(tmp_path / "journal.sqlite", "paper").read(1)] == list(range(2, 14))

    asyncio.run(answered())


def test_a_lost_journal_ends_the_process_and_answers_nobody(tmp_path: Path) -> None:
    async def ended() -> None:
        desk, journal, happened, lost = opened(tmp_path, Lost)
        await desk.bar(FEED[0])
        journal.full = True
        with pytest.raises(JournalLost):
            await desk.bar(FEED[1])
        assert len(happened) == 1
        assert {str(error) for error in lost} == {"journal: could not be synced"}
        with pytest.raises(JournalLost):
            await desk.bar(FEED[2])
        desk.desk._commit.close()
        desk.desk.journal.close()

    asyncio.run(ended())
