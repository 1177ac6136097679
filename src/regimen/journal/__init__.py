"""The record of all that happened, which knows nothing of trading: rows of bytes in order, chained and durable.

A row holds the bytes of a request and of the decision that answered it. It is committed before the answer goes out, so
whatever was answered can be read again after any crash, and whoever folds the rows has the state that there was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.journal.failures import AlreadyStored, Damaged, JournalError, JournalLost, NotLeader, NotWritten
    from regimen.journal.group import GroupCommit
    from regimen.journal.journal import Journal
    from regimen.journal.postgres import PostgresJournal
    from regimen.journal.receipt import Receipt
    from regimen.journal.row import JournalRow, Stored
    from regimen.journal.sqlite import SqliteJournal
    from regimen.journal.verified import Verified, rows_of, verify

__all__ = [
    "AlreadyStored",
    "Damaged",
    "GroupCommit",
    "Journal",
    "JournalError",
    "JournalLost",
    "JournalRow",
    "NotLeader",
    "NotWritten",
    "PostgresJournal",
    "Receipt",
    "SqliteJournal",
    "Stored",
    "Verified",
    "rows_of",
    "verify",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "AlreadyStored": ".failures",
        "Damaged": ".failures",
        "GroupCommit": ".group",
        "Journal": ".journal",
        "JournalError": ".failures",
        "JournalLost": ".failures",
        "NotLeader": ".failures",
        "NotWritten": ".failures",
        "JournalRow": ".row",
        "PostgresJournal": ".postgres",
        "Receipt": ".receipt",
        "SqliteJournal": ".sqlite",
        "Stored": ".row",
        "Verified": ".verified",
        "rows_of": ".verified",
        "verify": ".verified",
    },
)
