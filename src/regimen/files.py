"""Files that are whole or absent: a crash at any moment leaves the old content or the new, never half of it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from regimen.errors import RunError


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file through a neighbour that is synced to disk and then renamed over the name.

    What a killed process leaves of the neighbour, ``.<name>.tmp``, the next write of the same file overwrites.

    Args:
        path: the file; its folder is made when absent.
        content: all of it.

    Raises:
        RunError: the folder cannot be written to, or the disk is full; the old file stays as it was.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise RunError(str(path), f"must be writable ({error.strerror or error})") from None


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 text; see `write_bytes`."""
    write_bytes(path, text.encode())


def _sync_folder(folder: Path) -> None:
    """Makes the rename itself durable, where the system lets a folder be opened."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
