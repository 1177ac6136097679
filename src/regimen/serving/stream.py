"""`EventHub`: everything that happens, to whoever listens; who does not keep up loses events and hears how many."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import final

from regimen.reprs import short

WAITING = 256
"""Events that may wait for one listener."""
QUIET = 15.0
"""Seconds without an event after which a comment says that the connection is alive."""


def sent_event(name: str, content: bytes, seq: int | None = None) -> bytes:
    """Returns one server-sent event; ``content`` is one line."""
    head = b"" if seq is None else b"id: %d\n" % seq
    return b"%sevent: %s\ndata: %s\n\n" % (head, name.encode(), content)


@final
class Listener:
    """One who listens: events that wait for him, and how many he has lost.

    Args:
        most: events that may wait.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: deque[bytes] = deque()
        self._lost = 0
        self._closed = False
        self._news = asyncio.Event()

    def offer(self, event: bytes) -> bool:
        """Lets an event wait; returns whether there was room."""
        room = len(self._waiting) < self._most
        if room:
            self._waiting.append(event)
        else:
            self._lost += 1
        self._news.set()
        return room

    def close(self) -> None:
        """Ends the stream once what waits is sent."""
        self._closed = True
        self._news.set()

    async def events(self) -> AsyncIterator[bytes]:
        """Yields events as they come, ``dropped`` with the number that were lost, and a comment when all is quiet."""
        while True:
            while self._waiting:
                yield self._waiting.popleft()
            if self._lost:
                lost, self._lost = self._lost, 0
                yield sent_event("dropped", b'{"events":%d}' % lost)
                continue
            if self._closed:
                return
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), QUIET)
            except TimeoutError:
                yield b": quiet\n\n"


@final
class EventHub:
    """Passes each event on to all listeners and waits for none of them.

    Args:
        most: listeners at a time.
        waiting: events that may wait for one listener.

    Attributes:
        dropped: events that listeners have lost so far.
    """

    def __init__(self, most: int = 64, waiting: int = WAITING) -> None:
        self._most, self._depth = most, waiting
        self._listeners: set[Listener] = set()
        self._closed = False
        self.dropped = 0

    def __repr__(self) -> str:
        return short(self, f"{len(self._listeners)} of {self._most} listeners, {self.dropped} dropped")

    @property
    def listeners(self) -> int:
        """How many listen now."""
        return len(self._listeners)

    def publish(self, event: bytes) -> None:
        """Passes an event on."""
        for listener in self._listeners:
            self.dropped += not listener.offer(event)

    @property
    def full(self) -> bool:
        """Whether nobody else may listen: there are too many, or the server ends."""
        return self._closed or len(self._listeners) >= self._most

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """Yields a new listener, which hears of all that is published from now on."""
        listener = Listener(self._depth)
        if self._closed:
            listener.close()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def close(self) -> None:
        """Ends all streams."""
        self._closed = True
        for listener in self._listeners:
            listener.close()
