"""`regimen audit`: what it prints, what it exits with, and what it refuses."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from tests.cli.conftest import called
from tests.journal.rows import ACCOUNT, row

from regimen.journal import SqliteJournal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal of 30 rows."""
    journal = SqliteJournal(tmp_path / "journal.sqlite", ACCOUNT)
    journal.append([row(bar) for bar in range(30)])
    journal.close()
    return journal.path


def test_a_whole_journal_is_whole(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert called("audit", path, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["account"], report["rows"], report["broken"]) == (ACCOUNT, 30, None)
    assert called("audit", path, "--noted", report["digest"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Whole:   30 rows of account paper, all as they were written.",
        f"Digest:  {report['digest']}",
    ]


def test_a_journal_may_be_written_to_meanwhile(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal = SqliteJournal(path, ACCOUNT)
    journal.append([row(30)])
    assert called("audit", path) == 0
    assert "31 rows" in capsys.readouterr().out
    journal.close()


def test_the_first_row_that_differs_is_named(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = path.read_bytes()
    at = content.index(row(16).decision)
    path.write_bytes(content[:at] + b"?" + content[at + 1 :])
    assert called("audit", path) == 1
    first, second, _ = capsys.readouterr().out.splitlines()
    assert first == "Broken:  row 17 (bar BTC 57600000000000) is not what was written"
    assert second == "16 rows of account paper before it are as they were written."


def test_rows_that_were_taken_away_are_missed(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    called("audit", path, "--json")
    digest = json.loads(capsys.readouterr().out)["digest"]
    editor = sqlite3.connect(path, isolation_level=None)
    editor.execute("DROP TRIGGER no_delete")
    editor.execute("DELETE FROM rows WHERE seq > 20")
    editor.close()
    assert called("audit", path, "--noted", digest) == 1
    assert "Broken:  no row has the digest that was noted" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["absent.sqlite"], "absent.sqlite: must be a journal"),
        (["text.sqlite"], "text.sqlite: must be a whole journal, and is damaged"),
        (["text.sqlite", "--noted", "12"], "--noted: must be 64 hexadecimal digits; got '12'"),
        (["text.sqlite", "--account", "paper"], "--account: must be left out for a file, which is one account's"),
        (["postgresql://localhost/nowhere"], "--account: must say whose journal of the database to read"),
        (
            ["postgresql://user:secret@/nowhere?host=/nowhere", "--account", "paper"],
            "journal: must be in a PostgreSQL database that can be used",
        ),
    ],
)
def test_mistakes_are_one_line(
    words: list[str],
    error: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.sqlite").write_bytes(b"no database" * 500)
    assert called("audit", *words) == 2
    printed = capsys.readouterr().err
    assert error in printed
    assert printed.count("\n") == 1
    assert "secret" not in printed
