"""A server without a network: requests go straight into the application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from tests.live.accounts import WIDE, setup_of, walk

from regimen.journal import Journal, JournalLost, SqliteJournal
from regimen.live import Desk, bar_messages
from regimen.serving import ServerApp

BARS = walk(110)
FEED = bar_messages(BARS)
ENDS = [int(stamp) + BARS.bar_length for stamp in BARS.time.astype("int64")]


@pytest.fixture(scope="session", autouse=True)
def _cheap_hashes() -> Iterator[None]:
    """A key takes a tenth of a second to hash on purpose; tests need not wait for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("regimen.serving.keys._hasher", lambda: PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


class Running:
    """An application that is open, a client, and the journal's file."""

    def __init__(self, app: ServerApp, client: httpx.AsyncClient, place: Path) -> None:
        self.app, self.client, self.place = app, client, place
        self.now = 0

    async def post(self, first: int, stop: int) -> list[httpx.Response]:
        """Posts bars one after the other, each when it has closed."""
        answers = []
        for t in range(first, stop):
            self.now = ENDS[t]
            answers.append(await self.client.post("/bars", content=FEED[t]))
        return answers


Opened = Callable[..., AbstractAsyncContextManager[Running]]


@pytest.fixture
def running(in_memory: Path) -> Opened:
    """Opens an application: ``async with running() as server``."""
    place = in_memory / "journal.sqlite"

    @asynccontextmanager
    async def opened(
        around: Callable[[SqliteJournal], Journal] = lambda journal: journal,
        ready: bool = True,
        host: str = "127.0.0.1:8000",
        **changes: Any,
    ) -> AsyncIterator[Running]:
        def lost(error: JournalLost) -> None:
            raise AssertionError(error)

        app = ServerApp(**{"lost": lost, "clock": lambda: server.now, **changes})
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            server = Running(app, client, place)
            if ready:
                app.open(Desk(setup_of(BARS, WIDE), around(SqliteJournal(place, "paper"))))
            try:
                yield server
            finally:
                await app.close()

    return opened
