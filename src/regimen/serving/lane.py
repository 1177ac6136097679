"""`lane_of`: a bar that came as most do is answered at once, without the layers that other requests pass."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regimen.serving.app import ServerApp

_START = b"POST /bars HTTP/1.1\r\n"
_MOST = 1 << 16
"""Bytes of a request; and behind one, that may wait until it is answered: then nothing more is read."""
_PATIENCE = 1.0
"""Seconds that a request may take to come."""


class _Request:
    """What a parser reads of a request; `whole` once it is there to its end, and nothing behind it."""

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.whole = self.plain = True
        self._begun = 0

    def on_message_begin(self) -> None:
        self._begun += 1
        self.plain, self.whole = self._begun == 1, False

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        self.plain &= name not in (b"expect", b"upgrade") and (name != b"connection" or value.lower() == b"keep-alive")
        self.headers.append((name, value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.whole = True


def lane_of(app: ServerApp) -> Any:
    """Returns the protocol of connections: uvicorn's, but for a ``POST /bars`` that comes as most do.

    A request with another behind it, with ``Expect`` or a ``Connection`` that is not kept alive, of more than 64 kB,
    that takes more than a second to come, or that is no HTTP goes to uvicorn and through `ServerApp` as every other
    does. Both ways answer the same. Without httptools there is no such protocol: None.
    """
    try:
        from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
        from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
    except ImportError:
        return None

    class Reading:
        """A request that is on its way: its bytes so far, and what they are."""

        def __init__(self) -> None:
            self.request, self.data = _Request(), b""
            self._parser = HttpRequestParser(self.request)
            self.alarm: asyncio.TimerHandle | None = None

        def feed(self, data: bytes) -> bool:
            """Takes bytes; returns whether it is plain as far as it has come."""
            self.data += data
            try:
                self._parser.feed_data(data)
            except (HttpParserError, HttpParserUpgrade):
                return False
            return self.request.plain and len(self.data) <= _MOST

    class Lane(HttpToolsProtocol):
        """One connection."""

        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            self._inside = self._asked = self._last = False
            self._reading: Reading | None = None
            self._behind = b""
            self._shown: Sequence[tuple[bytes, bytes]] = ()
            self._head = b""

        def data_received(self, data: bytes) -> None:
            if self._asked:
                self._behind += data
                if len(self._behind) > _MOST:
                    self.flow.pause_reading()
                return
            reading = self._reading
            if reading is None:
                if not (data.startswith(_START) and self._free()):
                    super().data_received(data)
                    return
                self._unset_keepalive_if_required()
                reading = self._reading = Reading()
            if not reading.feed(data):
                self._hand_over()
            elif reading.request.whole:
                self._read()
                self._asked = True
                app.post(reading.request.headers, reading.request.body, self._answer)
            elif reading.alarm is None:
                reading.alarm = self.loop.call_later(_PATIENCE, self._hand_over)

        def connection_lost(self, exc: Exception | None) -> None:
            self._read()
            super().connection_lost(exc)

        def _read(self) -> bytes:
            """Ends the reading of a request; returns the bytes of it that came."""
            reading, self._reading = self._reading, None
            if reading is None:
                return b""
            if reading.alarm is not None:
                reading.alarm.cancel()
            return reading.data

        def _hand_over(self) -> None:
            """Gives what has come to uvicorn, which goes on from there."""
            super().data_received(self._read())

        def on_message_begin(self) -> None:
            self._inside = True
            super().on_message_begin()

        def on_message_complete(self) -> None:
            self._inside = False
            super().on_message_complete()

        def shutdown(self) -> None:
            if self._asked or self._reading is not None:
                self._last = True
            else:
                super().shutdown()

        def _free(self) -> bool:
            """Whether a request may begin here: uvicorn is in none, and whoever asks reads what is answered."""
            answered = self.cycle is None or self.cycle.response_complete
            return answered and not self._inside and not self.flow.write_paused

        def _answer(self, status: int, headers: Sequence[tuple[bytes, bytes]], content: bytes) -> None:
            self._asked = False
            if self.transport.is_closing():
                return
            defaults = self.server_state.default_headers
            if defaults is not self._shown:
                self._shown, self._head = defaults, _lines(defaults)
            more = _lines(headers) + (b"connection: close\r\n" if self._last else b"")
            line = b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(content)
            self.transport.write(STATUS_LINE[status] + self._head + more + line + content)
            self.server_state.total_requests += 1
            if self._last:
                self.transport.close()
                return
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )
            if self._behind:
                data, self._behind = self._behind, b""
                self.flow.resume_reading()
                self.data_received(data)

    return Lane


Answered = Callable[[int, Sequence[tuple[bytes, bytes]], bytes], None]
"""Called with the status of an answer, its headers besides type and length, and its body."""


def _lines(headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    return b"".join([b"%s: %s\r\n" % pair for pair in headers])
