"""Keys, scopes, rates, and pages of others in the browser of whoever may trade."""

from __future__ import annotations

import pytest

from regimen.serving import SCOPES, Access, KeyRing, Refusal, TokenBucket
from regimen.serving.keys import KeyFile, new_key

LOCAL = (b"host", b"127.0.0.1:8000")


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> tuple[KeyRing, dict[str, bytes]]:
    """One key for each scope."""
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    keys = {scope: new_key(path, [scope], scope)[0].encode() for scope in SCOPES}
    return KeyRing.read(path), keys


def bearer(key: bytes) -> tuple[bytes, bytes]:
    return b"authorization", b"Bearer " + key


@pytest.mark.parametrize("host", [b"localhost", b"LOCALHOST:8000", b"127.0.0.1:80", b"[::1]:8000"])
def test_without_keys_this_machine_is_admitted(host: bytes) -> None:
    assert Access().admit([(b"host", host)], "operate") is None


@pytest.mark.parametrize("host", [b"", b"evil.example", b"evil.example:8000", b"127.0.0.1.evil.example", b"[", b"\xff"])
def test_without_keys_a_name_that_points_here_is_refused(host: bytes) -> None:
    with pytest.raises(Refusal, match="must be this machine") as caught:
        Access().admit([(b"host", host)], "read")
    assert caught.value.status == 403


@pytest.mark.parametrize("origin", [b"http://evil.example", b"http://127.0.0.1:9999", b"null", b""])
def test_pages_of_others_are_refused(origin: bytes) -> None:
    with pytest.raises(Refusal, match="own page"):
        Access().admit([LOCAL, (b"origin", origin)], "operate")
    assert Access().admit([LOCAL, (b"origin", b"http://127.0.0.1:8000")], "operate") is None


def test_a_key_opens_its_scope_and_no_other(ring: tuple[KeyRing, dict[str, bytes]]) -> None:
    access = Access(ring[0])
    for scope, key in ring[1].items():
        for asked in SCOPES:
            if asked == scope:
                entry = access.admit([bearer(key)], asked)
                assert entry is not None
                assert entry.name == scope
                continue
            with pytest.raises(Refusal, match=f"must have the scope {asked}") as caught:
                access.admit([bearer(key)], asked)
            assert caught.value.status == 403


@pytest.mark.parametrize("headers", [[], [(b"authorization", b"Basic eDp5")], [bearer(b"")], [bearer(b"regimen_x")]])
def test_without_a_known_key_nothing_is_admitted(
    ring: tuple[KeyRing, dict[str, bytes]], headers: list[tuple[bytes, bytes]]
) -> None:
    with pytest.raises(Refusal) as caught:
        Access(ring[0]).admit([LOCAL, *headers], "read")
    assert (caught.value.status, caught.value.headers) == (401, {"www-authenticate": "Bearer"})


def test_a_file_without_keys_admits_nobody() -> None:
    with pytest.raises(Refusal):
        Access(KeyRing(KeyFile(1, "00" * 32, ()))).admit([LOCAL, bearer(b"")], "read")


def test_each_key_has_a_rate_of_its_own(ring: tuple[KeyRing, dict[str, bytes]]) -> None:
    now = 0.0
    access = Access(ring[0], rate=2.0, burst=3.0, clock=lambda: now)
    read, trade = ([bearer(ring[1][scope])] for scope in ("read", "trade"))
    for _ in range(3):
        access.admit(read, "read")
    with pytest.raises(Refusal, match="at most 2 requests a second") as caught:
        access.admit(read, "read")
    assert (caught.value.status, caught.value.headers) == (429, {"retry-after": "1"})
    access.admit(trade, "trade")
    now = 0.5
    access.admit(read, "read")
    with pytest.raises(Refusal):
        access.admit(read, "read")


def test_a_bucket_lets_through_its_burst_and_then_its_rate() -> None:
    bucket = TokenBucket(16.0, 4.0, 0.0)  # of 128 a second for ten seconds; powers of two, so nothing is rounded
    assert sum(bucket.take(tick / 128) == 0.0 for tick in range(1281)) == 4 + 160
    empty = TokenBucket(4.0, 1.0, 0.0)
    assert empty.take(0.0) == 0.0
    assert empty.take(0.0) == 0.25
