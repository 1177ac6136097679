"""A key is shown once; the file recognises it, in two ways, and gives none away."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import msgspec
import pytest

from regimen.errors import ConfigError
from regimen.serving import KeyRing, check_key, new_key, revoke_key


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def test_a_key_is_recognised_and_not_kept(path: Path) -> None:
    key, entry = new_key(path, ["trade", "read"], "feed")
    other, _ = new_key(path, ["operate"])
    ring = KeyRing.read(path)
    assert ring.find(key.encode()) == entry
    assert (entry.name, entry.scopes) == ("feed", ("read", "trade"))
    assert ring.find(key.encode()[:-1]) is None
    assert ring.find(b"") is None
    content = path.read_text()
    assert key not in content
    assert other not in content
    assert len(key) >= 50
    assert check_key(path, key) == entry
    assert check_key(path, "regimen_other") is None


def test_argon2_recognises_a_key_where_the_secret_was_replaced(path: Path) -> None:
    key, entry = new_key(path, ["read"])
    values = msgspec.json.decode(path.read_bytes())
    path.write_bytes(msgspec.json.encode({**values, "secret": "11" * 32}))
    assert KeyRing.read(path).find(key.encode()) is None
    assert check_key(path, key) == entry


def test_a_revoked_key_is_none(path: Path) -> None:
    key, entry = new_key(path, ["read"])
    new_key(path, ["read"])
    assert revoke_key(path, entry.id) == entry
    assert KeyRing.read(path).find(key.encode()) is None
    assert len(KeyRing.read(path).keys) == 1
    with pytest.raises(ConfigError, match="must be the id of a key"):
        revoke_key(path, entry.id)


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")
def test_nobody_else_may_read_the_file(path: Path) -> None:
    new_key(path, ["read"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        KeyRing.read(path)


@pytest.mark.parametrize("content", [b"", b"[]", b"[" * 100_000, b'{"version": 1, "secret": "xx", "keys": []}'])
def test_what_is_no_file_of_keys_is_one_line(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="regimen keys new"):
        KeyRing.read(path)


def test_mistakes_are_named(path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        KeyRing.read(path)
    with pytest.raises(ConfigError, match="at least one of read, trade, operate"):
        new_key(path, [])
    path.write_bytes(b'{"version": 2, "secret": "00", "keys": []}')
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="update Regimen"):
        KeyRing.read(path)
