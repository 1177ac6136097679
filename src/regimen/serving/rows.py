"""Rows of the journal as the server shows them."""

from __future__ import annotations

import msgspec

from regimen.journal import Stored
from regimen.serving.messages import StoredEvent
from regimen.serving.stream import sent_event

_NOTHING = msgspec.Raw(b"null")
_encode = msgspec.json.Encoder().encode


def shown(stored: Stored) -> StoredEvent:
    """Returns a row of the journal as the server shows it."""
    row = stored.row
    return StoredEvent(
        stored.seq,
        row.kind,
        row.bar,
        row.at,
        stored.epoch,
        stored.digest.hex(),
        msgspec.Raw(row.request),
        msgspec.Raw(row.decision) if row.decision else _NOTHING,
    )


def event_of(stored: Stored) -> bytes:
    """Returns a row of the journal as a server-sent event."""
    line = _encode(shown(stored)).replace(b"\n", b" ").replace(b"\r", b" ")  # of a request; there are none in texts
    return sent_event(stored.row.kind, line, stored.seq)
