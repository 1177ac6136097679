"""`Refusal`: an answer that is no answer, with its status; and the status that each error of the house means."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from regimen.errors import DataError, RegimenError, one_line
from regimen.journal import NotWritten
from regimen.live import OldBar, OtherBar
from regimen.serving.messages import Problem

_LONGEST = 1000
_encode = msgspec.json.Encoder().encode


class Refusal(Exception):
    """A request that is not answered with what it asked for.

    Args:
        status: of HTTP.
        line: what is wrong, on one line.
        headers: that the answer carries besides.
    """

    def __init__(self, status: int, line: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(line)
        self.status, self.line, self.headers = status, one_line(line, _LONGEST), dict(headers or {})

    @property
    def content(self) -> bytes:
        """The body of the answer."""
        return _encode(Problem(self.line))


def later(status: int, line: str, seconds: float = 1.0) -> Refusal:
    """Returns a refusal that says when to try again."""
    return Refusal(status, line, {"retry-after": str(max(1, -int(-seconds // 1)))})


def refusal_of(error: BaseException) -> Refusal:
    """Returns what an error means to whoever asked."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, DataError):
        return Refusal(422, str(error))
    if isinstance(error, OldBar | OtherBar):
        return Refusal(409, str(error))
    if isinstance(error, NotWritten):
        return later(503, str(error))
    if isinstance(error, RegimenError):
        return Refusal(500, str(error))
    return Refusal(500, f"the server failed ({type(error).__name__})")
