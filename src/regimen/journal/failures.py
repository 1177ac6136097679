"""What can go wrong with a journal, by what its user has to do then."""

from __future__ import annotations

from regimen.errors import RegimenError


class JournalError(RegimenError):
    """A journal that cannot be opened or read, or is used against its rules."""


class NotWritten(JournalError):
    """Nothing of these rows was stored, and the journal is as it was: answer "not now", go back to the state before.

    The cause may pass: a full disk, a file that may not be written, a database that is slow or away.
    """


class AlreadyStored(NotWritten):
    """A row of this account, symbol, bar and kind is there; nothing was stored. `Journal.find` gives it."""


class JournalLost(JournalError):
    """Nobody can say whether these rows are stored: the process must end, and the next one reads what is there.

    So after a failed fsync: the system may have dropped the pages, and another fsync would succeed all the same.
    """


class NotLeader(JournalLost):
    """Another process has taken the journal over; nothing of these rows was stored, and nothing more will be."""


class Damaged(JournalError):
    """A row, a snapshot or the file is not what was written."""
