"""Bars of symbols one by one are the bar that a feed would have posted whole, in order, once, and never half."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.live.accounts import WIDE, setup_of, walk

from regimen.journal import SqliteJournal
from regimen.live import Desk, bar_messages
from regimen.serving import ServerApp

BARS = walk(80, symbols=3, seed=2)
WHOLE = [json.loads(content) for content in bar_messages(BARS)]
LATE = int(BARS.time[-1].astype("int64")) + 2 * BARS.bar_length


def part(t: int, symbol: str) -> bytes:
    return json.dumps({"time": WHOLE[t]["time"], **WHOLE[t]["bars"][symbol]}).encode()


class Gathering:
    """A server that gathers, and its journal."""

    def __init__(self, app: ServerApp, client: httpx.AsyncClient) -> None:
        self.app, self.client = app, client

    def post(self, t: int, symbol: str) -> asyncio.Task[httpx.Response]:
        return asyncio.create_task(self.client.post(f"/bars/{symbol}", content=part(t, symbol)))

    def rows(self) -> list[tuple[Any, bytes]]:
        assert self.app.desk is not None
        return [(json.loads(each.row.request), each.row.decision) for each in self.app.desk.desk.journal.read(1)]


@asynccontextmanager
async def gathering(place: Path, seconds: float = 60.0) -> AsyncIterator[Gathering]:
    app = ServerApp(lost=print, clock=lambda: LATE, gather=seconds)
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        app.open(Desk(setup_of(BARS, WIDE), SqliteJournal(place / "journal.sqlite", "paper")))
        try:
            yield Gathering(app, client)
        finally:
            await app.close()


def test_parts_in_any_order_are_the_bar_that_was_posted_whole(tmp_path: Path) -> None:
    beside = Desk(setup_of(BARS, WIDE), SqliteJournal(tmp_path / "beside.sqlite", "paper"))
    wanted = [beside.bar(content, LATE).content for content in bar_messages(BARS)]
    beside.close()

    async def posted() -> None:
        async with gathering(tmp_path) as server:
            for t in range(80):
                order = [f"S{(t + k) % 3}" for k in range(3)]
                answers = await asyncio.gather(*[server.post(t, symbol) for symbol in order])
                assert {(answer.status_code, answer.content) for answer in answers} == {(200, wanted[t])}
            assert [request for request, _ in server.rows()] == WHOLE
            again = await server.post(40, "S1")
            assert (again.status_code, again.content) == (200, wanted[40])
            other = await server.client.post("/bars/S1", content=part(40, "S1").replace(b'"volume": ', b'"volume": 1'))
            assert other.status_code == 409

    asyncio.run(posted())


def test_what_does_not_come_in_time_is_a_gap(tmp_path: Path) -> None:
    async def posted() -> None:
        async with gathering(tmp_path, 0.05) as server:
            first, second = await asyncio.gather(server.post(0, "S0"), server.post(0, "S2"))
            assert first.content == second.content
            assert [list(request["bars"]) for request, _ in server.rows()] == [["S0", "S2"]]
            assert first.json()["symbols"][1]["confidence"] is None
            late = await server.post(0, "S1")
            assert (late.status_code, "one of S1" in late.json()["error"]) == (409, True)
            page = (await server.client.get("/metrics")).text
            assert 'regimen_feed_gaps_total{symbol="S1"} 1.0' in page
            assert 'regimen_feed_gaps_total{symbol="S0"}' not in page

    asyncio.run(posted())


def test_a_bar_that_is_whole_closes_those_before_it(tmp_path: Path) -> None:
    async def posted() -> None:
        async with gathering(tmp_path) as server:
            waiting = server.post(3, "S0")
            await asyncio.sleep(0.02)
            answers = await asyncio.gather(*[server.post(4, symbol) for symbol in ("S0", "S1", "S2")])
            assert (await waiting).json()["seq"] == 1
            assert [answer.json()["seq"] for answer in answers] == [2, 2, 2]
            assert [list(request["bars"]) for request, _ in server.rows()] == [["S0"], ["S0", "S1", "S2"]]

    asyncio.run(posted())


@pytest.mark.parametrize(
    ("symbol", "content", "status", "line"),
    [
        ("S9", part(0, "S0"), 404, "symbol: must be of S0, S1, S2"),
        ("S0", b"[]", 422, "must be the JSON of a bar"),
        ("S0", part(0, "S0").replace(b'"low": ', b'"low": 1'), 422, "high: must not be below open, low or close"),
        ("S0", json.dumps(WHOLE[0]).encode(), 422, "must be of S0"),
    ],
)
def test_what_is_no_part_is_refused_at_once_and_spoils_no_bar(
    tmp_path: Path, symbol: str, content: bytes, status: int, line: str
) -> None:
    async def posted() -> None:
        async with gathering(tmp_path) as server:
            others = [server.post(0, each) for each in ("S1", "S2")]
            await asyncio.sleep(0.02)
            refused = await server.client.post(f"/bars/{symbol}", content=content)
            assert (refused.status_code, line in refused.json()["error"]) == (status, True), refused.text
            assert (await server.post(0, "S0")).status_code == 200
            assert [(await each).status_code for each in others] == [200, 200]

    asyncio.run(posted())


def test_whoever_waits_when_the_server_ends_is_refused_and_nothing_is_decided(tmp_path: Path) -> None:
    async def posted() -> None:
        async with gathering(tmp_path) as server:
            waiting, twice = server.post(0, "S0"), server.post(0, "S0")
            await asyncio.sleep(0.02)
            other = await server.client.post("/bars/S0", content=part(0, "S0").replace(b'"volume": ', b'"volume": 1'))
            assert other.status_code == 409
            server.app.end()
            for each in (await waiting, await twice):
                assert (each.status_code, each.headers["retry-after"]) == (503, "1")
            assert server.rows() == []

    asyncio.run(posted())


def test_no_more_bars_wait_than_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regimen.serving.collector.OPEN", 2)

    async def posted() -> None:
        async with gathering(tmp_path) as server:
            waiting = [server.post(t, "S0") for t in (0, 1)]
            await asyncio.sleep(0.02)
            assert (await server.post(2, "S0")).status_code == 429
            assert not any(each.done() for each in waiting)
            server.app.end()
            await asyncio.gather(*waiting)

    asyncio.run(posted())
