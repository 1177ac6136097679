"""The journal in one SQLite file."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.journal.rows import ACCOUNT, HOUR, row

from regimen.journal import AlreadyStored, Damaged, JournalError, NotLeader, NotWritten, SqliteJournal, Stored


@pytest.fixture
def path(folder: Path) -> Path:
    return folder / "account" / "journal.sqlite"


@pytest.fixture
def journal(path: Path) -> Iterator[SqliteJournal]:
    opened = SqliteJournal(path, ACCOUNT)
    yield opened
    opened.close()


def test_rows_come_back_in_order_as_they_went_in(journal: SqliteJournal, path: Path) -> None:
    rows = [row(bar, symbol=symbol) for bar in range(3) for symbol in ("BTC", "ETH", "")]
    stored = [*journal.append(rows[:4]), *journal.append(rows[4:5]), *journal.append(rows[5:])]
    assert [each.row for each in stored] == rows
    assert [each.seq for each in stored] == list(range(1, 10))
    assert list(journal.read()) == stored
    assert list(journal.read(after=7)) == stored[7:]
    assert list(journal.read(after=9)) == []
    assert journal.last == 9
    journal.close()
    again = SqliteJournal(path, ACCOUNT)
    assert list(again.read()) == stored
    assert (again.last, again.epoch) == (9, 2)
    (after,) = again.append([row(10)])
    assert (after.seq, after.epoch) == (10, 2)
    assert list(again.read(after=8)) == [stored[8], after]
    again.close()


def test_a_long_journal_is_read_in_pieces(journal: SqliteJournal) -> None:
    stored = journal.append([row(bar) for bar in range(2500)])
    assert tuple(journal.read()) == stored
    assert tuple(journal.read(after=1000)) == stored[1000:]


def test_nothing_to_append_is_nothing(journal: SqliteJournal) -> None:
    assert journal.append([]) == ()
    assert list(journal.read()) == []


def test_a_key_is_looked_up(journal: SqliteJournal) -> None:
    (one, two) = journal.append([row(1), row(1, kind="halt")])
    assert journal.find(ACCOUNT, "BTC", HOUR, "bar") == one
    assert journal.find(ACCOUNT, "BTC", HOUR, "halt") == two
    assert journal.find(ACCOUNT, "ETH", HOUR, "bar") is None
    assert journal.find("other", "BTC", HOUR, "bar") is None


def test_a_key_is_stored_once_and_its_commit_not_at_all(journal: SqliteJournal) -> None:
    stored = journal.append([row(1)])
    for rows in ([row(2), row(1, decision=b"another")], [row(2), row(2)]):
        with pytest.raises(AlreadyStored, match="must hold each account, symbol, bar and kind once"):
            journal.append(rows)
    assert tuple(journal.read()) == stored
    assert journal.append([row(2)])[0].seq == 2


def test_rows_of_another_account_are_refused(journal: SqliteJournal) -> None:
    with pytest.raises(JournalError, match="must be of account 'paper'; got 'other'"):
        journal.append([row(1), row(2, account="other")])
    assert journal.last == 0


def test_rows_cannot_be_changed_or_taken_away(journal: SqliteJournal, path: Path) -> None:
    journal.append([row(1)])
    other = sqlite3.connect(path)
    for statement in ("UPDATE rows SET bar = 0", "DELETE FROM rows"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            other.execute(statement)
    other.close()


def test_a_second_writer_is_refused_and_a_dead_one_is_not_waited_for(journal: SqliteJournal, path: Path) -> None:
    rule = f"must have one writer, and process {os.getpid()} has it open"
    with pytest.raises(JournalError, match=rule):
        SqliteJournal(path, ACCOUNT)
    journal.close()
    code = f"""
import os, signal
from regimen.journal import SqliteJournal
from tests.journal.rows import row
journal = SqliteJournal({str(path)!r}, {ACCOUNT!r})
journal.append([row(1)])
os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False)
    assert killed.returncode == -signal.SIGKILL
    again = SqliteJournal(path, ACCOUNT)
    assert [each.row for each in again.read()] == [row(1)]
    again.close()


def test_a_writer_that_was_overtaken_is_refused_by_the_file_itself(journal: SqliteJournal, path: Path) -> None:
    """As on a file system without locks, where both get one."""
    journal.append([row(1)])
    path.with_name("journal.sqlite.lock").unlink()
    other = SqliteJournal(path, ACCOUNT)
    with pytest.raises(NotLeader, match="must have one writer, and another has opened"):
        journal.append([row(2)])
    with pytest.raises(NotLeader):
        journal.keep(1, b"state")
    assert [each.epoch for each in other.append([row(2)])] == [2]
    other.close()


def test_the_journal_of_another_account_is_refused(journal: SqliteJournal, path: Path) -> None:
    journal.close()
    with pytest.raises(JournalError, match="must be the journal of account 'other', and is another's; got 'paper'"):
        SqliteJournal(path, "other")
    SqliteJournal(path, ACCOUNT).close()  # the refused one left no lock


def test_a_journal_of_a_newer_version_is_refused(journal: SqliteJournal, path: Path) -> None:
    journal.close()
    other = sqlite3.connect(path)
    other.execute("UPDATE header SET version = 2")
    other.commit()
    other.close()
    with pytest.raises(JournalError, match="must be of version 1 at most, and is written by a newer regimen"):
        SqliteJournal(path, ACCOUNT)


def test_another_database_and_no_database_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database at all" * 100)
    with pytest.raises(Damaged, match=r"is damaged .*: bring it back from a copy"):
        SqliteJournal(tmp_path / "text", ACCOUNT)
    other = sqlite3.connect(tmp_path / "other.sqlite")
    other.execute("CREATE TABLE rows (seq)")
    other.close()
    with pytest.raises(JournalError, match="is another program's database"):
        SqliteJournal(tmp_path / "other.sqlite", ACCOUNT)
    with pytest.raises(JournalError, match="must be a journal that can be opened"):
        SqliteJournal(tmp_path / "text" / "below", ACCOUNT)
    with pytest.raises(JournalError, match="must be a journal that can be opened"):
        SqliteJournal(tmp_path, ACCOUNT)


def test_snapshots_are_kept_two_at_a_time_and_a_damaged_one_is_passed_over(journal: SqliteJournal, path: Path) -> None:
    assert journal.snapshot() is None
    journal.append([row(bar) for bar in range(9)])
    journal.keep(0, b"at the start")
    assert journal.snapshot() == (0, b"at the start")
    for seq in (3, 5, 8):
        journal.keep(seq, b"state %d" % seq)
    assert journal.snapshot() == (8, b"state 8")
    other = sqlite3.connect(path)
    assert other.execute("SELECT seq FROM snapshots").fetchall() == [(5,), (8,)]
    other.execute("UPDATE snapshots SET body = ? WHERE seq = 8", (b"state 9",))
    other.commit()
    assert journal.snapshot() == (5, b"state 5")
    other.execute("UPDATE snapshots SET digest = ? WHERE seq = 5", (b"",))
    other.commit()
    other.close()
    assert journal.snapshot() is None
    with pytest.raises(JournalError, match="must be of a row of the journal, which has 9; got 10"):
        journal.keep(10, b"state 10")


def test_the_log_stays_small(journal: SqliteJournal, path: Path) -> None:
    log = path.with_name("journal.sqlite-wal")
    for bar in range(600):
        journal.append([row(bar)])
    assert log.stat().st_size <= 400 * 4120  # `append` alone brings it home every 300 pages
    for bar in range(600, 1200):
        journal.append([row(bar, symbol=f"S{bar % 7}", decision=b"long" * 100)])
        journal.tend()
    assert log.stat().st_size <= 400 * 4120
    assert path.stat().st_size > 100 * 4096
    assert journal.last == 1200


def test_a_row_that_was_changed_is_named_when_it_is_read(journal: SqliteJournal, path: Path) -> None:
    stored = journal.append([row(bar) for bar in range(5)])
    journal.close()
    content = path.read_bytes()
    at = content.index(stored[2].row.request)
    path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    again = SqliteJournal(path, ACCOUNT)
    rows: list[Stored] = []
    with pytest.raises(Damaged, match=r"row 3 \(bar BTC 7200000000000\): must be what was written"):
        rows.extend(again.read())
    assert rows == list(stored[:2])
    assert again.find(ACCOUNT, "BTC", HOUR, "bar") == stored[1]
    with pytest.raises(Damaged, match=r"row 3 \(bar BTC 7200000000000\): must be what was written"):
        again.find(ACCOUNT, "BTC", 2 * HOUR, "bar")
    again.close()


def test_reading_after_a_row_that_is_not_there_is_refused(journal: SqliteJournal) -> None:
    with pytest.raises(JournalError, match="after: must be a row of the journal, which has 0; got 4"):
        list(journal.read(after=4))


def test_a_closed_journal_stores_nothing(journal: SqliteJournal) -> None:
    journal.close()
    journal.close()
    with pytest.raises(NotWritten, match="must be open"):
        journal.append([row(1)])
    with pytest.raises(JournalError):
        journal.find(ACCOUNT, "BTC", 0, "bar")


def test_a_file_that_may_not_be_written_is_one_line(journal: SqliteJournal, path: Path) -> None:
    journal.close()
    if os.geteuid() == 0:
        pytest.skip("root may write to every file")
    path.chmod(0o444)
    with pytest.raises(JournalError, match="must be a journal that can be opened"):
        SqliteJournal(path, ACCOUNT)


def test_a_full_disk_stores_nothing_and_the_journal_goes_on_when_there_is_room(
    journal: SqliteJournal, path: Path
) -> None:
    """The system refuses to let files grow, as a full disk does."""
    resource = pytest.importorskip("resource", reason="no limits of files here")
    stored = journal.append([row(bar) for bar in range(3)])
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.with_name("journal.sqlite-wal").stat().st_size, limits[1]))
        for _ in range(3):
            with pytest.raises(NotWritten, match="journal: must be writable"):
                journal.append([row(5, decision=os.urandom(100_000)), row(6)])
        assert tuple(journal.read()) == stored
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    stored += journal.append([row(5), row(6)])
    assert tuple(journal.read()) == stored
    journal.close()
    copy = shutil.copy(path, path.with_name("copy.sqlite"))
    again = SqliteJournal(copy, ACCOUNT)
    assert tuple(again.read()) == stored
    again.close()


def test_a_journal_shows_itself(journal: SqliteJournal) -> None:
    journal.append([row(1)])
    assert repr(journal).startswith("SqliteJournal(")
    assert repr(journal).endswith("journal.sqlite, account paper, 1 rows, epoch 1)")
