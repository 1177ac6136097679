"""The journal in PostgreSQL: one leader, standbys that follow, a database that is slow, restarted or full."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest
from tests.journal.folding import Engine, recovered
from tests.journal.rows import HOUR, row
from tests.journal.server import Server

from regimen.journal import (
    AlreadyStored,
    Damaged,
    GroupCommit,
    JournalError,
    JournalLost,
    NotLeader,
    NotWritten,
    PostgresJournal,
    SqliteJournal,
    Stored,
    verify,
)
from regimen.journal.row import chained

psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed (pip install 'regimen[postgres]')")
NUMBERS = itertools.count()
Open = Callable[..., PostgresJournal]


@pytest.fixture
def account() -> str:
    """An account that no other test has."""
    return f"account {next(NUMBERS)}"


@pytest.fixture
def opened(server: Server, account: str) -> Iterator[Open]:
    """Opens journals of the account, and closes them at the end."""
    journals = []

    def opening(**words: object) -> PostgresJournal:
        journals.append(PostgresJournal(server.dsn, account, **words))  # type: ignore[arg-type]
        return journals[-1]

    yield opening
    for journal in journals:
        journal.close()


@pytest.fixture
def other(server: Server) -> Iterator[psycopg.Connection]:
    """Another client of the database."""
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        yield connection


def test_rows_come_back_in_order_as_they_went_in(opened: Open, account: str) -> None:
    journal = opened()
    rows = [row(bar, symbol=symbol, account=account) for bar in range(3) for symbol in ("BTC", "ETH", "")]
    rows[4] = rows[4]._replace(request=bytes(range(256)), decision=b"", symbol="Ünï\n")
    stored = [*journal.append(rows[:4]), *journal.append(rows[4:5]), *journal.append(rows[5:])]
    assert [each.row for each in stored] == rows
    assert [each.seq for each in stored] == list(range(1, 10))
    assert list(journal.read()) == stored
    assert list(journal.read(after=7)) == stored[7:]
    assert journal.last == 9
    assert journal.append([]) == ()
    assert journal.find(account, "BTC", HOUR, "bar") == stored[3]
    assert journal.find(account, "BTC", HOUR, "halt") is None
    assert verify(journal)._replace(account="") == ("", 9, stored[-1].digest, None)
    journal.close()
    again = opened()
    (after,) = again.append([row(10, account=account)])
    assert (after.seq, after.epoch, again.epoch) == (10, 2, 2)
    assert list(again.read()) == [*stored, after]


def test_both_databases_chain_the_same_rows_alike(opened: Open, account: str, tmp_path: Path) -> None:
    rows = [row(bar, account=account) for bar in range(5)]
    file = SqliteJournal(tmp_path / "journal.sqlite", account)
    assert file.append(rows) == opened().append(rows)
    file.close()


def test_a_long_journal_is_read_in_pieces(opened: Open, account: str) -> None:
    journal = opened()
    stored = journal.append([row(bar, account=account) for bar in range(2500)])
    assert tuple(journal.read()) == stored
    assert tuple(journal.read(after=1000)) == stored[1000:]


def test_accounts_stand_beside_each_other(opened: Open, account: str, server: Server) -> None:
    journal = opened()
    journal.append([row(1, account=account)])
    beside = PostgresJournal(server.dsn, account + " too")
    assert beside.append([row(1, account=account + " too")])[0].seq == 1
    assert [each.row.account for each in beside.read()] == [account + " too"]
    with pytest.raises(JournalError, match="must be of account"):
        beside.append([row(2, account=account)])
    beside.close()


def test_a_key_is_stored_once_and_its_commit_not_at_all(opened: Open, account: str) -> None:
    journal = opened()
    stored = journal.append([row(1, account=account)])
    with pytest.raises(AlreadyStored, match="must hold each account, symbol, bar and kind once"):
        journal.append([row(2, account=account), row(1, account=account)])
    assert tuple(journal.read()) == stored
    assert journal.append([row(2, account=account)])[0].seq == 2


def test_snapshots_are_kept_two_at_a_time_and_a_damaged_one_is_passed_over(
    opened: Open, account: str, other: psycopg.Connection
) -> None:
    journal = opened()
    assert journal.snapshot() is None
    journal.append([row(bar, account=account) for bar in range(9)])
    for seq in (0, 3, 5, 8, 8):
        journal.keep(seq, b"state %d" % seq)
    assert journal.snapshot() == (8, b"state 8")
    query = "SELECT seq FROM journal_snapshots WHERE account = %s ORDER BY seq"
    assert other.execute(query, (account,)).fetchall() == [(5,), (8,)]
    other.execute("UPDATE journal_snapshots SET body = '' WHERE seq = 8 AND account = %s", (account,))
    assert journal.snapshot() == (5, b"state 5")
    with pytest.raises(JournalError, match="must be of a row of the journal"):
        journal.keep(10, b"state 10")


def test_a_row_that_was_changed_is_named_when_it_is_read(opened: Open, account: str, other: psycopg.Connection) -> None:
    journal = opened()
    journal.append([row(bar, account=account) for bar in range(5)])
    for statement in ("UPDATE journal_rows SET bar = 0", "DELETE FROM journal_rows", "TRUNCATE journal_rows"):
        with pytest.raises(psycopg.Error, match="append-only"):
            other.execute(statement)
    other.execute("SET session_replication_role = replica")  # whoever owns the database can switch that off
    other.execute("UPDATE journal_rows SET decision = 'x' WHERE seq = 3 AND account = %s", (account,))
    with pytest.raises(Damaged, match=r"row 3 \(bar BTC 7200000000000\): must be what was written"):
        list(journal.read())
    with pytest.raises(Damaged, match=r"row 3 \(bar BTC 7200000000000\): must be what was written"):
        journal.find(account, "BTC", 7_200_000_000_000, "bar")
    assert str(verify(journal).broken).startswith("behind row 2: journal, row 3 ")


def test_there_is_one_leader_and_a_standby_follows_by_reading(opened: Open, account: str) -> None:
    leader, standby = opened(), opened(lead=False)
    assert leader.leads
    assert not standby.leads
    assert repr(leader).endswith(f"account {account}, leads in epoch 1)")
    assert repr(standby).endswith("follows)")
    with pytest.raises(
        JournalError, match=rf"must have one leader, and .*process {os.getpid()}, [0-9a-f]{{8}}, of account"
    ):
        opened()
    assert not standby.lead()
    for act in (lambda: standby.append([row(1, account=account)]), lambda: standby.keep(0, b"")):
        with pytest.raises(NotLeader, match="must be led by whoever stores, and this one follows"):
            act()
    engine, following, seq = Engine(), Engine(), 0
    for _ in range(20):
        leader.append([engine.row("BTC")._replace(account=account)])
        for stored in standby.read(seq):
            following.fold(stored)
            seq = stored.seq
        assert following.past == engine.past
    leader.close()
    assert standby.lead()  # at once: the leader has given it up
    (stored,) = standby.append([following.row("BTC")._replace(account=account)])
    assert (stored.seq, stored.epoch) == (21, 2)
    assert recovered(standby).past == following.past


def test_an_old_leader_that_wakes_up_stores_nothing(opened: Open, account: str) -> None:
    """Its lease is over, another leads: the same transaction that would store its rows finds out."""
    old, standby = opened(lease=0.3), opened(lead=False, lease=0.3)
    old.append([row(0, account=account)])
    old._closing.set()  # it sleeps: nothing renews its lease
    assert standby.lead(wait=20)
    assert not old.leads
    old._closing.clear()
    for _ in range(2):
        with pytest.raises(NotLeader, match="must have one leader, and another has taken it over"):
            old.append([row(1, account=account)])
    with pytest.raises(NotLeader):
        old.keep(1, b"state")
    with pytest.raises(NotLeader):
        old.lead()
    assert standby.append([row(1, account=account, decision=b"of the new one")])[0].epoch == 2
    assert [each.epoch for each in standby.read()] == [1, 2]


def test_a_process_that_was_stopped_and_goes_on_stores_nothing(server: Server, account: str) -> None:
    """A real one: the system stops it in the middle of its work, for longer than its lease."""
    code = f"""
from regimen.journal import NotLeader, PostgresJournal
from tests.journal.rows import row
journal, bar = PostgresJournal({server.dsn!r}, {account!r}, lease=0.3), 0
try:
    while True:
        bar += 1
        print(journal.append([row(bar, account={account!r})])[0].seq, flush=True)
except NotLeader as error:
    print(error, flush=True)
"""
    command = [sys.executable, "-c", code]
    old = subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True)
    assert old.stdout is not None
    lines = [old.stdout.readline() for _ in range(5)]
    old.send_signal(signal.SIGSTOP)
    standby = PostgresJournal(server.dsn, account, lead=False)
    assert standby.lead(wait=20)
    ours = standby.append([row(10_000, account=account)])
    old.send_signal(signal.SIGCONT)
    *rest, end = old.communicate(timeout=30)[0].splitlines()
    assert "must have one leader, and another has taken it over" in end
    stored = list(standby.read())
    standby.close()
    answered = [int(line) for line in (*lines, *rest)]
    assert len(stored) - len(ours) - len(answered) in (0, 1)  # one may be stored that it could not say any more
    assert [each.epoch for each in stored] == [1] * (len(stored) - 1) + [2]
    assert stored[-1:] == list(ours)
    assert answered == list(range(1, len(answered) + 1))


def test_a_leader_that_is_idle_keeps_its_lease(opened: Open, account: str) -> None:
    leader, standby = opened(lease=1.5), opened(lead=False, lease=1.5)
    assert not standby.lead(wait=2)
    assert leader.leads
    assert leader.append([row(0, account=account)])[0].epoch == 1


def test_the_database_refuses_a_stale_epoch_whoever_asks(opened: Open, account: str, other: psycopg.Connection) -> None:
    """Without a line of ours in between: not the program is trusted, but the database."""
    journal = opened()
    (stored,) = journal.append([row(0, account=account)])
    insert = (
        "INSERT INTO journal_rows (seq, epoch, account, symbol, bar, kind, at, digest, request, decision) "
        "VALUES (2, %s, %s, 'BTC', 1, 'bar', 1, '', '', '')"
    )
    for epoch in (0, 2):
        with pytest.raises(psycopg.Error, match="a journal has one leader") as refused:
            other.execute(insert, (epoch, account))
        assert refused.value.sqlstate == "RG001"
    assert list(journal.read()) == [stored]


def test_a_commit_on_its_way_and_a_takeover_never_both_win(opened: Open, account: str, server: Server) -> None:
    """The old leader's transaction is open when the new one comes: one waits for the other, and one of them loses."""
    old, standby = opened(lease=0.2), opened(lead=False)
    old._closing.set()
    with psycopg.connect(server.dsn) as slow:  # an old leader in the middle of its commit
        slow.execute("UPDATE journal_header SET expires = '-infinity' WHERE account = %s AND epoch = 1", (account,))
        slow.execute(
            "INSERT INTO journal_rows VALUES (1, 1, %s, 'BTC', 1, 'bar', 1, %s, '', '')",
            (
                account,
                chained(old._genesis, 1, 1, row(1, account=account)._replace(bar=1, at=1, request=b"", decision=b"")),
            ),
        )
        takeover = Thread(target=standby.lead, args=(5,))
        takeover.start()
        time.sleep(0.3)
        assert standby.epoch == 0  # it waits
        slow.commit()
        takeover.join()
    assert (standby.epoch, standby.last) == (2, 1)  # and begins behind what was stored
    assert standby.append([row(2, account=account)])[0].seq == 2
    assert verify(standby).broken is None


def test_many_who_want_to_lead_never_lead_together(server: Server, account: str) -> None:
    """Three processes that take the lead from each other as fast as they can: one chain, epochs in order."""
    code = f"""
import sys, time
from regimen.journal import JournalLost, NotWritten, PostgresJournal
from tests.journal.rows import row
until, number, epoch = time.monotonic() + 20, 0, 0
while time.monotonic() < until and epoch < 6:
    journal = PostgresJournal({server.dsn!r}, {account!r}, lead=False, lease=0.05)
    journal._closing.set()  # nothing renews the lease between commits
    if journal.lead(wait=0.2):
        journal._closing.clear()
        epoch = journal.epoch
        try:
            for _ in range(10):
                number += 1
                stored = journal.append([row(number, symbol=sys.argv[1], account={account!r})])
                print(stored[0].seq, stored[0].epoch, flush=True)
                time.sleep(0.02 * (number % 5))
        except JournalLost:
            pass
    journal.close()
"""
    PostgresJournal(server.dsn, account).close()
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", code]
    processes = [subprocess.Popen([*command, name], cwd=root, stdout=subprocess.PIPE, text=True) for name in "ABC"]
    answered = [
        tuple(map(int, line.split())) for process in processes for line in process.communicate()[0].splitlines()
    ]
    assert all(process.returncode == 0 for process in processes)
    journal = PostgresJournal(server.dsn, account, lead=False)
    stored = list(journal.read())
    journal.close()
    assert sorted(answered) == [(each.seq, each.epoch) for each in stored]  # nothing answered is lost, nothing twice
    epochs = [each.epoch for each in stored]
    assert epochs == sorted(epochs)
    assert len(set(epochs)) > 3


def test_a_killed_leader_is_followed_by_the_standby(server: Server, account: str) -> None:
    """20 rows a life, killed at any moment: what was answered is there, and the standby's engine has it."""
    code = f"""
import sys
from regimen.journal import PostgresJournal
from tests.journal.folding import recovered
journal = PostgresJournal({server.dsn!r}, {account!r}, lead=False, lease=0.2)
assert journal.lead(wait=10)
engine = recovered(journal)
while True:
    (stored,) = journal.append([engine.row("BTC")._replace(account={account!r})])
    print(stored.seq, stored.digest.hex(), flush=True)
"""
    PostgresJournal(server.dsn, account).close()
    answered: dict[int, str] = {}
    for life in range(2):
        command = [sys.executable, "-c", code]
        process = subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(30 + life)]
        process.kill()
        lines += process.stdout.read().splitlines(keepends=True)
        process.stdout.close()
        assert process.wait() == -signal.SIGKILL
        answered |= {int(seq): digest for seq, digest in (line.split() for line in lines if line.endswith("\n"))}
    standby = PostgresJournal(server.dsn, account, lead=False, lease=0.2)
    assert standby.lead(wait=10)
    recovered(standby)
    stored = {each.seq: each.digest.hex() for each in standby.read()}
    standby.close()
    assert len(answered) >= 60
    assert answered.items() <= stored.items()
    assert len(stored) <= len(answered) + 3


@pytest.mark.parametrize("kill", [False, True], ids=["restarted", "killed"])
def test_a_database_that_restarts_is_waited_for(opened: Open, account: str, server: Server, kill: bool) -> None:
    journal = opened(patience=60)
    group = GroupCommit(journal)
    stored = [group.submit(row(bar, account=account)).result() for bar in range(3)]
    server.stop(kill=kill)
    futures = [group.submit(row(bar, account=account)) for bar in range(3, 6)]
    time.sleep(0.3)
    assert not any(future.done() for future in futures)
    server.start()
    stored += [future.result(20) for future in futures]
    stored.append(group.submit(row(6, account=account)).result(20))
    group.close()
    assert list(journal.read()) == stored
    assert [each.row for each in stored] == [row(bar, account=account) for bar in range(7)]
    assert journal.find(account, "BTC", 0, "bar") == stored[0]
    assert verify(journal).broken is None


def test_a_commit_whose_answer_was_lost_is_looked_up_and_not_stored_twice(
    opened: Open, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows are stored and the connection breaks before it says so."""
    journal = opened()
    journal.append([row(0, account=account)])
    execute = journal._execute

    def broken(statement: str, values: dict[str, object]) -> bool:
        execute(statement, values)
        monkeypatch.setattr(journal, "_execute", execute)
        journal._writer.close()
        return False

    monkeypatch.setattr(journal, "_execute", broken)
    stored = journal.append([row(1, account=account), row(2, account=account)])
    assert [(each.seq, each.epoch) for each in stored] == [(2, 1), (3, 1)]
    assert journal.epoch == 2  # whatever else was on its way is refused now
    (after,) = journal.append([row(3, account=account)])
    assert (after.seq, after.epoch) == (4, 2)
    assert verify(journal).rows == 4


def test_a_database_that_stays_away_loses_the_journal(opened: Open, account: str, server: Server) -> None:
    journal = opened(patience=0.5)
    journal.append([row(0, account=account)])
    server.stop()
    try:
        with pytest.raises(JournalLost, match="cannot say what is stored: the database went away during a commit"):
            journal.append([row(1, account=account)])
        with pytest.raises(JournalError, match="cannot be read"):
            journal.find(account, "BTC", 0, "bar")
    finally:
        server.start()
    with pytest.raises(JournalLost):
        journal.append([row(1, account=account)])
    assert [each.row for each in journal.read()] == [row(0, account=account)]


def test_a_slow_database_stores_nothing_and_the_journal_goes_on(
    opened: Open, account: str, other: psycopg.Connection
) -> None:
    journal = opened()
    journal._writer.execute("SET lock_timeout = 200")
    with other.transaction():
        other.execute("SELECT 1 FROM journal_header WHERE account = %s FOR UPDATE", (account,))
        with pytest.raises(NotWritten, match=r"journal: must be writable .*lock timeout"):
            journal.append([row(0, account=account)])
    assert journal.append([row(0, account=account)])[0].seq == 1


def test_a_database_that_may_not_be_written_stores_nothing_and_goes_on(opened: Open, account: str) -> None:
    """As a full disk and a database that was made read-only: the server says so, and nothing is stored."""
    journal = opened()
    journal._writer.execute("SET default_transaction_read_only = on")
    with pytest.raises(NotWritten, match=r"journal: must be writable .*read-only"):
        journal.append([row(0, account=account)])
    journal._writer.execute("SET default_transaction_read_only = off")
    assert journal.append([row(0, account=account)])[0].seq == 1


def test_a_newer_version_and_no_database_are_refused(
    opened: Open, account: str, other: psycopg.Connection, server: Server
) -> None:
    opened().close()
    other.execute("UPDATE journal_header SET version = 2 WHERE account = %s", (account,))
    with pytest.raises(JournalError, match="must be of version 1 at most, and is written by a newer regimen"):
        opened()
    other.execute("UPDATE journal_header SET version = 1 WHERE account = %s", (account,))
    with pytest.raises(JournalError, match="must be one of the database's: its first leader makes it; got 'nobody'"):
        PostgresJournal(server.dsn, "nobody", lead=False)
    for dsn in (server.dsn.replace("regimen-pg", "nowhere"), "no address", server.dsn + "2"):
        with pytest.raises(JournalError, match="must be in a PostgreSQL database that can be used") as refused:
            PostgresJournal(dsn, account, patience=0.1)
        assert "\n" not in str(refused.value)


def test_without_psycopg_the_extra_is_named(account: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(JournalError, match=r"needs psycopg for PostgreSQL: pip install 'regimen\[postgres\]'"):
        PostgresJournal("postgresql://localhost", account)


def test_a_closed_journal_stores_nothing(opened: Open, account: str) -> None:
    journal = opened()
    journal.close()
    journal.close()
    with pytest.raises(NotWritten, match="must be open"):
        journal.append([row(1, account=account)])
    with pytest.raises(JournalError):
        journal.find(account, "BTC", 0, "bar")


def test_a_group_commits_to_it(opened: Open, account: str) -> None:
    journal = opened()
    group = GroupCommit(journal)
    futures = [group.submit(row(bar, account=account)) for bar in range(200)]
    stored: list[Stored] = [future.result(20) for future in futures]
    group.close()
    assert list(journal.read()) == stored
