"""Whoever listens hears everything, or hears how much was lost; nobody waits for anybody."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from regimen.serving import EventHub
from regimen.serving.stream import sent_event


async def heard(listener: Any, count: int) -> list[bytes]:
    events = []
    async for event in listener.events():
        events.append(event)
        if len(events) == count:
            break
    return events


def test_each_hears_all_and_who_is_slow_hears_how_many_were_lost() -> None:
    async def passed_on() -> None:
        hub = EventHub(waiting=4)
        with hub.listening() as quick, hub.listening() as slow:
            received = []
            for number in range(10):
                hub.publish(b"%d" % number)
                received += await heard(quick, 1)
            assert received == [b"%d" % number for number in range(10)]
            assert await heard(slow, 5) == [b"0", b"1", b"2", b"3", b'event: dropped\ndata: {"events":6}\n\n']
            hub.publish(b"10")
            assert await heard(slow, 1) == [b"10"]
            assert hub.dropped == 6
        assert hub.listeners == 0

    asyncio.run(passed_on())


def test_a_closed_hub_ends_its_streams_after_what_waits() -> None:
    async def closed() -> None:
        hub = EventHub(most=1)
        with hub.listening() as listener:
            assert hub.full
            hub.publish(b"last")
            hub.close()
            assert [event async for event in listener.events()] == [b"last"]
        assert hub.full
        with hub.listening() as late:
            assert [event async for event in late.events()] == []

    asyncio.run(closed())


def test_a_quiet_stream_says_that_it_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regimen.serving.stream.QUIET", 0.01)

    async def quiet() -> None:
        with EventHub().listening() as listener:
            assert await heard(listener, 2) == [b": quiet\n\n"] * 2

    asyncio.run(quiet())


def test_the_form_of_an_event() -> None:
    assert sent_event("bar", b"{}", 7) == b"id: 7\nevent: bar\ndata: {}\n\n"
