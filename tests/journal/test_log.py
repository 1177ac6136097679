"""A write-ahead log that a killed process left: its end may be torn, what stands before it may not be changed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.journal.rows import ACCOUNT, row

from regimen.journal import Damaged, SqliteJournal, verify
from regimen.journal.log import _frames, require_whole_log

COMMITS = 20
FRAME = 4096 + 24
CODE = """
import os, signal, sys
from regimen.journal import SqliteJournal
from tests.journal.rows import ACCOUNT, row
journal = SqliteJournal(sys.argv[1], ACCOUNT)
for bar in range(int(sys.argv[2])):
    journal.append([row(bar)])
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal whose writer was killed after so many commits, all of them in the log."""
    path = tmp_path_factory.mktemp("left") / "journal.sqlite"
    subprocess.run([sys.executable, "-c", CODE, path, str(COMMITS)], cwd=Path(__file__).parents[2], check=False)
    return path


@pytest.fixture
def path(left: Path, tmp_path: Path) -> Path:
    for each in left.parent.iterdir():
        shutil.copy(each, tmp_path / each.name)
    return tmp_path / left.name


def flip(path: Path, at: int) -> None:
    """Changes one bit of the log."""
    log = path.with_name(f"{path.name}-wal")
    content = log.read_bytes()
    log.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])


def rows(path: Path) -> int:
    """How many rows a writer finds."""
    journal = SqliteJournal(path, ACCOUNT)
    count = sum(1 for _ in journal.read())
    journal.close()
    return count


def test_the_log_that_was_left_is_whole(path: Path) -> None:
    """Every frame by SQLite's own writing; a wrong checksum here would make all tests below vacuous."""
    log = path.with_name(f"{path.name}-wal").read_bytes()
    salts = [int.from_bytes(log[at : at + 4]) for at in (16, 20)]
    frames = _frames(log, 4096, salts, "<")
    assert len(frames) > COMMITS
    assert all(frame.whole for frame in frames)
    assert sum(frame.commit for frame in frames) == COMMITS + 1  # the first is that of the epoch
    require_whole_log(path)
    assert verify(path).rows == COMMITS
    assert rows(path) == COMMITS


@pytest.mark.parametrize("inside", [0, 5, 9, 17, 24, 2000, 4119], ids=lambda inside: f"byte {inside} of a frame")
def test_what_was_synced_may_not_be_changed(left: Path, tmp_path: Path, inside: int) -> None:
    frames = (left.with_name(f"{left.name}-wal").stat().st_size - 32) // FRAME
    for frame in range(0, frames - 5, 3):
        folder = tmp_path / str(frame)
        shutil.copytree(left.parent, folder)
        flip(folder / left.name, 32 + frame * FRAME + inside)
        for look in (lambda path: SqliteJournal(path, ACCOUNT), verify):
            with pytest.raises(Damaged, match=rf"frame {frame + 1} of journal.sqlite-wal differs"):
                look(folder / left.name)


@pytest.mark.parametrize("at", [0, 3, 9, 17, 25])
def test_nor_may_its_header(path: Path, at: int) -> None:
    flip(path, at)
    with pytest.raises(Damaged, match=r"frame 1 of journal.sqlite-wal differs"):
        require_whole_log(path)


def test_a_torn_end_is_no_damage(path: Path) -> None:
    """A commit that nobody has synced: any part of it may be there."""
    log = path.with_name(f"{path.name}-wal")
    content = log.read_bytes()
    for size in (len(content) - 1, len(content) - 600, len(content) - FRAME, len(content) - FRAME - 10):
        log.write_bytes(content[:size])
        require_whole_log(path)
    log.write_bytes(content[:-600] + bytes(600))
    require_whole_log(path)
    assert rows(path) == COMMITS - 1


def test_no_log_is_no_damage(path: Path) -> None:
    log = path.with_name(f"{path.name}-wal")
    for content in (b"", bytes(31), bytes(100)):
        log.write_bytes(content)
        require_whole_log(path)
    log.unlink()
    require_whole_log(path)


def test_a_row_is_written_once_however_often_it_is_left(path: Path) -> None:
    assert rows(path) == COMMITS
    journal = SqliteJournal(path, ACCOUNT)
    assert journal.append([row(COMMITS)])[0].seq == COMMITS + 1
    journal.close()
