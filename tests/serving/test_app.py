"""Bars over HTTP: durable answers, each mistake with its status and one line, and a state that no mistake touches."""

from __future__ import annotations

import asyncio
import gc
import threading
import tracemalloc
from typing import Any

import pytest
from tests.live.accounts import WIDE, setup_of
from tests.serving.conftest import BARS, ENDS, FEED, Opened

from regimen.journal import JournalRow, NotWritten, SqliteJournal, Stored
from regimen.live import Desk, Notice

BAR = b'{"time": "2031-01-01T00:00:00Z", "open": %s, "high": %s, "low": %s, "close": %s}'


class Switched:
    """A journal whose disk is full for a while, or slow until it is let go."""

    def __init__(self, below: SqliteJournal) -> None:
        self.below, self.full, self.free, self.local = below, False, threading.Event(), False
        self.free.set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.below, name)

    def append(self, rows: list[JournalRow]) -> tuple[Stored, ...]:
        self.free.wait()
        if self.full:
            raise NotWritten("journal", "the disk is full")
        return self.below.append(rows)


def test_answers_are_those_of_the_desk_and_durable(running: Opened, tmp_path: Any) -> None:
    desk = Desk(setup_of(BARS, WIDE), SqliteJournal(tmp_path / "beside.sqlite", "paper"))
    wanted = [desk.bar(message, ENDS[t]).content for t, message in enumerate(FEED)]
    desk.close()

    async def posted() -> None:
        async with running() as server:
            answers = await server.post(0, 110)
            assert [answer.content for answer in answers] == wanted
            assert {answer.status_code for answer in answers} == {200}
            assert answers[0].headers["content-type"] == "application/json"
            again = await server.client.post("/bars", content=FEED[7])
            assert (again.status_code, again.content) == (200, wanted[7])
            assert server.app.desk is not None
            assert server.app.desk.desk.journal.last == 111

    asyncio.run(posted())


def test_bars_that_come_at_once_are_answered_in_their_order(running: Opened) -> None:
    async def posted() -> None:
        async with running() as server:
            server.now = ENDS[109]
            answers = await asyncio.gather(*[server.client.post("/bars", content=content) for content in FEED])
            assert [answer.json()["seq"] for answer in answers] == list(range(1, 111))

    asyncio.run(posted())


@pytest.mark.parametrize(
    ("status", "content", "line"),
    [
        (422, b"", "must be the JSON of a bar"),
        (422, b"[]", "must be the JSON of a bar"),
        (422, b"\xff\xfe", "must be the JSON of a bar"),
        (422, b"[" * 100_000, "must be the JSON of a bar"),
        (422, BAR % (b"NaN", b"1", b"1", b"1"), "must be the JSON of a bar"),
        (422, BAR % (b'"1"', b"1", b"1", b"1"), "must be the JSON of a bar"),
        (422, BAR % (b"-1", b"1", b"-1", b"1"), "must be positive"),
        (422, BAR % (b"1", b"1", b"2", b"1"), "low"),
        (422, BAR % (b"1", b"1e308", b"1", b"1"), "high"),
        (422, BAR % (b"1", b"1e999", b"1", b"1"), "must be the JSON of a bar"),
        (409, FEED[3].replace(b'"volume":', b'"volume":1'), "was answered already"),
        (409, BAR.replace(b"2031", b"1999") % (b"1", b"1", b"1", b"1"), "must be after the last bar"),
        (422, BAR.replace(b"2031", b"2034") % (b"1", b"1", b"1", b"1"), "must be of a bar that has closed by now"),
        (413, b" " * 10_000_000, "at most 1,000,000 bytes"),
    ],
)
def test_what_is_no_next_bar_has_its_status_and_changes_nothing(
    running: Opened, status: int, content: bytes, line: str
) -> None:
    async def posted() -> None:
        async with running() as server:
            await server.post(0, 5)
            assert server.app.desk is not None
            before = server.app.desk.desk.state
            server.now = 2 * 10**18  # in 2033
            answer = await server.client.post("/bars", content=content)
            assert answer.status_code == status
            assert list(answer.json()) == ["error"]
            assert line in answer.json()["error"]
            assert b"\n" not in answer.content
            assert server.app.desk.desk.state is before
            assert (await server.post(5, 6))[0].json()["seq"] == 6

    asyncio.run(posted())


def test_a_body_without_a_length_is_bounded_too(running: Opened) -> None:
    async def chunks() -> Any:
        for _ in range(100):
            yield b" " * 20_000

    async def posted() -> None:
        async with running() as server:
            answer = await server.client.post("/bars", content=chunks())
            assert answer.status_code == 413

    asyncio.run(posted())


def test_nothing_is_answered_before_it_is_durable_and_too_much_is_refused(running: Opened) -> None:
    async def posted() -> None:
        async with running(Switched, most=3) as server:  # type: ignore[arg-type]
            assert server.app.desk is not None
            journal: Any = server.app.desk.desk.journal
            await server.post(0, 2)
            server.now = ENDS[109]
            journal.free.clear()
            waiting = [asyncio.create_task(server.client.post("/bars", content=FEED[t])) for t in (2, 3, 4)]
            try:
                await asyncio.sleep(0.05)
                assert not any(task.done() for task in waiting)
                refused = await server.client.post("/bars", content=FEED[5])
                assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
                operator = asyncio.create_task(server.client.post("/halt"))  # there is always room for an operator
            finally:
                journal.free.set()
            assert [(await task).json()["seq"] for task in waiting] == [3, 4, 5]
            assert (await operator).json()["mode"] == "halted"

    asyncio.run(posted())


def test_ten_times_the_load_is_refused_and_nothing_that_was_answered_is_lost(running: Opened) -> None:
    """Forty bars come at once where four may be on their way, and whoever is refused comes again."""

    async def posted() -> None:
        async with running(Switched, most=4) as server:  # type: ignore[arg-type]
            assert server.app.desk is not None
            desk, server.now = server.app.desk, ENDS[109]
            journal: Any = desk.desk.journal
            answers: dict[int, bytes] = {}
            while left := [t for t in range(40) if t not in answers]:
                journal.free.clear()
                tasks = {t: asyncio.create_task(server.client.post("/bars", content=FEED[t])) for t in left}
                while desk.flying < 4 or sum(not task.done() for task in tasks.values()) > 4:
                    await asyncio.sleep(0.001)
                assert desk.flying == 4  # and no more, whatever comes
                journal.free.set()
                for t, task in tasks.items():
                    answer = await task
                    if answer.status_code == 200:
                        answers[t] = answer.content
                    else:
                        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
            rows = [each.row for each in journal.read(1)]
            assert [(row.request, row.decision) for row in rows] == [(FEED[t], answers[t]) for t in range(40)]

    asyncio.run(posted())


def test_a_feed_that_is_silent_is_seen_without_an_event(running: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regimen.serving.app.LOOK", 0.001)
    seen: list[dict[str, float]] = []
    notices: list[Notice] = []

    def beyond(numbers: Any) -> list[Notice]:
        seen.append(numbers)
        return [Notice("warning", "feed_silence", "It is silent.")] if numbers.get("feed_silence", 0.0) > 3.0 else []

    async def looked() -> None:
        async with running(beyond=beyond, noticed=notices.append) as server:
            await asyncio.sleep(0.02)
            assert seen[-1] == {}  # nothing has been traded yet
            await server.post(0, 80)
            await asyncio.sleep(0.02)
            assert seen[-1]["feed_silence"] == 0.0
            assert seen[-1]["drawdown"] >= 0.0
            server.now = ENDS[80] + 4 * BARS.bar_length
            while not notices:
                await asyncio.sleep(0.001)
            assert seen[-1]["feed_silence"] == 4.0
            page = (await server.client.get("/metrics")).text
            assert 'regimen_alerts_total{level="warning"}' in page

    asyncio.run(looked())


def test_what_is_refused_takes_no_memory(running: Opened) -> None:
    """A body is not read where there is no room for its bar, and nothing is kept of who was refused."""

    async def posted() -> None:
        async with running(Switched, most=2) as server:  # type: ignore[arg-type]
            assert server.app.desk is not None
            journal: Any = server.app.desk.desk.journal
            server.now = ENDS[109]
            journal.free.clear()
            waiting = [asyncio.create_task(server.client.post("/bars", content=FEED[t])) for t in (0, 1)]
            while server.app.desk.flying < 2:
                await asyncio.sleep(0.001)
            statuses: list[int] = []
            scope = {"type": "http", "method": "POST", "path": "/bars", "headers": [(b"host", b"127.0.0.1")]}

            async def receive() -> Any:
                raise AssertionError("its body is read")

            async def send(message: Any) -> None:
                statuses.extend([message["status"]] if "status" in message else [])

            await server.app(scope, receive, send)
            tracemalloc.start()
            for _ in range(500):
                await server.app(scope, receive, send)
            gc.collect()
            grown, _ = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            journal.free.set()
            assert set(statuses) == {429}
            assert grown < 50_000
            assert [(await task).status_code for task in waiting] == [200, 200]

    asyncio.run(posted())


def test_a_journal_that_cannot_be_written_stops_bars_and_not_readers(
    running: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    notices: list[Notice] = []
    monkeypatch.setattr("regimen.serving.async_desk.PAUSE", 0.01)

    async def posted() -> None:
        async with running(Switched, noticed=notices.append) as server:  # type: ignore[arg-type]
            assert server.app.desk is not None
            journal: Any = server.app.desk.desk.journal
            answers = await server.post(0, 10)
            journal.full = True
            for answer in await server.post(10, 12):
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
                assert "the disk is full" in answer.json()["error"]
            ready = await server.client.get("/ready")
            assert (ready.status_code, ready.json()["ready"]) == (503, False)
            state = (await server.client.get("/state")).json()
            assert (state["events"], state["mode"], state["writable"]) == (10, "halted", False)
            page = (await server.client.get("/decisions", params={"after": 10})).json()
            assert page["decisions"][0]["answer"] == answers[-1].json()
            assert (await server.client.get("/health")).status_code == 200
            assert [notice.level for notice in notices] == ["critical"]
            journal.full = False
            await asyncio.sleep(0.1)
            assert (await server.client.get("/ready")).status_code == 200
            state = (await server.client.get("/state")).json()
            assert (state["events"], state["mode"]) == (11, "halted")  # latched by the journal's own word
            assert (await server.post(10, 11))[0].json()["mode"] == "halted"
            await server.client.post("/resume", json={"by": "anna", "reason": "disk replaced"})
            assert (await server.post(11, 12))[0].json()["mode"] == "active"

    asyncio.run(posted())


def test_before_it_has_recovered_it_is_alive_and_not_ready(running: Opened) -> None:
    async def posted() -> None:
        async with running(ready=False) as server:
            assert (await server.client.get("/health")).status_code == 200
            for method, path in (("GET", "/ready"), ("GET", "/state"), ("POST", "/bars"), ("POST", "/halt")):
                assert (await server.client.request(method, path)).status_code == 503

    asyncio.run(posted())


def test_who_takes_over_shows_the_last_answer(running: Opened) -> None:
    async def posted() -> None:
        async with running() as server:
            last = (await server.post(0, 110))[-1].json()
            before = (await server.client.get("/state")).json()
            assert before["equity"] == last["equity"]
        async with running() as server:
            assert (await server.client.get("/state")).json() == before

    asyncio.run(posted())
