"""What every ASGI application is called with, and the body of a request, bounded in size and in time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from regimen.serving.refusal import Refusal

ASGIScope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
LARGEST = 1_000_000
"""Bytes of a body."""
PATIENCE = 10.0
"""Seconds within which a body must be there."""


async def body_of(scope: ASGIScope, receive: Receive, most: int = LARGEST) -> bytes:
    """Returns the body of a request.

    Raises:
        Refusal: 413 where it is too long, 408 where it does not come.
    """
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > most:
            raise Refusal(413, f"body: must be at most {most:,} bytes; got {int(value):,}")
    body = bytearray()
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refusal(400, "body: the connection was closed before its end")
                body += message.get("body", b"")
                if len(body) > most:
                    raise Refusal(413, f"body: must be at most {most:,} bytes")
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        raise Refusal(408, f"body: must be there within {PATIENCE:g} s") from None
