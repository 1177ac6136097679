"""What the files of a run must hold: the SHA-256 of each stands in the run's manifest, which carries its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from regimen.errors import RunError

SEAL = "checksum"
"""The key of a JSON mapping under which the checksum of all its other keys stands."""
_RECORDED = (
    *("data.json", "judgement.json", "exhibits.json", "ledger/*"),
    *("windows/*", "seeds/*/windows/*"),
)
JUDGED = ("judgement.json", "exhibits.json", "ledger/*")
"""What judging a run makes, and makes again."""
_LEFT_OUT = ("*/checkpoint/*", "*/.*", ".*")
"""Checkpoints carry checksums of their own, and hidden files are no part of a run."""


def digest(path: Path) -> str:
    """Returns the SHA-256 of a file's bytes, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def recorded_files(root: Path, folder: Path | None = None) -> dict[str, str]:
    """Returns the checksums of what must not change of a run, by path inside it.

    That is what a command reads again: data checks, judgement, exhibits, ledger, and all that windows hold. The config
    stands in the manifest as a whole; the report, the figures and what trackers keep are only ever written.

    Args:
        root: of the run, or of a backtest inside it.
        folder: only what lies in this part of it.
    """
    paths = {path.relative_to(root).as_posix(): path for path in sorted((folder or root).rglob("*")) if path.is_file()}
    return {name: digest(path) for name, path in paths.items() if _one_of(name, _RECORDED, _LEFT_OUT)}


def require_undamaged(root: Path, recorded: Mapping[str, str], *patterns: str) -> None:
    """Compares files with their checksums.

    Args:
        root: of the run.
        recorded: checksums by path inside it.
        patterns: which of them; ``*`` means anything, also across folders. None: all.

    Raises:
        RunError: the first file that is missing, unreadable or holds other bytes than were written.
    """
    for name, checksum in recorded.items():
        if patterns and not _one_of(name, patterns):
            continue
        try:
            same = digest(root / name) == checksum
        except OSError as error:
            raise RunError("run", f"lacks a readable {name} ({error.strerror or error})", str(root)) from None
        if not same:
            raise RunError("run", f"holds a damaged {name}: its bytes are not those that were written", str(root))


def sealed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns plain values with their checksum among them."""
    return {**values, SEAL: _seal(values)}


def has_its_seal(values: Mapping[str, Any]) -> bool:
    """Returns whether the checksum among plain values is theirs; values without one pass."""
    return SEAL not in values or values[SEAL] == _seal(values)


def _seal(values: Mapping[str, Any]) -> str:
    text = json.dumps({key: value for key, value in values.items() if key != SEAL}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _one_of(name: str, patterns: tuple[str, ...], but: tuple[str, ...] = ()) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns) and not any(fnmatch(name, pattern) for pattern in but)
