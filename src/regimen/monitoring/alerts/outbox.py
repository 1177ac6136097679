"""The outbox: alerts on disk, a row for each alert and channel, until the channel has taken them."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from regimen.errors import RunError, one_line, without_credentials
from regimen.monitoring.alerts.alert import Alert
from regimen.monitoring.alerts.config import AlertsConfig, Level

_VERSION = 1
_SECOND = 1_000_000_000
_DAY = 86_400 * _SECOND
_TABLES = """
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY, channel TEXT NOT NULL, key TEXT NOT NULL, level TEXT NOT NULL, title TEXT NOT NULL,
    body TEXT NOT NULL, at INTEGER NOT NULL, due INTEGER NOT NULL, again INTEGER NOT NULL DEFAULT 0,
    latest TEXT NOT NULL DEFAULT '', latest_at INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    delivered INTEGER, error TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS waiting ON outbox (channel, delivered, key, level);
CREATE TABLE IF NOT EXISTS channels (
    name TEXT PRIMARY KEY, failures INTEGER NOT NULL DEFAULT 0, closed_until INTEGER NOT NULL DEFAULT 0);
"""
_COLUMNS = "id, channel, key, level, title, body, at, again, latest, latest_at, attempts, delivered, error"


class Delivery(NamedTuple):
    """A row of the outbox: one alert on its way to one channel."""

    id: int
    channel: str
    key: str
    level: Level
    title: str
    body: str
    at: int
    """Of the first of them, nanoseconds since 1970."""
    again: int
    """How many more of the same have been counted in it."""
    latest: str
    """What the last of these said."""
    latest_at: int
    attempts: int
    delivered: int | None
    """When the channel took it; None while it waits."""
    error: str
    """Of the last attempt."""

    @property
    def text(self) -> str:
        """What is sent: the alert, and a digest of the same ones that were counted in it."""
        if not self.again:
            return f"{self.body}\n{_clock(self.at)}"
        return f"{self.body}\n{_clock(self.at)}; {self.again} more until {_clock(self.latest_at)}: {self.latest}"


class Outbox:
    """Alerts that no crash, no dead channel and no flood loses or repeats without end.

    An alert becomes one row for each channel, on disk before `put` returns, and stays until that channel has taken it:
    it arrives at least once, twice where the process dies between the two. Channels know nothing of each other. One
    that fails is left alone for a while that doubles with each failure; its rows wait, and never expire.

    What was delivered is deleted ``kept_days`` later, when the next alert comes.

    The same alert (key and level) within the cooldown after its *delivery* is not sent at once: the first of them
    waits until the cooldown is over, and those after it are counted in it. Nothing that failed starts a cooldown.

    No method looks at a clock: times are nanoseconds since 1970, and come in as arguments.

    Args:
        path: the SQLite file; it is made where it does not exist.
        config: channels, cooldown and retries.

    Raises:
        RunError: the file cannot be written, or is that of a newer version.
    """

    def __init__(self, path: Path, config: AlertsConfig) -> None:
        self.config = config
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=10.0, isolation_level=None, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
            if version > _VERSION:
                raise RunError("outbox", f"is of version {version}; this program knows {_VERSION}", str(path))
            self._connection.executescript(f"{_TABLES} PRAGMA user_version = {_VERSION};")
        except (OSError, sqlite3.Error) as error:
            raise RunError("outbox", f"must be a writable SQLite file ({error})", str(path)) from None

    def put(self, alerts: Sequence[Alert], now: int) -> None:
        """Takes alerts, all of them or none; they are on disk when it returns.

        Raises:
            RunError: the disk takes nothing.
        """
        self._change(partial(self._put_all, alerts=alerts, now=now))

    def deliver(self, channel: str, send: Callable[[Delivery], bool], now: int, clock: Callable[[], int]) -> int:
        """Sends what is due on one channel, those tried least often first, and returns how many it took.

        It stops at the first failure, which closes the channel for a while. Other channels may be served meanwhile.

        Args:
            channel: its name.
            send: gives a row to the channel; whether it was taken. An exception is a failure too.
            now: until when rows are due.
            clock: gives the time when one was taken, from which on it cools down.
        """
        taken = 0
        for row in self._due(channel, now):
            try:
                error = "" if send(row) else "was not taken"
            except Exception as problem:  # noqa: BLE001  whatever a channel does, the others go on
                error = one_line(without_credentials(f"{type(problem).__name__}: {problem}"), 200)
            if error:
                self._change(partial(self._failed, row=row, error=error, now=clock()))
                return taken
            self._change(partial(self._taken, row=row, now=clock()))
            taken += 1
        return taken

    def waiting(self, channel: str | None = None) -> list[Delivery]:
        """Returns the rows that no channel has taken yet, the oldest first."""
        return self._rows("delivered IS NULL AND (? IS NULL OR channel = ?) ORDER BY id", (channel, channel))

    def unsent(self) -> dict[str, int]:
        """Returns by channel how many rows it has not taken yet."""
        counts = dict.fromkeys(self.config.channels, 0)
        with self._lock:
            return counts | dict(
                self._connection.execute(
                    "SELECT channel, count(*) FROM outbox WHERE delivered IS NULL GROUP BY channel"
                )
            )

    def latest(self, count: int) -> list[Delivery]:
        """Returns the newest rows, the newest first."""
        return self._rows("1 ORDER BY id DESC LIMIT ?", (count,))

    def next_due(self, channel: str) -> int | None:
        """Returns when the channel may be tried next; None where nothing waits for it."""
        with self._lock:
            (due,) = self._connection.execute(
                "SELECT min(due) FROM outbox WHERE channel = ? AND delivered IS NULL", (channel,)
            ).fetchone()
            return None if due is None else max(due, self._closed_until(channel))

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()

    def _put_all(self, run: sqlite3.Connection, alerts: Sequence[Alert], now: int) -> None:
        kept = max(self.config.kept_days * _DAY, self.config.cooldown * _SECOND)
        run.execute("DELETE FROM outbox WHERE delivered < ?", (now - int(kept),))
        for alert in alerts:
            for channel in self.config.channels:
                self._put(run, alert, channel, now)

    def _put(self, run: sqlite3.Connection, alert: Alert, channel: str, now: int) -> None:
        same = (channel, alert.key, alert.level)
        waiting = run.execute(
            "SELECT id FROM outbox WHERE channel = ? AND key = ? AND level = ? AND delivered IS NULL", same
        ).fetchone()
        if waiting is not None:
            run.execute(
                "UPDATE outbox SET again = again + 1, latest = ?, latest_at = ? WHERE id = ?",
                (alert.title, alert.at, waiting[0]),
            )
            return
        (before,) = run.execute(
            "SELECT max(delivered) FROM outbox WHERE channel = ? AND key = ? AND level = ?", same
        ).fetchone()
        due = now if before is None else max(now, before + int(self.config.cooldown * _SECOND))
        run.execute(
            "INSERT INTO outbox (channel, key, level, title, body, at, due, latest_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*same, alert.title, alert.body, alert.at, due, alert.at),
        )

    def _due(self, channel: str, now: int) -> list[Delivery]:
        with self._lock:
            if now < self._closed_until(channel):
                return []
        return self._rows("channel = ? AND delivered IS NULL AND due <= ? ORDER BY attempts, id", (channel, now))

    def _taken(self, run: sqlite3.Connection, row: Delivery, now: int) -> None:
        again, latest, at = run.execute(
            "SELECT again, latest, latest_at FROM outbox WHERE id = ?", (row.id,)
        ).fetchone()
        run.execute(
            "UPDATE outbox SET delivered = ?, attempts = attempts + 1, error = '', again = ? WHERE id = ?",
            (now, row.again, row.id),
        )
        run.execute("INSERT OR REPLACE INTO channels (name) VALUES (?)", (row.channel,))
        if again > row.again:  # counted in it while it was on its way, and not sent with it
            alert = Alert(row.key, row.level, latest, latest, at)
            self._put(run, alert, row.channel, now)
            run.execute(
                "UPDATE outbox SET again = ?, latest = ? WHERE id = last_insert_rowid()",
                (again - row.again - 1, latest),
            )

    def _failed(self, run: sqlite3.Connection, row: Delivery, error: str, now: int) -> None:
        known = run.execute("SELECT failures FROM channels WHERE name = ?", (row.channel,)).fetchone()
        failures = known[0] if known else 0
        pause = min(self.config.first_retry * 2.0 ** min(failures, 60), self.config.longest_retry)
        run.execute("UPDATE outbox SET attempts = attempts + 1, error = ? WHERE id = ?", (error, row.id))
        run.execute(
            "INSERT OR REPLACE INTO channels VALUES (?, ?, ?)", (row.channel, failures + 1, now + int(pause * _SECOND))
        )

    def _closed_until(self, channel: str) -> int:
        row = self._connection.execute("SELECT closed_until FROM channels WHERE name = ?", (channel,)).fetchone()
        return int(row[0]) if row else 0

    def _rows(self, where: str, values: Sequence[object]) -> list[Delivery]:
        with self._lock, closing(self._connection.cursor()) as cursor:
            return [Delivery(*row) for row in cursor.execute(f"SELECT {_COLUMNS} FROM outbox WHERE {where}", values)]

    def _change(self, work: Callable[[sqlite3.Connection], object]) -> None:
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                work(self._connection)
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise RunError("outbox", f"could not be written ({error})") from None


def _clock(at: int) -> str:
    return datetime.fromtimestamp(at / _SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
