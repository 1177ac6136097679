"""`Access`: who may do what, how often, and from where."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import final
from urllib.parse import urlsplit

from regimen.reprs import short
from regimen.serving.keys import ApiKey, KeyRing, Scope
from regimen.serving.refusal import Refusal, later

Headers = Iterable[tuple[bytes, bytes]]
LOCAL = ("localhost", "127.0.0.1", "::1")
"""Names of this machine to itself."""
_BEARER = b"bearer "


@final
class TokenBucket:
    """Lets through ``rate`` a second in the long run, and ``burst`` at once.

    Args:
        rate: tokens a second.
        burst: tokens that the bucket holds; it begins full.
        now: seconds of a clock that never goes back.
    """

    __slots__ = ("_burst", "_rate", "_then", "_tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate, self._burst = rate, burst
        self._tokens, self._then = burst, now

    def take(self, now: float) -> float:
        """Takes a token; returns 0, or the seconds until there will be one."""
        tokens = min(self._burst, self._tokens + (now - self._then) * self._rate)
        self._then = now
        if tokens < 1.0:
            self._tokens = tokens
            return (1.0 - tokens) / self._rate
        self._tokens = tokens - 1.0
        return 0.0


@final
class Access:
    """Admits requests by their headers.

    With keys: whoever has one, within its scopes and its rate. Without: programs of this machine only. A browser that
    is on another page is refused in both cases, so that no page can trade or halt by way of its reader's browser.

    Args:
        keys: that are recognised; None: nobody needs one, and the server must listen on this machine only.
        rate: requests a second of one key in the long run; 0: as many as it likes.
        burst: requests at once.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        keys: KeyRing | None = None,
        *,
        rate: float = 0.0,
        burst: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.keys = keys
        self._rate, self._burst, self._clock = rate, burst or 2.0 * rate, clock
        self._buckets: dict[str, TokenBucket] = {}
        self._stamp: tuple[int, int, int] | None = None

    def reread(self, path: Path) -> bool:
        """Takes the keys of a file that has changed; returns whether it has.

        Raises:
            ConfigError: it is damaged; the keys that are known stay.
        """
        stamp = _stamp_of(path)
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        self.keys = KeyRing.read(path)
        return True

    def __repr__(self) -> str:
        return short(self, "this machine only" if self.keys is None else repr(self.keys))

    def admit(self, headers: Headers, scope: Scope) -> ApiKey | None:
        """Returns the key of a request; None where nobody needs one.

        Raises:
            Refusal: 401 without a key that is known, 403 outside its scopes or from elsewhere, 429 too often.
        """
        key, host, origin = _read(headers)
        if origin is not None and origin.rpartition(b"//")[2] != host:
            raise Refusal(403, "origin: must be this server's own page")
        if self.keys is None:
            if _name(host) not in LOCAL:
                raise Refusal(403, "host: must be this machine: the server has no keys")
            self._count("")
            return None
        entry = None if key is None else self.keys.find(key)
        if entry is None:
            rule = "must be sent as 'Authorization: Bearer KEY'" if key is None else "is not known"
            raise Refusal(401, f"key: {rule}", {"www-authenticate": "Bearer"})
        if scope not in entry.scopes:
            raise Refusal(403, f"key: must have the scope {scope}; {entry.name} has {', '.join(entry.scopes)}")
        self._count(entry.id)
        return entry

    def _count(self, who: str) -> None:
        if not self._rate:
            return
        now = self._clock()
        bucket = self._buckets.get(who)
        if bucket is None:
            bucket = self._buckets[who] = TokenBucket(self._rate, self._burst, now)
        wait = bucket.take(now)
        if wait:
            raise later(429, f"key: at most {self._rate:g} requests a second", wait)


def _stamp_of(path: Path) -> tuple[int, int, int] | None:
    """Returns what changes with a file; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size


def _read(headers: Headers) -> tuple[bytes | None, bytes, bytes | None]:
    """Returns the key, the host and the origin of a request."""
    key, host, origin = None, b"", None
    for name, value in headers:
        if name == b"authorization":
            key = value[len(_BEARER) :].strip() if value[: len(_BEARER)].lower() == _BEARER else b""
        elif name == b"host":
            host = value
        elif name == b"origin":
            origin = value
    return key, host, origin


@lru_cache(256)
def _name(host: bytes) -> str:
    """Returns the name in ``name:port``; empty where there is none."""
    try:
        return urlsplit(f"//{host.decode('latin-1')}").hostname or ""
    except ValueError:
        return ""
