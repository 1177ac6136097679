"""What a durable row costs, beside the plainest durable append to a file, by turns in the same run.

Raw is 300 bytes appended to a file and `fdatasync`; a commit is one row of the journal, synced. The share of slow ones
is that above 2 ms. What is read again is checked against the chain, as in a recovery.

Run: python benchmarks/journal.py [FOLDER ON THE DISK TO MEASURE] [--postgres DSN] [--rounds 2000]
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from regimen.journal import GroupCommit, Journal, JournalRow, PostgresJournal, SqliteJournal

ACCOUNT = f"bench {time.time_ns()}"
SIZE, TOGETHER, SLOW = 150, 64, 2e-3


def row(number: int) -> JournalRow:
    """300 bytes that no other row has."""
    return JournalRow(ACCOUNT, f"S{number % 8}", number, "bar", os.urandom(SIZE), os.urandom(SIZE), number)


def seconds(call: Callable[[], object]) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def shown(name: str, times: list[float]) -> None:
    """Median, 99 % and the share of slow ones."""
    ordered, slow = sorted(times), sum(each > SLOW for each in times) / len(times)
    high = ordered[int(0.99 * len(ordered))]
    print(f"{name:30s} p50 {median(times) * 1e6:7.0f} us   p99 {high * 1e6:7.0f} us   above 2 ms {slow:7.2%}")


def singles(journal: Journal, folder: Path, rounds: int, name: str) -> None:
    """One row a commit, and a raw append, by turns."""
    handle = os.open(folder / "raw", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    raw, sync, commits = [], [], []
    for number in range(rounds):
        content, one = os.urandom(2 * SIZE), row(number)
        began = time.perf_counter()
        os.write(handle, content)
        sync.append(seconds(lambda: os.fdatasync(handle)))
        raw.append(time.perf_counter() - began)
        commits.append(seconds(lambda one=one: journal.append([one])))
        journal.tend()
    os.close(handle)
    shown("fdatasync", sync)
    shown("raw append", raw)
    shown(f"{name}, one row a commit", commits)
    slow = [sum(each > SLOW for each in times) / rounds for times in (raw, commits)]
    factor = f"{slow[1] / slow[0]:.1f} times those of raw" if slow[0] else f"{slow[1]:.2%}, of raw none"
    print(f"{'':30s} {median(commits) / median(sync):.2f} fdatasyncs at the median; above 2 ms: {factor}")


def groups(journal: Journal, rounds: int, name: str) -> None:
    """64 rows a commit, and 64 that wait for one thread."""
    first = 10**9
    batches = [[row(first + TOGETHER * batch + each) for each in range(TOGETHER)] for batch in range(rounds)]
    commits = []
    for batch in batches:
        began = time.perf_counter()
        journal.append(batch)
        journal.tend()
        commits.append(time.perf_counter() - began)
    rate, fast = TOGETHER * rounds / sum(commits), TOGETHER / median(commits)
    print(f"{name}, {TOGETHER} rows a commit".ljust(30), f"{rate:7,.0f} rows/s, {fast:,.0f} at the median commit")
    group = GroupCommit(journal, most=TOGETHER)
    rows = [row(2 * first + number) for number in range(TOGETHER * rounds)]
    took = seconds(lambda: [future.result() for future in [group.submit(each) for each in rows]])
    group.close()
    print(f"{name}, through GroupCommit".ljust(30), f"{len(rows) / took:7,.0f} rows/s")


def recovery(journal: Journal, name: str) -> None:
    """Every row again."""
    took = seconds(lambda: sum(1 for _ in journal.read()))
    print(
        f"{name}, read again".ljust(30),
        f"{journal.last / took:7,.0f} rows/s   {took / journal.last * 1e6:.1f} us a row",
    )


def main() -> None:
    """All of it, on one disk."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", default=".", help="a folder on the disk to measure")
    parser.add_argument("--postgres", metavar="DSN", help="a database to measure as well")
    parser.add_argument("--rounds", type=int, default=2000)
    given = parser.parse_args()
    with TemporaryDirectory(dir=given.folder, prefix=".bench-") as place:
        folder = Path(place)
        journals: list[tuple[str, Journal]] = [("SQLite", SqliteJournal(folder / "journal.sqlite", ACCOUNT))]
        if given.postgres:
            journals.append(("PostgreSQL", PostgresJournal(given.postgres, ACCOUNT)))
        for name, journal in journals:
            singles(journal, folder, given.rounds, name)
            groups(journal, max(1, given.rounds // 8), name)
            recovery(journal, name)
            journal.close()


if __name__ == "__main__":
    main()
