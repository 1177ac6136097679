"""A lock on a file that ends with the process that holds it, however that process ends."""

from __future__ import annotations

import errno
import os
import sys
import time
from pathlib import Path

_PAUSE = 0.05
_TAKEN = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)


class FileLock:
    """An open file that no other process can lock at the same time.

    The operating system gives it back when the process ends, also when it is killed. On a file system that knows no
    locks, everybody gets one: nothing is refused, and nothing is protected.

    Args:
        path: of the file.
        handle: of the open file, locked.
    """

    def __init__(self, path: Path, handle: int) -> None:
        self.path = path
        self._handle = handle

    @classmethod
    def take(cls, path: Path, *, new: bool = False) -> FileLock | None:
        """Locks a file, made when absent; None where another process holds it, or took it away meanwhile.

        Args:
            path: the file.
            new: the file must not be there yet.

        Raises:
            OSError: the file cannot be made or opened.
        """
        handle = os.open(path, os.O_RDWR | os.O_CREAT | (os.O_EXCL if new else 0), 0o666)
        # whoever clears the way may have unlinked the file between the opening and the locking
        if _locked(handle) and _same(path, handle):
            return cls(path, handle)
        os.close(handle)
        return None

    @classmethod
    def wait(cls, path: Path, seconds: float) -> FileLock | None:
        """Locks a file as soon as it is free; None after so many seconds."""
        until = time.monotonic() + seconds
        while (lock := cls.take(path)) is None and time.monotonic() < until:
            time.sleep(_PAUSE)
        return lock

    def say(self, text: str) -> None:
        """Writes into the file who holds it, for whoever is refused."""
        os.ftruncate(self._handle, 0)
        os.lseek(self._handle, 0, os.SEEK_SET)
        os.write(self._handle, text.encode())

    def release(self, *, remove: bool = False) -> None:
        """Gives the lock back; ``remove`` takes the file away as well."""
        if self._handle < 0:
            return
        if remove and os.name == "posix":  # before anybody else can lock it
            self.path.unlink(missing_ok=True)
        os.close(self._handle)
        self._handle = -1
        if remove and os.name != "posix":  # an open file cannot be unlinked there
            self.path.unlink(missing_ok=True)


def is_locked(path: Path) -> bool:
    """Returns whether a living process holds the lock of a file; one that may not be opened counts as locked."""
    try:
        handle = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        return not _locked(handle)
    finally:
        os.close(handle)


def _same(path: Path, handle: int) -> bool:
    """Whether a path still leads to an open file."""
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except OSError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _locked(handle: int) -> bool:
        # a byte far behind the text, so that others can read who holds it
        os.lseek(handle, 1 << 30, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            return error.errno not in _TAKEN
        return True

else:
    import fcntl

    def _locked(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno not in _TAKEN
        return True
