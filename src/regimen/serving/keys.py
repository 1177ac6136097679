"""API keys: each is shown once; the file holds what recognises it, and nobody can make a key of that."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, final, get_args

import msgspec

from regimen.errors import ConfigError
from regimen.files import replacing
from regimen.locks import FileLock
from regimen.reprs import many, short

Scope = Literal["read", "trade", "operate"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
"""read: decisions, account, events, metrics; trade: post bars; operate: halt, reduce, resume."""
PREFIX = "regimen_"
_BYTES, _VERSION, _LARGEST = 32, 1, 1 << 20


class ApiKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file knows of a key.

    Attributes:
        id: names it, in lists and in the journal.
        name: whose it is, for people.
        scopes: what it may do.
        created: when, UTC.
        digest: keyed BLAKE2b of the key, hexadecimal; compared at every request.
        argon2: hash of the key, which recognises it even where the file's own secret was replaced.
    """

    id: str
    name: str
    scopes: tuple[Scope, ...]
    created: str
    digest: str
    argon2: str


class KeyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file of keys.

    Attributes:
        version: of this shape.
        secret: keys the digests, hexadecimal.
        keys: in the order of their making.
    """

    version: int
    secret: str
    keys: tuple[ApiKey, ...]


@final
class KeyRing:
    """Recognises keys: a keyed digest and comparisons in constant time, some microseconds a request.

    Args:
        file: what recognises them.
    """

    def __init__(self, file: KeyFile) -> None:
        self.keys = file.keys
        self._secret = bytes.fromhex(file.secret)
        self._digests = [(bytes.fromhex(key.digest), key) for key in file.keys]

    def __repr__(self) -> str:
        return short(self, many(len(self.keys), "key"))

    @classmethod
    def read(cls, path: Path) -> KeyRing:
        """Reads a file of keys.

        Raises:
            ConfigError: it is missing, damaged, or others may read it.
        """
        return cls(_read(path))

    def find(self, key: bytes) -> ApiKey | None:
        """Returns what is known of a key; None where it is none of these."""
        digest = _digest(self._secret, key)
        known = None
        for other, each in self._digests:  # all of them, so that the time says nothing
            if hmac.compare_digest(digest, other):
                known = each
        return known


def new_key(path: Path, scopes: Iterable[Scope], name: str = "") -> tuple[str, ApiKey]:
    """Adds a key to a file, which is made where there is none, readable by its owner alone.

    Returns:
        The key, which is nowhere else from now on, and what the file knows of it.

    Raises:
        ConfigError: no scope, or one that there is not; the file is damaged, or argon2 is not installed.
    """
    wanted = tuple(scope for scope in SCOPES if scope in set(scopes))
    if not wanted:
        raise ConfigError("scope", f"must be at least one of {', '.join(SCOPES)}")
    with _locked(path):
        file = _read(path) if path.exists() else KeyFile(_VERSION, secrets.token_hex(_BYTES), ())
        key = PREFIX + secrets.token_urlsafe(_BYTES)
        ids = {each.id for each in file.keys}
        short_id = next(each for each in iter(lambda: secrets.token_hex(3), "") if each not in ids)
        digest = _digest(bytes.fromhex(file.secret), key.encode()).hex()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        entry = ApiKey(short_id, name or short_id, wanted, now, digest, _hasher().hash(key))
        _write(path, msgspec.structs.replace(file, keys=(*file.keys, entry)))
    return key, entry


def revoke_key(path: Path, key_id: str) -> ApiKey:
    """Removes a key; a running server forgets it within seconds.

    Raises:
        ConfigError: there is no such key.
    """
    with _locked(path):
        file = _read(path)
        entry = next((each for each in file.keys if each.id == key_id), None)
        if entry is None:
            raise ConfigError("key", f"must be the id of a key in {path}", key_id)
        _write(path, msgspec.structs.replace(file, keys=tuple(each for each in file.keys if each is not entry)))
    return entry


def check_key(path: Path, key: str) -> ApiKey | None:
    """Returns which key of a file this is, by its argon2 hash, in about 0.1 s a key; None: none of them."""
    hasher = _hasher()
    for each in _read(path).keys:
        try:
            hasher.verify(each.argon2, key)
        except (_argon2().exceptions.VerificationError, _argon2().exceptions.InvalidHashError):
            continue
        return each
    return None


def _digest(secret: bytes, key: bytes) -> bytes:
    return hashlib.blake2b(key, digest_size=_BYTES, key=secret).digest()


def _read(path: Path) -> KeyFile:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_LARGEST)
    except OSError as error:
        raise ConfigError("keys", f"cannot be read ({error.strerror or error})", str(path)) from None
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        rule = f"must be readable by its owner alone: chmod 600 {path}"
        raise ConfigError("keys", rule, oct(stat.S_IMODE(mode)))
    try:
        known = msgspec.json.decode(content, type=KeyFile)
        KeyRing(known)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise ConfigError("keys", "must be a file that `regimen keys new` wrote", str(path)) from None
    if known.version != _VERSION:
        raise ConfigError("keys", f"must be of version {_VERSION}: update Regimen", known.version)
    return known


def _write(path: Path, file: KeyFile) -> None:
    content = msgspec.json.format(msgspec.json.encode(file), indent=1) + b"\n"
    try:
        with replacing(path) as neighbour:
            neighbour.chmod(0o600)
            neighbour.write_bytes(content)
    except OSError as error:
        raise ConfigError("keys", f"must be writable ({error.strerror or error})", str(path)) from None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Lets one process change the file at a time."""
    beside = path.with_name(f".{path.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock.wait(beside, 5.0)
    except OSError as error:
        raise ConfigError("keys", f"must be writable ({error.strerror or error})", str(path)) from None
    if lock is None:
        raise ConfigError("keys", "are being changed by another process", str(path))
    try:
        yield
    finally:
        lock.release(remove=True)


def _argon2() -> Any:
    try:
        import argon2
    except ImportError:
        raise ConfigError("keys", "need argon2, which is not installed: pip install 'regimen[serve]'") from None
    return argon2


def _hasher() -> Any:
    return _argon2().PasswordHasher()
