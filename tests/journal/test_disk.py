"""A disk that loses what was not synced, and one that fails: `disk.c`, preloaded into the processes that write.

A killed process proves nothing about syncing, because the system writes on. Here the disk keeps what was synced and, of
what was written since, any part in sectors.
"""

from __future__ import annotations

import errno
import os
import shutil
import struct
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from tests.journal.rows import ACCOUNT, row
from tests.journal.test_crashes import ROOT, crashes, outcome

from regimen.journal import SqliteJournal


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The library that is preloaded."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("a disk that loses or fails needs Linux and a C compiler (gcc)")
    library = tmp_path_factory.mktemp("shim") / "disk.so"
    source = Path(__file__).with_name("disk.c")
    run = subprocess.run(
        [compiler, "-O1", "-shared", "-fPIC", "-o", library, source, "-ldl"],
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        pytest.skip(f"a disk that loses or fails cannot be compiled here ({run.stderr.splitlines()[0]})")
    return str(library)


def places(folder: Path, shim: str) -> tuple[dict[str, str], dict[str, str]]:
    """The folders of a disk that loses what was not synced, for the script of crashes and for the library."""
    disk, durable = folder / "disk", folder / "durable"
    disk.mkdir()
    durable.mkdir()
    return {"folder": str(disk), "durable": str(durable)}, {
        "LD_PRELOAD": shim,
        "DISK": str(disk),
        "DURABLE": str(durable),
    }


def test_what_was_answered_is_synced(folder: Path, shim: str) -> None:
    order, names = places(folder, shim)
    report = outcome({**order, "kills": 46, "seed": 0}, **names)
    assert report["rows"] >= report["answered"] > 100


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_what_was_answered_is_synced_in_a_long_life(folder: Path, shim: str) -> None:
    order, names = places(folder, shim)
    report = outcome({**order, "kills": 500, "seed": 1}, **names)
    assert report["rows"] >= report["answered"] > 1000


def test_a_database_that_syncs_less_is_seen(folder: Path, shim: str) -> None:
    """The other side: SQLite's usual setting of a write-ahead log loses what was answered."""
    order, names = places(folder, shim)
    run = crashes({**order, "kills": 60, "seed": 0, "pragma": "synchronous = NORMAL"}, **names)
    assert run.returncode == 1
    assert "was answered and is not stored" in run.stderr


FAILING = """
import struct, sys
from pathlib import Path
from regimen.journal import AlreadyStored, GroupCommit, JournalLost, NotWritten, SqliteJournal, verify
from tests.journal.rows import ACCOUNT, row

def fail(sync=0, write=0):
    with open(sys.argv[2], "r+b") as file:
        file.write(struct.pack("<2i", sync, write))

journal = SqliteJournal(sys.argv[1], ACCOUNT)
losses = []
group = GroupCommit(journal, lost=losses.append)
stored = [group.submit(row(bar)).result() for bar in range(3)]
"""


def failing(folder: Path, shim: str, code: str) -> Path:
    """Runs lines with a journal on a disk that `fail` breaks and mends; returns the journal's path."""
    disk, faults = folder / "disk", folder / "faults"
    disk.mkdir()
    faults.write_bytes(bytes(16))
    path = disk / "journal.sqlite"
    names = {"LD_PRELOAD": shim, "DISK": str(disk), "FAULTS": str(faults)}
    command = [sys.executable, "-c", FAILING + textwrap.dedent(code), str(path), str(faults)]
    run = subprocess.run(command, cwd=ROOT, env=os.environ | names, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    syncs, writes = struct.unpack("<2i", faults.read_bytes()[8:])
    assert syncs > 3
    assert writes > 3
    return path


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EROFS], ids=errno.errorcode.get)
def test_what_cannot_be_written_is_not_stored_and_the_journal_goes_on(folder: Path, shim: str, error: int) -> None:
    code = f"""
    fail(write={error})
    for _ in range(2):
        future = group.submit(row(3))
        assert isinstance(future.exception(), NotWritten), future.exception()
        assert not isinstance(future.exception(), AlreadyStored)
        try:
            group.submit(row(3))
        except NotWritten:
            group.resume()
        else:
            raise AssertionError("a journal that failed takes rows again only when it is told so")
    assert list(journal.read()) == stored  # reading goes on
    assert journal.find(ACCOUNT, "BTC", 0, "bar") == stored[0]
    try:
        journal.keep(3, b"state")
    except NotWritten:
        pass
    else:
        raise AssertionError("a snapshot that was not written")
    assert journal.snapshot() is None
    fail()
    stored.append(group.submit(row(3)).result())
    assert list(journal.read()) == stored
    assert verify(sys.argv[1]).broken is None
    journal.keep(4, b"state")
    assert losses == []
    """
    path = failing(folder, shim, code)
    journal = SqliteJournal(path, ACCOUNT)
    assert [each.row for each in journal.read()] == [row(bar) for bar in range(4)]
    assert journal.snapshot() == (4, b"state")
    journal.close()


def test_after_a_failed_sync_the_journal_is_lost(folder: Path, shim: str) -> None:
    """Also when the next sync would succeed: the system has dropped the pages by then."""
    code = f"""
    fail(sync={errno.EIO})
    error = group.submit(row(3)).exception()
    assert isinstance(error, JournalLost), error
    assert "failed fsync" in str(error)
    fail()
    for again in (lambda: group.submit(row(4)), group.resume, lambda: journal.append([row(4)])):
        try:
            again()
        except JournalLost:
            continue
        raise AssertionError("a lost journal went on")
    group.close()
    assert losses == [error]
    """
    path = failing(folder, shim, code)
    journal = SqliteJournal(path, ACCOUNT)  # of the next process: it takes what is there
    rows = [each.row for each in journal.read()]
    assert rows in ([row(bar) for bar in range(3)], [row(bar) for bar in range(4)])
    journal.close()


def test_a_failed_sync_of_the_file_behind_the_log_is_not_overlooked(folder: Path, shim: str) -> None:
    """SQLite's own upkeep says nothing of it."""
    code = f"""
    import threading
    ended = threading.Event()
    group._lost = lambda error: ended.set()
    append = journal.append
    def append_and_fail(rows):
        stored = append(rows)
        journal._pages = 250  # the log is due
        fail(sync={errno.EIO})  # from here on, so that the row is synced and the file behind it is not
        return stored
    journal.append = append_and_fail
    assert group.submit(row(3)).result().seq == 4
    assert ended.wait(10)
    assert isinstance(group.failure, JournalLost)
    """
    failing(folder, shim, code)
