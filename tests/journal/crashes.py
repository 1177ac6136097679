"""Run as a script: lives of one process after another on one journal, each killed at a named point.

``python crashes.py '{"folder": ..., "kills": 60, "seed": 0}'`` prints a JSON object: kills by point, rows, rows that
were answered. It ends with 1, and a line that says so, when an answered row is gone, is there twice, or is another one,
or when an engine that folds what is left decides otherwise.

Other keys: ``durable`` (the folder of `disk.c`, preloaded: after each kill the disk keeps what was synced and any part
of the rest), ``early`` (a service that answers before it commits), ``pragma`` (a database that syncs less), ``serve``
(one life in this very process, which answers on standard output until somebody kills it).
"""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import sqlite3
import sys
from collections import Counter
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NoReturn

from tests.journal.folding import SYMBOLS, Engine, recovered
from tests.journal.rows import ACCOUNT, HOUR

from regimen.journal import GroupCommit, JournalRow, SqliteJournal, Stored, verify

STATEMENTS = {
    "INSERT INTO header": "the making of the tables",
    "UPDATE header": "the opening",
    "PRAGMA wal_checkpoint(TRUNCATE)": "the log that was left",
    "PRAGMA wal_checkpoint(PASSIVE)": "the log brought home",
    "INSERT INTO rows": "the rows",
    "INSERT OR REPLACE INTO snapshots": "a snapshot",
    "DELETE FROM snapshots": "the snapshots before",
}
POINTS = [
    *(f"{when} {what}" for what in STATEMENTS.values() if "making" not in what for when in ("before", "after")),
    "before the commit of the rows",
    "after the commit of the rows",
    "before the commit of a snapshot",
    "after the commit of a snapshot",
    "before an answer",
    "after an answer",
    "in recovery",
]
FIRST = [
    "before the making of the tables",
    "after the making of the tables",
    "before the commit of the making of the tables",
    "after the commit of the making of the tables",
]
"""Points of the first life alone."""
ONCE = ("opening", "was left", "brought home", "in recovery")
"""Words of points that a life may pass no second time."""
EVENTS = 80
"""Of a life at most; a kill that has not come by then never will."""


class Fuse:
    """Kills its process when it passes a point for the nth time."""

    def __init__(self, point: str, count: int) -> None:
        self.point, self.left = point, count

    def passes(self, point: str) -> None:
        if point == self.point:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def connections(fuse: Fuse) -> type[sqlite3.Connection]:
    """The class of connections that pass the points of a fuse."""

    class Connection(sqlite3.Connection):
        transaction = ""

        def _point(self, sql: str) -> str:
            if sql == "COMMIT":
                return f"the commit of {self.transaction}"
            point = next((name for text, name in STATEMENTS.items() if sql.startswith(text)), "")
            if point and "before" not in point:
                self.transaction = point
            return point

        def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
            point = self._point(sql)
            fuse.passes(f"before {point}")
            cursor = super().execute(sql, *parameters)
            fuse.passes(f"after {point}")
            return cursor

        def executemany(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
            point = self._point(sql)
            fuse.passes(f"before {point}")
            cursor = super().executemany(sql, *parameters)
            fuse.passes(f"after {point}")
            return cursor

    return Connection


class Recovering(SqliteJournal):
    """Passes a point with every row that is read."""

    fuse: Fuse

    def read(self, after: int = 0) -> Any:
        for stored in super().read(after):
            self.fuse.passes("in recovery")
            yield stored


def live(path: Path, fuse: Fuse, answers: int, order: dict[str, Any], generator: random.Random) -> NoReturn:
    """One life: recover, answer what comes, keep snapshots, and go on until the fuse has burned."""
    connect, kind = sqlite3.connect, connections(fuse)
    sqlite3.connect = lambda *words, **names: connect(*words, factory=kind, **names)  # type: ignore[assignment]
    Recovering.fuse = fuse
    journal = Recovering(path, ACCOUNT)
    if "pragma" in order:
        journal._writer.execute(f"PRAGMA {order['pragma']}")
    engine = recovered(journal)
    for symbol, bar in engine.next.items():  # the client was not answered, and asks again
        if bar:
            stored = journal.find(ACCOUNT, symbol, (bar - 1) * HOUR, "bar")
            assert stored is not None, f"{symbol} {bar - 1} is folded and not stored"
            say(answers, stored)
    group = GroupCommit(journal)

    def answer(future: Future[Stored]) -> None:
        fuse.passes("before an answer")
        say(answers, future.result())
        fuse.passes("after an answer")

    for event in range(order.get("events", EVENTS)):
        waiting = []
        for symbol in generator.sample(SYMBOLS, generator.randint(1, len(SYMBOLS))):
            row = engine.row(symbol)
            if "early" in order:
                say(answers, Stored(0, row, 0, b""))
            future = group.submit(row)
            future.add_done_callback(answer)
            waiting.append(future)
        if generator.random() < 0.7 or event % 4 == 0:
            seq = max(future.result(10).seq for future in waiting)
            if event % 4 == 0:
                journal.keep(seq, engine.snapshot())
    group.close()
    os._exit(3)


def say(answers: int, stored: Stored) -> None:
    """What a client hears: it survives the death of whoever answered."""
    row = stored.row
    os.write(answers, json.dumps([row.symbol, row.bar, row.decision.decode()]).encode() + b"\n")


def listen(answers: int) -> dict[tuple[str, int], str]:
    """All answers of a life."""
    content = b"".join(iter(lambda: os.read(answers, 1 << 16), b""))
    os.close(answers)
    return understood(content)


def understood(content: bytes) -> dict[tuple[str, int], str]:
    """What clients heard, by symbol and bar."""
    answers: dict[tuple[str, int], str] = {}
    for symbol, bar, decision in map(json.loads, content.splitlines()):
        assert answers.setdefault((symbol, bar), decision) == decision, f"{symbol} {bar} was answered in two ways"
    return answers


def one_life(path: Path, fuse: Fuse, order: dict[str, Any], seed: str) -> tuple[int, dict[tuple[str, int], str]]:
    """Forks a life; returns how it ended and what it answered."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            live(path, fuse, writing, order, random.Random(seed))
        except BaseException as error:  # noqa: BLE001
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
            sys.stderr.flush()
            os._exit(1)
    os.close(writing)
    answers = listen(reading)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), answers


def crash_the_disk(path: Path, durable: Path, generator: random.Random) -> None:
    """Leaves of every file what was synced, and of what was written since any part, in sectors, or nothing."""
    listed = durable / ".names"
    names = set(listed.read_text().split("\n")) if listed.exists() else set()
    share = generator.choice((0.0, 0.0, 0.5, 0.9, 1.0))
    for name in [path.name, f"{path.name}-wal", f"{path.name}-journal", f"{path.name}-shm"]:
        file, copy = path.with_name(name), durable / name
        kept = copy.read_bytes() if copy.exists() else b""
        now = file.read_bytes() if file.exists() else kept
        if name not in names or name.endswith("-shm"):
            file.unlink(missing_ok=True)
            copy.unlink(missing_ok=True)
            continue
        size = generator.choice((len(kept), len(now)))
        sectors = []
        for at in range(0, size, 512):
            source = now if generator.random() < share else kept
            sectors.append(source[at : at + 512].ljust(min(512, size - at), b"\0"))
        for each in (file, copy):
            each.write_bytes(b"".join(sectors))
    listed.write_text("\n".join(each.name for each in path.parent.iterdir()))


def rows_of(path: Path) -> list[JournalRow]:
    """What is stored, by another way than the journal's own."""
    connection = sqlite3.connect(path)
    query = "SELECT account, symbol, bar, kind, request, decision, at FROM rows ORDER BY seq"
    rows = [JournalRow(*values) for values in connection.execute(query)]
    connection.close()
    return rows


def require_newest(path: Path, answered: dict[tuple[str, int], str]) -> None:
    """The last answered bar of each symbol is stored; those before it are, where the chain is whole."""
    connection = sqlite3.connect(path)
    stored = dict(connection.execute("SELECT symbol, max(bar) FROM rows GROUP BY symbol"))
    connection.close()
    for symbol, bar in answered:
        assert bar <= stored.get(symbol, -1), f"{symbol} {bar} was answered and is not stored"


def check(path: Path, answered: dict[tuple[str, int], str]) -> int:
    """Compares what is stored with what was answered; returns the number of rows."""
    verified = verify(path)
    assert verified.broken is None, verified.broken
    engine, stored = Engine(), {}
    for seq, row in enumerate(rows_of(path), 1):
        engine.fold(Stored(seq, row, 0, b""))
        assert (row.symbol, row.bar) not in stored, f"{row.symbol} {row.bar} is stored twice"
        stored[row.symbol, row.bar] = row.decision.decode()
    assert len(stored) == verified.rows
    for key, decision in answered.items():
        assert key in stored, f"{key} was answered and is not stored"
        assert stored[key] == decision, f"{key} was answered otherwise than it is stored"
    return len(stored)


def main(order: dict[str, Any]) -> dict[str, Any]:
    """All lives; see the top."""
    path = Path(order["folder"]) / "journal.sqlite"
    durable = Path(order["durable"]) if "durable" in order else None
    generator = random.Random(order["seed"])
    answered: dict[tuple[str, int], str] = {}
    kills: Counter[str] = Counter()
    for life, point in enumerate(itertools.chain(FIRST, itertools.cycle(POINTS))):
        if kills.total() == order["kills"]:
            break
        fuse = Fuse(point, 1 if point in FIRST or any(word in point for word in ONCE) else generator.randint(1, 6))
        code, answers = one_life(path, fuse, order, f"{order['seed']} {life}")
        assert code in (-signal.SIGKILL, 3), f"life {life}, killed {point}: it ended by itself with {code}"
        for key, decision in answers.items():
            assert answered.setdefault(key, decision) == decision, f"{key} was answered in two ways"
        kills[point] += code != 3
        if durable is not None and code != 3:
            crash_the_disk(path, durable, generator)
        if answered:  # before the next life, which would decide again what was lost
            require_newest(path, answered)
        if answered and life % 25 == 24:
            check(path, answered)
    rows = check(path, answered)
    return {"kills": kills.total(), "points": dict(kills), "rows": rows, "answered": len(answered)}


if __name__ == "__main__":
    order = json.loads(sys.argv[1])
    if "serve" in order:
        live(Path(order["serve"]), Fuse("", 0), sys.stdout.fileno(), order, random.Random(order["seed"]))
    try:
        print(json.dumps(main(order)))
    except AssertionError as error:
        sys.exit(f"broken: {error}")
