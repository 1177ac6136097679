"""What a process that was killed leaves in SQLite's write-ahead log, and whether it is a torn end or damage.

SQLite reads the log up to the first frame whose checksum differs and drops the rest without a word: that is right for
the end of a log, which nobody had synced yet, and wrong before it. A commit is synced before the next begins; so where
frames of a later commit stand behind a frame that differs, what was synced has been changed.

Source: "WAL-mode File Format", sqlite.org/walformat.html.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

from regimen.journal.failures import Damaged

_HEADER, _FRAME = struct.Struct(">8I"), struct.Struct(">6I")
_MAGIC = 0x377F0682
_MASK = 0xFFFFFFFF


class _Frame(NamedTuple):
    whole: bool
    commit: bool


def require_whole_log(path: Path) -> None:
    """Raises `Damaged` where commits in the log of a journal would be dropped although they were synced.

    Seen is what stands before the last two commits of the log.

    Args:
        path: the journal, which nobody has open.
    """
    log = path.with_name(f"{path.name}-wal")
    first = _first_lost(log.read_bytes()) if log.is_file() else None
    if first is not None:
        rule = f"must have the log that was written, and frame {first} of {log.name} differs: bring both from a copy"
        raise Damaged(str(path), rule)


def _first_lost(log: bytes) -> int | None:
    """Number of the first frame that differs, from 1, where synced ones stand behind it; else None."""
    if len(log) < _HEADER.size + _FRAME.size:
        return None
    magic, _, page, _, *salts, one, two = _HEADER.unpack_from(log)
    order = ">" if magic & 1 else "<"
    well = magic & ~1 == _MAGIC and _summed(log[:24], (0, 0), order) == (one, two)
    if not well:  # then SQLite drops all of it; whose frames they are, the first one tells
        order, page = "<", _page_size(log)
        salts = list(_FRAME.unpack_from(log, _HEADER.size)[2:4])
    frames = _frames(log, page, salts, order)
    bad = next((at for at, frame in enumerate(frames) if not (well and frame.whole)), None)
    if bad is None:
        return None
    for at in range(bad, len(frames) - 1):
        if frames[at].commit and (frames[at].whole or at == bad) and frames[at + 1].whole:
            return bad + 1
    return None


def _frames(log: bytes, page: int, salts: list[int], order: str) -> list[_Frame]:
    """Each frame of the log, and whether it goes on from the one before as that stands there."""
    frames = []
    before = _HEADER.unpack_from(log)[6:8]
    for at in range(_HEADER.size, len(log) - _FRAME.size - page + 1, _FRAME.size + page):
        _, size, *salt, one, two = _FRAME.unpack_from(log, at)
        content = log[at : at + 8] + log[at + _FRAME.size : at + _FRAME.size + page]
        ours = salt == salts
        frames.append(_Frame(ours and _summed(content, before, order) == (one, two), size != 0))
        before = (one, two)
    return frames


def _summed(content: bytes, before: tuple[int, ...], order: str) -> tuple[int, int]:
    """The checksum of the format: two sums that run through each other, of 32 bits."""
    one, two = before
    words = struct.unpack(f"{order}{len(content) // 4}I", content)
    for at in range(0, len(words), 2):
        one = (one + words[at] + two) & _MASK
        two = (two + words[at + 1] + one) & _MASK
    return one, two


def _page_size(log: bytes) -> int:
    """The size of a page where the header cannot be trusted: the second frame has the salts of the first one then."""
    salt = log[_HEADER.size + 8 : _HEADER.size + 16]
    for power in range(9, 17):
        at = _HEADER.size + _FRAME.size + (1 << power) + 8
        if log[at : at + 8] == salt:
            return 1 << power
    return 4096
