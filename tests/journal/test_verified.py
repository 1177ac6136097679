"""A whole journal, read again."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.journal.rows import ACCOUNT, row

from regimen.journal import Damaged, JournalError, SqliteJournal, verify


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal of 60 rows with two snapshots, closed."""
    path = tmp_path_factory.mktemp("whole") / "journal.sqlite"
    journal = SqliteJournal(path, ACCOUNT)
    for bar in range(60):
        journal.append([row(bar, decision=bytes([bar]) * 100)])
    for seq in (20, 40):
        journal.keep(seq, b"state %d " % seq * 50)
    journal.close()
    return path


@pytest.fixture
def path(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(whole, tmp_path / "journal.sqlite"))


@pytest.fixture
def editor(path: Path) -> Iterator[sqlite3.Connection]:
    """Somebody who edits the file with what is at hand."""
    connection = sqlite3.connect(path, isolation_level=None)
    for trigger in ("no_update", "no_delete"):
        connection.execute(f"DROP TRIGGER {trigger}")
    yield connection
    connection.close()


def test_a_whole_journal_is_whole_open_or_closed(path: Path) -> None:
    closed = verify(path)
    assert (closed.account, closed.rows, closed.broken) == (ACCOUNT, 60, None)
    journal = SqliteJournal(path, ACCOUNT)
    assert verify(journal) == verify(path) == closed == verify(str(path))
    (last,) = journal.append([row(100)])
    assert verify(path).digest == last.digest == verify(journal).digest
    journal.close()


def test_looking_changes_nothing(path: Path) -> None:
    before = path.read_bytes()
    verify(path)
    assert path.read_bytes() == before


def test_a_journal_is_read_where_nothing_may_be_written_beside_it(path: Path) -> None:
    """SQLite wants a file beside it even to read; here it cannot have one, as in a folder of a read-only disk."""
    path.with_name("journal.sqlite-shm").mkdir()
    assert verify(path).rows == 60
    path.with_name("journal.sqlite-wal").write_bytes(b"of a process that was killed" * 10)
    with pytest.raises(JournalError, match="must be a journal that can be opened"):
        verify(path)


@pytest.mark.parametrize(
    ("edit", "broken"),
    [
        ("UPDATE rows SET decision = x'00' WHERE seq = 17", "row 17 (bar BTC 57600000000000) is not what was written"),
        ("UPDATE rows SET epoch = 2 WHERE seq = 17", "row 17 (bar BTC 57600000000000) is not what was written"),
        ("UPDATE rows SET at = at + 1 WHERE seq = 1", "row 1 (bar BTC 0) is not what was written"),
        ("UPDATE rows SET digest = x'00' WHERE seq = 60", "row 60 (bar BTC 212400000000000) is not what was written"),
        ("DELETE FROM rows WHERE seq = 30", "row 31 (bar BTC 108000000000000) is not what was written"),
        ("DELETE FROM rows WHERE seq >= 40", "the snapshot after row 40 is of rows that are not there"),
        ("UPDATE header SET account = 'other'", "row 1 (bar BTC 0) is not what was written"),
        ("UPDATE snapshots SET body = x'00'", "the snapshot after row 20 is not what was written"),
    ],
)
def test_the_first_thing_that_differs_is_named(editor: sqlite3.Connection, path: Path, edit: str, broken: str) -> None:
    editor.execute(edit)
    assert verify(path).broken == broken


def test_a_noted_digest_shows_that_the_end_was_taken_away(editor: sqlite3.Connection, path: Path) -> None:
    whole = verify(path)
    assert verify(path, noted=whole.digest) == whole
    journal = SqliteJournal(path, ACCOUNT)
    journal.append([row(100)])
    assert verify(path, noted=whole.digest).broken is None
    assert verify(journal, noted=whole.digest).broken is None
    journal.close()
    editor.execute("DELETE FROM rows WHERE seq > 59")  # behind the last snapshot
    assert verify(path).broken is None
    assert str(verify(path, noted=whole.digest).broken).startswith("no row has the digest that was noted")


def test_what_was_forged_behind_a_row_still_differs_there(editor: sqlite3.Connection, path: Path) -> None:
    """Two rows that change their places, digests and all."""
    editor.execute("UPDATE rows SET seq = 1000 WHERE seq = 5")
    editor.execute("UPDATE rows SET seq = 5 WHERE seq = 6")
    editor.execute("UPDATE rows SET seq = 6 WHERE seq = 1000")
    verified = verify(path)
    assert verified.rows == 4
    assert str(verified.broken).startswith("row 5 ")


def test_any_flipped_byte_is_seen_or_harms_no_row(whole: Path, tmp_path: Path) -> None:
    """Whatever byte of the file is flipped: one error, a named row, or every row as it was."""
    content, rows = whole.read_bytes(), verify(whole)
    generator, seen = random.Random(0), 0
    for case in range(150):
        at = generator.randrange(len(content))
        path = tmp_path / f"{case}.sqlite"
        path.write_bytes(content[:at] + bytes([content[at] ^ (1 << generator.randrange(8))]) + content[at + 1 :])
        try:
            verified = verify(path)
        except JournalError:
            seen += 1
            continue
        seen += verified.broken is not None
        assert verified.broken is not None or verified == rows, at
    assert seen > 40  # much of a small file is empty


def test_a_flipped_byte_of_a_row_names_the_row(whole: Path, tmp_path: Path) -> None:
    content = whole.read_bytes()
    for seq in range(1, 61, 7):
        at = content.index(row(seq - 1).request) + seq % 20
        path = tmp_path / f"{seq}.sqlite"
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        verified = verify(path)
        assert verified.rows == seq - 1
        assert str(verified.broken).startswith(f"row {seq} (bar BTC ")


def test_what_is_no_journal_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match=r"absent\.sqlite: must be a journal"):
        verify(tmp_path / "absent.sqlite")
    (tmp_path / "text.sqlite").write_bytes(b"no database" * 500)
    with pytest.raises(Damaged, match="is damaged"):
        verify(tmp_path / "text.sqlite")
    (tmp_path / "empty.sqlite").write_bytes(b"")
    with pytest.raises(JournalError, match="must be a journal"):
        verify(tmp_path / "empty.sqlite")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["empty.sqlite", "text.sqlite"]


def test_a_torn_file_is_one_error_or_one_row(path: Path) -> None:
    content = path.read_bytes()
    for size in range(0, len(content), 4096):
        path.write_bytes(content[:size])
        with suppress(JournalError):
            assert verify(path).broken is not None
