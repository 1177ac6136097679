"""One thread that commits: what waits goes together, in order, and fails together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event, Thread

import pytest
from tests.journal.rows import ACCOUNT, row

from regimen.journal import (
    AlreadyStored,
    GroupCommit,
    JournalError,
    JournalLost,
    JournalRow,
    NotWritten,
    SqliteJournal,
    Stored,
)


class Slow:
    """A journal whose commits wait for a signal, and fail when there is something to fail with."""

    def __init__(self, journal: SqliteJournal) -> None:
        self._journal = journal
        self.go, self.waiting = Event(), Event()
        self.sizes: list[int] = []
        self.failure: Exception | None = None

    def __getattr__(self, name: str) -> object:
        return getattr(self._journal, name)

    def append(self, rows: Sequence[JournalRow]) -> tuple[Stored, ...]:
        self.sizes.append(len(rows))
        self.waiting.set()
        assert self.go.wait(10)
        if self.failure is not None:
            raise self.failure
        return self._journal.append(rows)


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Slow]:
    journal = SqliteJournal(tmp_path / "journal.sqlite", ACCOUNT)
    yield Slow(journal)
    journal.close()


def test_what_waits_while_a_commit_runs_goes_together_in_the_next(slow: Slow) -> None:
    group = GroupCommit(slow, most=5)  # type: ignore[arg-type]
    first = group.submit(row(0))
    assert slow.waiting.wait(10)
    rest = [group.submit(row(bar)) for bar in range(1, 9)]
    assert not first.done()
    slow.go.set()
    group.close()
    assert [future.result().row for future in [first, *rest]] == [row(bar) for bar in range(9)]
    assert slow.sizes == [1, 5, 3]
    assert [each.seq for each in slow._journal.read()] == list(range(1, 10))


def test_rows_of_one_event_are_never_parted(slow: Slow) -> None:
    group = GroupCommit(slow, most=4)  # type: ignore[arg-type]
    first = group.submit(row(0))
    assert slow.waiting.wait(10)
    events = [group.submit_all([row(bar, symbol=symbol) for symbol in "ABC"]) for bar in (1, 2)]
    large = group.submit_all([row(bar) for bar in range(10, 16)])
    slow.go.set()
    group.close()
    assert slow.sizes == [1, 3, 3, 6]
    assert first.result().seq == 1
    assert [[each.seq for each in event.result()] for event in events] == [[2, 3, 4], [5, 6, 7]]
    assert len(large.result()) == 6


def test_a_failed_commit_takes_all_behind_it_and_refuses_until_resumed(slow: Slow) -> None:
    """Decisions rest on those before them: none may be stored behind one that is not."""
    group = GroupCommit(slow, most=2)  # type: ignore[arg-type]
    futures = [group.submit(row(0))]
    assert slow.waiting.wait(10)
    futures += [group.submit(row(bar)) for bar in range(1, 7)]
    slow.failure = NotWritten("journal", "must be writable (disk full)")
    slow.go.set()
    for future in futures:
        with pytest.raises(NotWritten, match="disk full"):
            future.result(10)
    slow.failure = None
    for _ in range(2):
        with pytest.raises(NotWritten, match="disk full"):
            group.submit(row(9))
    assert slow.sizes == [1]
    assert isinstance(group.failure, NotWritten)
    group.resume()
    assert group.failure is None
    assert group.submit(row(0)).result(10).seq == 1
    group.close()


def test_a_lost_journal_is_lost_for_good_and_says_so_once(slow: Slow) -> None:
    losses: list[JournalLost] = []
    group = GroupCommit(slow, lost=losses.append)  # type: ignore[arg-type]
    slow.go.set()
    slow.failure = JournalLost("journal", "cannot say what is stored after a failed fsync")
    with pytest.raises(JournalLost):
        group.submit(row(0)).result(10)
    with pytest.raises(JournalLost):
        group.submit(row(1))
    with pytest.raises(JournalLost):
        group.resume()
    group.close()
    assert losses == [slow.failure]


def test_a_failure_that_nobody_thought_of_is_a_lost_journal(slow: Slow) -> None:
    group = GroupCommit(slow)  # type: ignore[arg-type]
    slow.go.set()
    slow.failure = ZeroDivisionError("by zero")
    with pytest.raises(JournalLost, match=r"failed \(ZeroDivisionError: by zero\)"):
        group.submit(row(0)).result(10)
    group.close()


def test_a_key_that_is_there_fails_the_commit(slow: Slow) -> None:
    group = GroupCommit(slow)  # type: ignore[arg-type]
    slow.go.set()
    group.submit(row(0)).result(10)
    with pytest.raises(AlreadyStored):
        group.submit(row(0)).result(10)
    group.close()


def test_no_row_is_refused_at_once_and_harms_nobody(slow: Slow) -> None:
    group = GroupCommit(slow)  # type: ignore[arg-type]
    slow.go.set()
    with pytest.raises(JournalError, match="journal row"):
        group.submit(row(0)._replace(bar="tomorrow"))  # type: ignore[arg-type]
    assert group.submit(row(0)).result(10).seq == 1
    group.close()
    with pytest.raises(JournalError, match="is closed"):
        group.submit(row(1))


def test_a_client_that_goes_away_cancels_nothing(slow: Slow) -> None:
    """A cancelled row would leave the order in which the engine has decided: a receipt cannot be cancelled."""
    group = GroupCommit(slow)  # type: ignore[arg-type]
    assert not hasattr(group.submit(row(0)), "cancel")
    with pytest.raises(TimeoutError):
        group.submit(row(1)).result(0.01)  # whoever waited has gone
    slow.go.set()
    group.close()
    assert [each.row for each in slow._journal.read()] == [row(0), row(1)]


def test_many_threads_lose_and_double_nothing(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal.sqlite", ACCOUNT)
    group = GroupCommit(journal)
    answers: dict[str, list[Stored]] = {name: [] for name in "ABCDEFGH"}

    def client(name: str) -> None:
        answers[name].extend(group.submit(row(bar, symbol=name)).result(30) for bar in range(40))

    threads = [Thread(target=client, args=(name,)) for name in answers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    group.close()
    stored = list(journal.read())
    journal.close()
    assert sorted(each.seq for answer in answers.values() for each in answer) == list(range(1, 321))
    assert {each.seq: each for answer in answers.values() for each in answer} == {each.seq: each for each in stored}
    for name, answer in answers.items():
        assert [each.row for each in answer] == [row(bar, symbol=name) for bar in range(40)]
        assert [each.seq for each in answer] == sorted(each.seq for each in answer)


def test_a_group_shows_itself(slow: Slow) -> None:
    group = GroupCommit(slow._journal)
    assert repr(group).endswith("0 rows, epoch 1), well)")
    group.close()
