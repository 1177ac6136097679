"""A bar that comes as most do is answered on a way of its own; however its bytes come, the answers are the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from tests.serving.conftest import ENDS, FEED, Opened, Running
from tests.serving.test_app import Switched
from uvicorn.server import ServerState

from regimen.serving.lane import lane_of


class Wire:
    """A connection on which bytes are sent as they are, and answers read one after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def answer(self) -> tuple[int, bytes]:
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 10.0)
        length = next(int(line[16:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length: "))
        return int(head[9:12]), await self.reader.readexactly(length)


@asynccontextmanager
async def listening(server: Running) -> AsyncIterator[tuple[Wire, Any, list[bytes]]]:
    """Yields a connection, the protocol's state, and the bars that came on the short way."""
    short: list[bytes] = []
    post = server.app.post

    def watched(headers: Any, body: bytes, answered: Any) -> None:
        short.append(body)
        post(headers, body, answered)

    server.app.post = watched  # type: ignore[method-assign]
    server.now = ENDS[109]
    lane: Any = lane_of(server.app)
    config, state = uvicorn.Config(server.app, http=lane, lifespan="off", log_config=None), ServerState()  # type: ignore[arg-type]
    config.load()
    opened = await asyncio.get_running_loop().create_server(lambda: lane(config, state, {}), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*opened.sockets[0].getsockname()[:2])
    try:
        yield Wire(reader, writer), state, short
    finally:
        writer.close()
        opened.close()


def request(body: bytes, *lines: bytes) -> bytes:
    head = [b"POST /bars HTTP/1.1", b"Host: 127.0.0.1", b"Content-Length: %d" % len(body), *lines]
    return b"\r\n".join([*head, b"", body])


def test_however_a_bar_comes_it_is_answered_in_its_turn(running: Opened) -> None:
    async def posted() -> None:
        async with running() as server, listening(server) as (wire, _, short):
            for t, pieces in enumerate(
                [
                    [request(FEED[0])],
                    [request(FEED[1])[:60], request(FEED[1])[60:]],
                    [request(FEED[2])[:-20], request(FEED[2])[-20:]],
                    [request(FEED[3], b"Expect: 100-continue-not")],
                    [request(FEED[4])],
                ]
            ):
                for piece in pieces:
                    wire.writer.write(piece)
                    await asyncio.sleep(0.02)
                status, content = await wire.answer()
                assert (status, b'"seq":%d,' % (t + 1) in content) == (200, True)
            assert short == [FEED[0], FEED[1], FEED[2], FEED[4]]
            wire.writer.write(request(FEED[5]) + request(FEED[6]))  # one behind the other
            assert [(await wire.answer())[0] for _ in range(2)] == [200, 200]
            assert len(short) == 4
            wire.writer.write(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert (await wire.answer())[0] == 200
            wire.writer.write(request(FEED[0]).replace(b"127.0.0.1", b"example.org"))
            assert (await wire.answer())[0] == 403
            wire.writer.write(request(b"[]", b"Connection: close"))
            assert (await wire.answer())[0] == 422
            assert await wire.reader.read() == b""

    asyncio.run(posted())


def test_a_body_that_does_not_come_is_refused_as_everywhere(running: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regimen.serving.lane._PATIENCE", 0.02)
    monkeypatch.setattr("regimen.serving.asgi.PATIENCE", 0.05)

    async def posted() -> None:
        async with running() as server, listening(server) as (wire, _, short):
            wire.writer.write(request(FEED[0])[:-20])
            assert (await wire.answer())[0] == 408
            assert short == []

    asyncio.run(posted())


def test_what_comes_before_an_answer_waits_for_it_and_the_last_answer_closes(running: Opened) -> None:
    async def posted() -> None:
        async with running(Switched) as server, listening(server) as (wire, state, short):  # type: ignore[arg-type]
            assert server.app.desk is not None
            journal: Any = server.app.desk.desk.journal
            journal.free.clear()
            try:
                for t in (0, 1):
                    wire.writer.write(request(FEED[t]))
                    await asyncio.sleep(0.02)
                assert short == [FEED[0]]
            finally:
                journal.free.set()
            assert [b'"seq":%d,' % seq in (await wire.answer())[1] for seq in (1, 2)] == [True, True]
            journal.free.clear()
            try:
                wire.writer.write(request(FEED[2]))
                await asyncio.sleep(0.02)
                for connection in state.connections:
                    connection.shutdown()
            finally:
                journal.free.set()
            assert (await wire.answer())[0] == 200
            assert await wire.reader.read() == b""

    asyncio.run(posted())


@pytest.mark.parametrize(
    "data", [b"POST /bars HTTP/1.1\r\n\x00\r\n\r\n", b"POST /bars HTTP/1.1\r\nContent-Length: x\r\n\r\n"]
)
def test_what_is_no_http_is_refused_as_everywhere(running: Opened, data: bytes) -> None:
    async def posted() -> None:
        async with running() as server, listening(server) as (wire, _, short):
            wire.writer.write(data)
            assert (await wire.answer())[0] == 400
            assert short == []

    asyncio.run(posted())
