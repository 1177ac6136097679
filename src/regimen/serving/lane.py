"""`lane_of`: a bar that came whole in one piece is answered at once, without the layers that other requests pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from regimen.serving.asgi import LARGEST

if TYPE_CHECKING:
    from regimen.serving.app import ServerApp

_START = b"POST /bars HTTP/1.1\r\n"
_MOST = 1 << 16
"""Bytes behind a request that may wait until it is answered; then nothing more is read."""


class _Request:
    """What a parser reads of one request; `whole` once it is there to its end, and nothing behind it."""

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.whole = False
        self._begun = 0

    def on_message_begin(self) -> None:
        self._begun += 1
        self.whole = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.whole = self._begun == 1


def lane_of(app: ServerApp) -> Any:
    """Returns the protocol of connections: uvicorn's, but for a ``POST /bars`` that came whole; None without httptools.

    A request that comes in pieces, with another behind it, with ``Expect`` or ``Connection: close``, or that is no
    HTTP, goes to uvicorn and through `ServerApp` as every other does. Both ways answer the same.
    """
    try:
        from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
        from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
    except ImportError:
        return None

    def request_of(data: bytes) -> _Request | None:
        request = _Request()
        parser = HttpRequestParser(request)
        try:
            parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            return None
        plain = request.whole and len(request.body) <= LARGEST and parser.should_keep_alive()
        return request if plain and not any(name == b"expect" for name, _ in request.headers) else None

    class Lane(HttpToolsProtocol):
        """One connection."""

        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            self._inside = self._asked = self._last = False
            self._behind = b""
            self._shown: Sequence[tuple[bytes, bytes]] = ()
            self._head = b""

        def data_received(self, data: bytes) -> None:
            if self._asked:
                self._behind += data
                if len(self._behind) > _MOST:
                    self.flow.pause_reading()
                return
            request = request_of(data) if data.startswith(_START) and self._free() else None
            if request is None:
                super().data_received(data)
                return
            self._unset_keepalive_if_required()
            self._asked = True
            app.post(request.headers, request.body, self._answer)

        def on_message_begin(self) -> None:
            self._inside = True
            super().on_message_begin()

        def on_message_complete(self) -> None:
            self._inside = False
            super().on_message_complete()

        def shutdown(self) -> None:
            if self._asked:
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
