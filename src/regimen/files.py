"""Files and folders that are whole or absent: a crash at any moment leaves the old content or the new, never half."""

from __future__ import annotations

import glob
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from regimen.errors import RunError
from regimen.locks import FileLock, is_locked

_SUFFIX = ".tmp"
DRAFT = ".draft-"
"""First part of the names of folders that are not whole yet."""
_LOCK = ".lock"
_MOMENT = 1.0
"""Seconds to wait for a lock of one's own: whoever asks whether it is free has it for a moment."""
_YOUNG = 60.0
"""Seconds in which a folder without a lock may still be about to get one."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a new, empty neighbour to write to; it takes the name over when the block ends without an error.

    No two writers share a neighbour, ``.<name>.<random>.tmp``, so the file is always one writer's whole content, and
    the last one's to end. What a killed process left of its own is removed first.

    Args:
        path: the file.

    Raises:
        OSError: the folder cannot be written to, or the disk is full; the old file stays as it was.
    """
    sweep(path.parent, f"{glob.escape(f'.{path.name}.')}*{_SUFFIX}")
    lock = _neighbour(path)
    try:
        yield lock.path
        _sync(lock.path)
        if os.name != "posix":  # an open file cannot be renamed there
            lock.release()
        lock.path.replace(path)
        _sync(path.parent)
    except BaseException:
        with suppress(OSError):
            lock.release(remove=True)
        raise
    finally:
        lock.release()


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all; see `replacing`.

    Args:
        path: the file; its folder is made when absent.
        content: all of it.

    Raises:
        RunError: the folder cannot be written to, or the disk is full; the old file stays as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as neighbour:
            neighbour.write_bytes(content)
    except OSError as error:
        raise RunError(str(path), f"must be writable ({error.strerror or error})") from None


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 text; see `write_bytes`."""
    write_bytes(path, text.encode())


def sweep(folder: Path, pattern: str = f".*{_SUFFIX}") -> None:
    """Removes the neighbours of `replacing` whose writers are dead; those of living ones stay."""
    for path in abandoned(folder, pattern):
        with suppress(OSError):
            lock = FileLock.take(path)
            if lock is not None:
                lock.release(remove=True)


def abandoned(folder: Path, pattern: str = f".*{_SUFFIX}") -> list[Path]:
    """Returns the neighbours in a folder that no living process writes to."""
    paths = [path for path in folder.glob(pattern) if path.is_file() and not path.is_symlink()]
    return [path for path in paths if not is_locked(path)]


@contextmanager
def scratch(prefix: str, parent: Path | None = None) -> Iterator[Path]:
    """Yields a new folder that is removed at the end of the block, or by the next call after its process was killed.

    Args:
        prefix: first part of its name, which says what it is for.
        parent: where; by default where the system keeps what is temporary.

    Raises:
        OSError: the place cannot be written to.
    """
    place = Path(tempfile.gettempdir()) if parent is None else parent
    for old in abandoned_folders(place, prefix):
        shutil.rmtree(old, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
    lock = FileLock.wait(folder / _LOCK, _MOMENT)
    try:
        yield folder
    finally:
        if lock is not None:
            lock.release()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def appearing(folder: Path) -> Iterator[Path]:
    """Yields a hidden folder of the same name to fill; it comes to its place when the block ends without an error.

    Args:
        folder: must not be there yet; its parent is made when absent.

    Raises:
        OSError: the place cannot be written to, or the folder is there already.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with scratch(DRAFT, folder.parent) as draft:
        whole = draft / folder.name
        whole.mkdir()
        yield whole
        whole.rename(folder)
        _sync(folder.parent)


def abandoned_folders(parent: Path, prefix: str = DRAFT) -> list[Path]:
    """Returns the folders of `scratch` and `appearing` in a place whose processes are dead."""
    return [folder for folder in parent.glob(f"{glob.escape(prefix)}*") if folder.is_dir() and _dead(folder)]


def _dead(folder: Path) -> bool:
    lock = folder / _LOCK
    if lock.exists():
        return not is_locked(lock)
    with suppress(OSError):
        return time.time() - folder.stat().st_mtime > _YOUNG
    return False


def _neighbour(path: Path) -> FileLock:
    while True:
        with suppress(FileExistsError):
            lock = FileLock.take(path.with_name(f".{path.name}.{secrets.token_hex(4)}{_SUFFIX}"), new=True)
            if lock is not None:
                return lock


def _sync(path: Path) -> None:
    """Makes a file's content, or a folder's names, durable, where the system lets it be opened for that."""
    if path.is_dir() and os.name != "posix":
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
