"""The journal in PostgreSQL: a leader that writes, and warm standbys that follow by reading until one takes over."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from hashlib import sha256
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any

from regimen.errors import one_line
from regimen.journal.chain import followed, in_place, newest_whole, one_of
from regimen.journal.failures import JournalError, JournalLost, NotLeader, NotWritten
from regimen.journal.postgres_tables import (
    AGAIN,
    APPEND,
    KEEP,
    LEAD,
    LEAVE,
    RENEW,
    build,
    failure_of,
    overtaken,
    require,
)
from regimen.journal.row import JournalRow, Stored, genesis
from regimen.reprs import short

if TYPE_CHECKING:
    import psycopg

_COLUMNS = "seq, account, symbol, bar, kind, request, decision, at, epoch, digest"
_DIGEST = "SELECT digest FROM journal_rows WHERE account = %s AND seq = %s"
_CHUNK = 1000
_PAUSE = 0.05


class PostgresJournal:
    """A `Journal` in a PostgreSQL database, with one leader at a time.

    Whoever leads holds a lease, which each commit and a thread of its own renew. Taking the lead raises the epoch, and
    the database refuses rows of any other epoch: a leader that slept through its lease and wakes up stores nothing.
    All times are those of the database's clock.

    When the connection breaks during a commit, nobody knows whether it went through. Then this leads anew under the
    next epoch, so that what is still on its way is refused, looks for the rows, and stores them where they are not
    there. Where that takes longer than ``patience``, the journal is lost.

    Args:
        dsn: address of the database, such as ``postgresql://user@host/database``.
        account: whose journal it is.
        lead: whether to take the lead at once, and to make the journal where there is none; a standby only reads, until
            it is asked to `lead`.
        lease: seconds after which a leader that gives no sign may be overtaken.
        patience: seconds to wait for a database that is slow or away.

    Raises:
        JournalError: another process leads; the database cannot be reached or does not sync; the journal is of a newer
            version, or not there; the extra ``postgres`` is missing.
    """

    def __init__(
        self, dsn: str, account: str, *, lead: bool = True, lease: float = 5.0, patience: float = 10.0
    ) -> None:
        self._dsn, self._account, self._lease, self._patience = dsn, account, lease, patience
        self._genesis = genesis(account)
        self._writing, self._looking = Lock(), Lock()
        self._epoch, self._last, self._digest = 0, 0, self._genesis
        self._name = f"{socket.gethostname()}, process {os.getpid()}, {secrets.token_hex(4)}"
        self._lost: JournalLost | None = None
        self._renewed, self._closing = 0.0, Event()
        self._beating: Thread | None = None
        driver = _driver()
        with ExitStack() as opened:
            try:
                self._writer = opened.enter_context(closing(self._connected()))
                self._reader = opened.enter_context(closing(self._connected()))
                if lead:
                    build(self._writer, account)
                require(self._writer, account)
            except driver.Error as error:
                rule = f"must be in a PostgreSQL database that can be used ({_words(error)})"
                raise JournalError("journal", rule) from None
            if lead and not self.lead():
                raise JournalError("journal", f"must have one leader, and it is {self.leader}, of account {account!r}")
            opened.pop_all()

    def __repr__(self) -> str:
        part = f"leads in epoch {self._epoch}" if self.leads else "follows"
        return short(self, f"account {self._account}, {part}")

    @property
    def account(self) -> str:
        """Whose journal it is."""
        return self._account

    @property
    def epoch(self) -> int:
        """Number of this leadership, which its rows carry; 0 for a standby."""
        return self._epoch

    @property
    def local(self) -> bool:
        """Whether a disk of this machine keeps it: False."""
        return False

    @property
    def last(self) -> int:
        """Number of the last row that this leader knows of."""
        return self._last

    @property
    def leads(self) -> bool:
        """Whether this leads, as far as it knows: its lease has not run out."""
        return bool(self._epoch) and self._lost is None and time.monotonic() - self._renewed < self._lease

    @property
    def leader(self) -> str:
        """Host and process of whoever leads, or led last."""
        line = self._look("SELECT leader FROM journal_header WHERE account = %s", (self._account,))
        return str(line[0][0]) if line else ""

    def lead(self, wait: float = 0.0) -> bool:
        """Takes the lead as soon as nobody else has it.

        A standby reads the rest of the rows after this and folds them before it decides: the leader before it can
        store nothing more.

        Args:
            wait: seconds to wait for the lease of another to run out.

        Returns:
            Whether this leads now.
        """
        until = time.monotonic() + wait
        while not self._take_the_lead():
            if time.monotonic() >= until:
                return False
            time.sleep(min(_PAUSE, self._lease / 10))
        return True

    def append(self, rows: Sequence[JournalRow]) -> tuple[Stored, ...]:
        """Stores rows, all of them or none; see `Journal.append`."""
        with self._writing:
            while rows:
                self._require_the_lead()
                stored = in_place(rows, self._account, self._last, self._digest, self._epoch)
                if self._stored(stored):
                    self._last, self._digest = stored[-1].seq, stored[-1].digest
                    return stored
        return ()

    def find(self, account: str, symbol: str, bar: int, kind: str) -> Stored | None:
        """Returns the row of this key, or None; see `Journal.find`."""
        lines = self._look(
            f"SELECT {_COLUMNS} FROM journal_rows WHERE account = %s AND symbol = %s AND bar = %s AND kind = %s",
            (account, symbol, bar, kind),
        )
        if not lines:
            return None
        row = _stored(lines[0])
        return one_of(row, self._digest_of(row.seq - 1), "journal")

    def read(self, after: int = 0) -> Iterator[Stored]:
        """Yields the rows behind number ``after``, each checked against the chain; see `Journal.read`."""
        digest = self._digest_of(after)
        if digest is None:
            raise JournalError("after", "must be a row of the journal", after)
        query = f"SELECT {_COLUMNS} FROM journal_rows WHERE account = %s AND seq > %s ORDER BY seq LIMIT {_CHUNK}"
        while chunk := [_stored(line) for line in self._look(query, (self._account, after))]:
            yield from followed(chunk, after, digest, "journal")
            after, digest = chunk[-1].seq, chunk[-1].digest

    def keep(self, seq: int, snapshot: bytes) -> None:
        """Keeps the state after row ``seq``; see `Journal.keep`."""
        digest = self._digest_of(seq)
        if digest is None:
            raise JournalError("snapshot", "must be of a row of the journal", seq)
        with self._writing:
            self._require_the_lead()
            values = {"seq": seq, "digest": digest, "checksum": sha256(snapshot).digest(), "body": snapshot}
            while not self._execute(KEEP, values):
                self._lead_anew(seq)

    def snapshot(self) -> tuple[int, bytes] | None:
        """Returns the newest whole snapshot with the number of its row, or None."""
        query = "SELECT seq, digest, checksum, body FROM journal_snapshots WHERE account = %s ORDER BY seq DESC"
        return newest_whole(self._look(query, (self._account,)), self._digest_of)

    def tend(self) -> None:
        """Does nothing: the server tends itself, and a thread renews the lease."""

    def close(self) -> None:
        """Gives up the lead, so that a standby need not wait for the lease to run out."""
        self._closing.set()
        if self._beating is not None:
            self._beating.join()
        with self._writing, self._looking:
            with suppress(_driver().Error):
                if self._epoch and self._lost is None:
                    self._writer.execute(LEAVE, self._named())
            self._epoch = 0
            self._writer.close()
            self._reader.close()

    def _stored(self, stored: Sequence[Stored]) -> bool:
        """Whether rows are stored; where they are not, this leads anew and they may be tried again."""
        rows = [each.row for each in stored]
        columns = {
            "seq": [each.seq for each in stored],
            "symbol": [row.symbol for row in rows],
            "bar": [row.bar for row in rows],
            "kind": [row.kind for row in rows],
            "at": [row.at for row in rows],
            "digest": [each.digest for each in stored],
            "request": [row.request for row in rows],
            "decision": [row.decision for row in rows],
        }
        return self._execute(APPEND, columns) or self._lead_anew(stored[-1].seq) == stored[-1].digest

    def _named(self, **values: object) -> dict[str, object]:
        """The values of a statement: which journal it is about, by whom, and others."""
        fixed = {"account": self._account, "epoch": self._epoch, "leader": self._name, "lease": self._lease}
        return {**fixed, **values}

    def _execute(self, statement: str, values: dict[str, object]) -> bool:
        """Runs one statement, which is one transaction; whether it is surely stored: the connection may have broken.

        Raises:
            NotWritten: it is surely not stored.
            NotLeader: another leads.
        """
        driver, sent = _driver(), time.monotonic()
        try:
            count = self._writer.execute(statement, self._named(**values)).rowcount
        except driver.Error as error:
            if self._writer.broken or self._writer.closed:
                return False
            raise self._failure(failure_of(error)) from None
        if not count:
            raise self._failure(overtaken())
        self._renewed = sent  # the database counts from later on
        return True

    def _lead_anew(self, seq: int) -> bytes | None:
        """Connects again and leads under the next epoch, so that what was on its way is refused when it comes.

        Returns:
            The digest of row ``seq``, if it is stored.

        Raises:
            NotLeader: another has taken the lead meanwhile.
            JournalLost: the database did not come back in time.
        """
        driver, until = _driver(), time.monotonic() + self._patience
        while True:
            sent = time.monotonic()
            try:
                self._writer = self._connected()
                line = self._writer.execute(AGAIN, self._named()).fetchone()
                if line is None:
                    raise self._failure(overtaken())
                self._epoch, self._renewed = int(line[0]), sent
                digest = self._writer.execute(_DIGEST, (self._account, seq)).fetchone()
            except driver.Error as error:
                if time.monotonic() >= until:
                    rule = f"cannot say what is stored: the database went away during a commit ({_words(error)})"
                    raise self._failure(JournalLost("journal", rule)) from None
                time.sleep(_PAUSE)
                continue
            return bytes(digest[0]) if digest else None

    def _take_the_lead(self) -> bool:
        driver = _driver()
        with self._writing:
            if self._lost is not None:
                raise self._lost
            try:
                if self._writer.broken or self._writer.closed:
                    self._writer = self._connected()
                sent = time.monotonic()
                line = self._writer.execute(LEAD, self._named()).fetchone()
                if line is None:
                    return False
                self._epoch, self._renewed = int(line[0]), sent
                end = self._writer.execute(
                    "SELECT seq, digest FROM journal_rows WHERE account = %s ORDER BY seq DESC LIMIT 1",
                    (self._account,),
                ).fetchone()
            except driver.Error as error:
                if self._writer.broken:
                    return False
                raise JournalError("journal", f"cannot be led ({_words(error)})") from None
            self._last, self._digest = (int(end[0]), bytes(end[1])) if end else (0, self._genesis)
        if self._beating is None:
            self._beating = Thread(target=self._beat, name="lease", daemon=True)
            self._beating.start()
        return True

    def _beat(self) -> None:
        """Renews the lease while nothing is stored."""
        while not self._closing.wait(self._lease / 4):
            with self._writing:
                if self._lost is not None:
                    return
                if time.monotonic() - self._renewed < self._lease / 4:
                    continue
                # a connection that is broken is seen to by whoever stores next
                with suppress(_driver().Error):
                    sent = time.monotonic()
                    if self._writer.execute(RENEW, self._named()).fetchone() is None:
                        self._lost = overtaken()
                        return
                    self._renewed = sent

    def _require_the_lead(self) -> None:
        if self._lost is not None:
            raise self._lost
        if self._closing.is_set():
            raise NotWritten("journal", "must be open, and is closed")
        if not self._epoch:
            raise NotLeader("journal", "must be led by whoever stores, and this one follows")

    def _failure(self, failure: JournalError) -> JournalError:
        """What an error means; after a loss there is no way back."""
        if isinstance(failure, JournalLost):
            self._lost = failure
        return failure

    def _digest_of(self, seq: int) -> bytes | None:
        if not seq:
            return self._genesis
        lines = self._look(_DIGEST, (self._account, seq))
        return bytes(lines[0][0]) if lines else None

    def _look(self, query: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        """Reads, connecting again where the connection has broken."""
        driver, until = _driver(), time.monotonic() + self._patience
        with self._looking:
            while True:
                try:
                    if self._reader.broken and not self._closing.is_set():
                        self._reader = self._connected()
                    return self._reader.execute(query, values, binary=True).fetchall()
                except driver.Error as error:
                    if self._closing.is_set() or not self._reader.broken or time.monotonic() >= until:
                        raise JournalError("journal", f"cannot be read ({_words(error)})") from None
                    time.sleep(_PAUSE)

    def _connected(self) -> psycopg.Connection[tuple[Any, ...]]:
        seconds = max(2, round(self._patience))
        connection: psycopg.Connection[tuple[Any, ...]] = _driver().connect(
            self._dsn, autocommit=True, connect_timeout=seconds, tcp_user_timeout=seconds * 1000
        )
        for setting in (f"statement_timeout = {seconds * 1000}", f"lock_timeout = {seconds * 1000}"):
            connection.execute(f"SET {setting}")
        if connection.execute("SHOW synchronous_commit").fetchone() in (("off",), ("local",)):
            connection.execute("SET synchronous_commit = on")
        return connection


def _driver() -> Any:
    try:
        import psycopg
    except ImportError:
        rule = "needs psycopg for PostgreSQL: pip install 'regimen[postgres]'"
        raise JournalError("journal", rule) from None
    return psycopg


def _words(error: Exception) -> str:
    return one_line(str(error), 300)


def _stored(line: Sequence[Any]) -> Stored:
    seq, account, symbol, bar, kind, request, decision, at, epoch, digest = line
    return Stored(seq, JournalRow(account, symbol, bar, kind, request, decision, at), epoch, digest)
