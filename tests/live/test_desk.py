"""What was answered is in the journal; a process that takes over answers the same, and a failing disk takes back."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.live.accounts import WIDE, setup_of, walk

from regimen.errors import DataError, RunError
from regimen.journal import JournalRow, NotWritten, SqliteJournal, Stored
from regimen.live import Desk, OldBar, OtherBar, bar_messages
from regimen.safeguards import SafeguardsConfig

FIRST, HOUR = 30, 3_600_000_000_000
BARS = walk(120)
FEED = bar_messages(BARS)
ENDS = [int(stamp) + HOUR for stamp in BARS.time.astype("int64")]


@pytest.fixture
def place(in_memory: Path) -> Path:
    return in_memory / "journal.sqlite"


def opened(place: Path, **changes: Any) -> Desk:
    return Desk(setup_of(BARS, WIDE, **changes), SqliteJournal(place, "paper"), snapshots=40)


def post(desk: Desk, first: int, stop: int) -> list[bytes]:
    """Posts bars and returns the answers once they are durable."""
    answers = []
    for t in range(first, stop):
        taken = desk.bar(FEED[t], ENDS[t], watched=t < FIRST)
        assert taken.stored is not None
        taken.stored.result()
        answers.append(taken.content)
    return answers


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The answers of a process that nothing happened to."""
    desk = opened(tmp_path_factory.mktemp("whole") / "journal.sqlite")
    answers = post(desk, 0, len(FEED))
    desk.close()
    return answers


@pytest.mark.parametrize("stop", [10, 35, 77, 119])
def test_who_takes_over_answers_the_same(place: Path, whole: list[bytes], stop: int) -> None:
    desk = opened(place)
    assert post(desk, 0, stop) == whole[:stop]
    desk.close()
    desk = opened(place)
    assert desk.state.seq == stop
    assert post(desk, stop, len(FEED)) == whole[stop:]
    desk.close()


def test_recovery_without_a_snapshot_is_the_same(place: Path, whole: list[bytes]) -> None:
    desk = opened(place)
    post(desk, 0, 60)
    desk._commit.close()
    desk.journal.close()  # killed: no last snapshot; that of event 40 is there
    desk = opened(place)
    assert post(desk, 60, 70) == whole[60:70]
    desk.close()


def test_the_same_bar_twice_is_answered_once(place: Path, whole: list[bytes]) -> None:
    desk = opened(place)
    post(desk, 0, 50)
    again = desk.bar(FEED[45], ENDS[49])
    assert (again.content, again.answer, again.stored) == (whole[45], None, None)
    with pytest.raises(OtherBar, match="was answered already"):
        desk.bar(FEED[45].replace(b'"volume":', b'"volume":1'), ENDS[49])
    with pytest.raises(OldBar, match="must be after the last bar"):
        desk.bar(FEED[45].replace(str(ENDS[45] - HOUR).encode(), str(ENDS[45] - HOUR - 1).encode()), ENDS[49])
    assert desk.state.seq == 50
    desk.close()


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"[]", "JSON of a bar"),
        (b"[" * 100_000, "JSON of a bar"),
        (b'{"time": 1, "open": NaN}', "JSON of a bar"),
        (b'{"time": 1, "bars": {"S0": {"open": "1", "high": 1, "low": 1, "close": 1}}}', "JSON of a bar"),
        (b'{"time": 1, "bars": {}}', "at least one symbol"),
        (b'{"time": 1, "bars": {"X": {"open": 1, "high": 1, "low": 1, "close": 1}}}', "must be of S0"),
        (b'{"time": 1, "open": 1, "high": 1, "low": 1}', "close: must be there"),
        (b'{"time": "tomorrow", "open": 1, "high": 1, "low": 1, "close": 1}', "nanoseconds since 1970 or ISO 8601"),
        (b'{"time": "2031-01-01T00:00:00Z", "open": 1, "high": 1, "low": 2, "close": 1}', "low"),
        (b'{"time": "2031-01-01T00:00:00Z", "open": 1, "high": 1e308, "low": 1, "close": 1}', "high"),
        (b'{"time": "2031-01-01T00:00:00Z", "open": -1, "high": 1, "low": -1, "close": 1}', "must be positive"),
        (b'{"time": 1, "open": 1, "high": 1, "low": 1, "close": 1, "extras": {"x": 1}}', "must be empty"),
        (b'{"time": "2199-01-01T00:00:00Z", "open": 1, "high": 1, "low": 1, "close": 1}', "has closed by now"),
    ],
)
def test_what_is_no_bar_is_refused_and_changes_nothing(place: Path, content: bytes, rule: str) -> None:
    desk = opened(place)
    before = desk.state
    with pytest.raises(DataError, match=rule):
        desk.bar(content, 2**62, watched=True)
    assert desk.state is before
    assert desk.journal.last == 1
    desk.close()


class Failing:
    """A journal whose disk is full for a while."""

    def __init__(self, below: SqliteJournal) -> None:
        self.below, self.full = below, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.below, name)

    def append(self, rows: list[JournalRow]) -> tuple[Stored, ...]:
        if self.full:
            raise NotWritten("journal", "the disk is full")
        return self.below.append(rows)


def test_a_full_disk_takes_back_and_halts(place: Path, whole: list[bytes]) -> None:
    journal = Failing(SqliteJournal(place, "paper"))
    desk = Desk(setup_of(BARS, WIDE), journal)  # type: ignore[arg-type]
    post(desk, 0, 60)
    journal.full = True
    taken = desk.bar(FEED[60], ENDS[60])
    assert taken.stored is not None
    with pytest.raises(NotWritten):
        taken.stored.result()
    for _ in range(2):
        with pytest.raises(NotWritten):
            desk.bar(FEED[60], ENDS[60])
    assert (desk.state.seq, desk.mode) == (60, "halted")
    assert desk.bar(FEED[50], ENDS[60]).content == whole[50]  # what was answered is answered again
    journal.full = False
    taken = desk.bar(FEED[60], ENDS[60])
    assert taken.answer is not None
    assert (taken.answer.seq, taken.answer.mode) == (62, "halted")  # 61 is the journal's own word
    assert taken.answer.symbols[0].target == 0.0
    desk.word("resume", "anna", "disk replaced", ENDS[60])
    answer = desk.bar(FEED[61], ENDS[61]).answer
    assert answer is not None
    assert answer.mode == "active"
    desk.close()
    desk = opened(place)
    assert desk.state.seq == 64
    desk.close()


def test_a_journal_of_another_account_is_refused(place: Path) -> None:
    desk = opened(place)
    post(desk, 0, 40)
    desk.close()
    with closing(SqliteJournal(place, "paper")) as journal:
        for setup, name in (
            (setup_of(BARS, SafeguardsConfig()), "safeguards"),
            (setup_of(BARS, WIDE, digest="00"), "bundle"),
        ):
            with pytest.raises(RunError, match=f"another account: its {name} differs"):
                Desk(setup, journal)


def test_a_machine_that_decides_otherwise_is_found_out(place: Path) -> None:
    desk = opened(place)
    post(desk, 0, 100)
    desk._commit.close()
    desk.journal.close()
    with pytest.raises(RunError, match="was decided otherwise") as caught:
        opened(place, policy=_smaller())
    assert "symbols" in str(caught.value)


def test_a_bar_between_two_bars_is_refused(place: Path) -> None:
    desk = opened(place)
    post(desk, 0, 5)
    stamp = str(ENDS[5] - HOUR)
    with pytest.raises(DataError, match="whole bars of 3600 seconds"):
        desk.bar(FEED[5].replace(stamp.encode(), str(int(stamp) + HOUR // 2).encode()), ENDS[6], watched=True)
    desk.close()


def _smaller() -> Any:
    policy: Any = setup_of(BARS).policy
    policy.size = 0.4999
    return policy


def test_operators_are_heard_when_the_clock_is_put_back(place: Path) -> None:
    desk = opened(place)
    post(desk, 0, 60)
    for at in (ENDS[60] + HOUR, ENDS[60] + HOUR):  # the second one comes after a bar of a clock that was put back
        word = desk.word("reduce", "anna", "", at).stored
        bar = desk.bar(FEED[60], ENDS[60]).stored
        assert word is not None
        assert word.result().row.kind == "operator"
        assert bar is None or bar.result().row.at == ENDS[60]
    assert desk.state.seq == 63
    desk.close()


def test_an_operator_is_heard_by_an_account_that_its_journal_stopped(place: Path) -> None:
    journal = Failing(SqliteJournal(place, "paper"))
    desk = Desk(setup_of(BARS, WIDE), journal)  # type: ignore[arg-type]
    post(desk, 0, 60)
    journal.full = True
    failed = desk.bar(FEED[60], ENDS[60]).stored
    assert failed is not None
    assert isinstance(failed.exception(), NotWritten)
    journal.full = False
    stored = desk.word("resume", "anna", "", ENDS[60]).stored
    assert stored is not None
    assert [row.row.request[:14] for row in desk.journal.read(stored.result().seq - 2)] == [
        b'{"word":"halt"',
        b'{"word":"resum',
    ]
    desk.close()


def test_a_snapshot_that_cannot_be_kept_refuses_no_bar(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = opened(place)

    def keep(*_: object) -> None:
        raise NotWritten("journal", "the disk is full")

    monkeypatch.setattr(desk, "keep", keep)
    post(desk, 0, 50)
    assert (desk.state.seq, desk.mode, desk.journal.snapshot()) == (50, "active", None)
    desk.close()


def test_processes_that_all_die_young_keep_snapshots_together(place: Path) -> None:
    for first in range(0, 60, 15):
        desk = opened(place)
        post(desk, first, first + 15)
        desk._commit.close()
        desk.journal.close()  # killed
    desk = opened(place)
    kept = desk.journal.snapshot()
    assert kept is not None
    assert kept[0] >= 40
    desk.close()


def test_an_account_without_safeguards_goes_on_after_a_full_disk(place: Path) -> None:
    journal = Failing(SqliteJournal(place, "paper"))
    desk = Desk(setup_of(BARS), journal)  # type: ignore[arg-type]
    post(desk, 0, 60)
    journal.full = True
    failed = desk.bar(FEED[60], ENDS[60]).stored
    assert failed is not None
    assert isinstance(failed.exception(), NotWritten)
    journal.full = False
    answer = desk.bar(FEED[60], ENDS[60]).answer
    assert answer is not None
    assert (answer.seq, answer.mode) == (61, "active")
    desk.close()
