"""What a live feed sends, as it comes: lines of standard input, messages of a websocket."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest

from regimen.cli.production import feeds
from regimen.errors import ConfigError


def test_lines_come_together_as_they_were_written(monkeypatch: pytest.MonkeyPatch) -> None:
    written = [b'{"a": 1}\n{"a"', b": 2}\n", b"\n  \n", b'{"a": 3}\r\n{"a": 4}']

    class Pipe:
        def read1(self, size: int) -> bytes:
            assert size > 0
            return written.pop(0) if written else b""

    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Pipe()))
    come = [[posted.content for posted in together] for together in feeds.arrivals("-")]
    assert come == [[b'{"a": 1}'], [b'{"a": 2}'], [b'{"a": 3}'], [b'{"a": 4}']]


def test_bars_of_a_feed_come_one_by_one_for_who_trades(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"1\n2\n3\n")))
    posted = list(feeds.posted("-"))
    assert [each.content for each in posted] == [b"1", b"2", b"3"]
    assert all(each.at > 0 and not each.watched for each in posted)


def test_messages_of_a_websocket_that_wait_come_together() -> None:
    from threading import Thread

    from websockets.sync.server import ServerConnection, serve

    def speak(socket: ServerConnection) -> None:
        for message in ("1", b"2", "3"):
            socket.send(message)

    with serve(speak, "127.0.0.1", 0) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        address = f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        come = [[posted.content for posted in together] for together in feeds.arrivals(address)]
        server.shutdown()
        thread.join()
    assert [content for contents in come for content in contents] == [b"1", b"2", b"3"]


@pytest.mark.parametrize("address", ["ws://127.0.0.1:9", "ws://"])
def test_an_address_that_does_not_answer_is_one_line(address: str) -> None:
    with pytest.raises(ConfigError, match="--feed: must be an address that answers"):
        list(feeds.arrivals(address))
