"""The stream of events: all that happens in order, what was missed first, and an end when the server ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from tests.serving.conftest import Opened, Running

from regimen.serving import EventHub, ServerApp


class Heard:
    """What one listener has received."""

    def __init__(self) -> None:
        self.status = 0
        self.content = b""
        self.ended = False

    def events(self, name: str = "bar") -> list[dict[str, Any]]:
        """The data of the events of a name."""
        blocks = [block.split("\n") for block in self.content.decode().split("\n\n")]
        return [json.loads(block[-1].removeprefix("data: ")) for block in blocks if f"event: {name}" in block]


@asynccontextmanager
async def listening(app: ServerApp, reads: asyncio.Event | None = None, **headers: str) -> AsyncIterator[Heard]:
    """Listens as a client would, byte by byte as they are sent; with ``reads``, events once it is set."""
    heard, gone = Heard(), asyncio.Event()
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/events",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1")] + [(n.replace("_", "-").encode(), v.encode()) for n, v in headers.items()],
    }

    async def receive() -> MutableMapping[str, Any]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        if reads is not None and b"event: " in message.get("body", b""):
            await reads.wait()  # as uvicorn waits for a socket whose buffers are full
        heard.status = message.get("status", heard.status)
        heard.content += message.get("body", b"")
        heard.ended = message["type"] == "http.response.body" and not message.get("more_body", False)

    task = asyncio.create_task(app(scope, receive, send))
    await asyncio.sleep(0.05)
    try:
        yield heard
    finally:
        gone.set()
        await asyncio.wait_for(task, 5.0)


async def rows(server: Running) -> list[dict[str, Any]]:
    page = (await server.client.get("/decisions", params={"limit": 1000})).json()
    return [row for row in page["decisions"] if row["kind"] == "bar"]


def test_who_listens_hears_each_row_once_and_in_order(running: Opened) -> None:
    async def heard() -> None:
        async with running() as server:
            await server.post(0, 10)
            async with listening(server.app) as now, listening(server.app, last_event_id="4") as later:
                await server.post(10, 20)
                await server.client.post("/halt", json={"by": "anna"})
                await asyncio.sleep(0.05)
                assert now.events() == (await rows(server))[10:]
                assert later.events() == (await rows(server))[3:]
                assert [each["request"]["by"] for each in now.events("operator")] == ["anna"]
                assert server.app.hub.listeners == 2
            assert server.app.hub.listeners == 0

    asyncio.run(heard())


def test_a_client_that_does_not_read_loses_events_and_holds_up_nobody(running: Opened) -> None:
    async def heard() -> None:
        async with running() as server:
            server.app.hub, reads = EventHub(waiting=8), asyncio.Event()
            await server.post(0, 5)
            async with listening(server.app, reads, last_event_id="6") as slow, listening(server.app) as quick:
                for t in range(5, 45):
                    await server.post(t, t + 1)
                    await asyncio.sleep(0)
                await asyncio.sleep(0.05)
                assert quick.events() == (await rows(server))[5:]
                assert slow.events() == []
                reads.set()
                await asyncio.sleep(0.05)
                (dropped,) = slow.events("dropped")
                assert dropped["events"] == server.app.hub.dropped >= 30  # 8 wait for it, and no more
                await server.post(45, 46)
                await asyncio.sleep(0.05)
                assert slow.events()[-1] == (await rows(server))[-1]
                assert len(slow.events()) + dropped["events"] == 41

    asyncio.run(heard())


def test_streams_end_with_the_server(running: Opened) -> None:
    async def heard() -> None:
        async with running() as server, listening(server.app) as stream:
            await server.post(0, 3)
            server.app.hub.close()
            await asyncio.sleep(0.05)
            assert stream.ended
            assert len(stream.events()) == 3
            assert (await server.client.get("/events")).status_code == 503

    asyncio.run(heard())


def test_a_row_that_there_is_not_is_422(running: Opened) -> None:
    async def heard() -> None:
        async with running() as server:
            for text in ("9", "-1", "x", "²"):
                async with listening(server.app, last_event_id=text) as stream:
                    assert stream.status == 422
                    assert b"must be a row of the journal" in stream.content

    asyncio.run(heard())


def test_a_request_of_several_lines_is_one_event(running: Opened) -> None:
    bar = b'{\n "time": "2024-01-01T00:00:00Z",\r\n "open": 1, "high": 1,\n "low": 1, "close": 1}\n'

    async def heard() -> None:
        async with running() as server, listening(server.app) as stream:
            server.now = 1_704_070_800 * 10**9
            assert (await server.client.post("/bars", content=bar)).status_code == 200
            await asyncio.sleep(0.05)
            assert stream.events()[0]["request"]["open"] == 1

    asyncio.run(heard())
