"""`Desk`: one live account, from bytes that come in to an answer that is durable before it goes out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, final

import msgspec

from regimen.errors import RegimenError, RunError
from regimen.journal import GroupCommit, Journal, JournalError, JournalLost, JournalRow, NotWritten, Receipt, Stored
from regimen.live.answer import Answer, Effects, decoded, encoded
from regimen.live.engine import Engine
from regimen.live.events import Event, Word
from regimen.live.setup import Setup
from regimen.live.state import LiveState, utc
from regimen.live.wire import bar_event, operator_event, operator_message
from regimen.reprs import short
from regimen.safeguards import Standing

OPEN, BAR, WATCH, OPERATOR = "open", "bar", "watch", "operator"
"""Kinds of rows: what the account was opened with, bars, bars that only warm up, and an operator's words."""
SNAPSHOTS = 1000
"""Events from one snapshot to the next."""
_JOURNAL = "the journal"


class OldBar(RegimenError):
    """A bar that is not newer than the last one, and not one that was answered."""


class OtherBar(RegimenError):
    """A bar that was answered already, with other bytes."""


class Taken(NamedTuple):
    """What became of an event.

    Attributes:
        content: the answer as JSON; it may go out once ``stored`` is done.
        answer: the same; None where it was answered before.
        effects: what follows for the world outside; nothing where it was answered before.
        stored: done when the row is durable, with the error when it is not; None where it was answered before.
    """

    content: bytes
    answer: Answer | None
    effects: Effects
    stored: Receipt[Stored] | None


class _Flying(NamedTuple):
    key: tuple[int, str]
    request: bytes
    content: bytes
    state: LiveState
    stored: Receipt[Stored]


@final
class Desk:
    """The engine behind a journal. What it answered is in the journal, and a process that takes over answers the same.

    Events may be stepped while those before them are on their way to the disk; when a commit fails, all of them are
    taken back, and the account is halted until an operator resumes it. Not for more than one thread.

    Args:
        setup: of the account.
        journal: of this account; nobody else writes it.
        snapshots: events from one snapshot to the next.
        lost: called on another thread when nobody can say what was stored: the process must end.

    Raises:
        RunError: the journal is of another bundle or other limits; a decision in it is not the one that this machine
            computes.
        JournalError: it is damaged.

    Attributes:
        keep: takes the number of a row and the snapshot of the state after it; it need not wait until that is written.
    """

    def __init__(
        self,
        setup: Setup,
        journal: Journal,
        *,
        snapshots: int = SNAPSHOTS,
        lost: Callable[[JournalLost], None] | None = None,
    ) -> None:
        self.setup, self.journal, self._snapshots = setup, journal, snapshots
        self.engine = Engine(setup)
        self.keep: Callable[[int, bytes], object] = journal.keep
        self._flying: deque[_Flying] = deque()
        self._stopped = False
        self._kept = 0
        self.state = self._recovered()
        self._durable = self.state
        self._commit = GroupCommit(journal, lost=lost)

    def __repr__(self) -> str:
        return short(self, f"{self.journal.account}, {self.state.seq} events, {self.mode}")

    @property
    def mode(self) -> str:
        """Whether the account is active, reducing or halted; ``halted`` too while the journal cannot be written."""
        return "halted" if self._stopped else self.engine.mode(self.state)

    @property
    def durable(self) -> LiveState:
        """The account after its last event that is durable, as of `settle`."""
        return self._durable

    @property
    def standing(self) -> Standing | None:
        """Where the account stands by its safeguards, as of its last durable event; None without them."""
        return self.engine.standing(self._durable)

    @property
    def flying(self) -> int:
        """Events that are not durable yet."""
        return len(self._flying)

    def bar(self, content: bytes, at: int, *, watched: bool = False, later: bool = False) -> Taken:
        """Takes a bar.

        Args:
            content: JSON of a bar.
            at: when it arrived, nanoseconds since 1970.
            watched: it only warms up.
            later: its row may wait for those behind it until `commit`.

        Raises:
            DataError: it is no bar of this account.
            OldBar: it does not follow the last one, and was not answered.
            OtherBar: that bar was answered, and it was another one.
            Damaged: that bar was answered, and its row is not what was written.
            NotWritten: the journal cannot be written; everything is as it was.
        """
        self.settle()
        event = bar_event(content, self.setup.symbols, self.setup.extras, at, watched)
        kind = WATCH if watched else BAR
        if event.time <= self.state.time:
            return self._again(event.time, kind, content)
        return self._take(event, event.time, kind, content, later)

    def keep_beside(self, seq: int, snapshot: bytes) -> None:
        """Keeps a snapshot on the thread that commits, for `keep`; see `regimen.journal.GroupCommit.keep`."""
        self._commit.keep(seq, snapshot)

    def commit(self) -> None:
        """Writes what was held back; see `regimen.journal.GroupCommit.commit`."""
        self._commit.commit()

    def word(self, word: Word, by: str, reason: str, at: int) -> Taken:
        """Takes what an operator says: halt, reduce or resume.

        Raises:
            DataError: the account has no safeguards.
            NotWritten: the journal cannot be written; everything is as it was.
        """
        self.settle()
        if self._stopped:
            self._halt(at)
        content = operator_message(word, by, reason)
        at = max(at, self.state.at + 1)  # each has a moment of its own
        return self._take(operator_event(content, at), at, OPERATOR, content)

    def retry(self, at: int) -> None:
        """Writes down that the journal stopped the account, where it did; until then nothing else is taken.

        Raises:
            NotWritten: the journal cannot be written yet.
            JournalLost: the process must end.
        """
        self.settle()
        if self._stopped:
            self._halt(at)

    def settle(self) -> None:
        """Takes note of what has become durable, and takes back what has not; keeps a snapshot when one is due.

        Raises:
            JournalLost: the process must end.
        """
        while self._flying and self._flying[0].stored.done():
            first = self._flying[0]
            error = first.stored.exception()
            if error is not None:
                self._take_back(error)
                return
            self._durable = self._flying.popleft().state
        if self._durable.seq - self._kept >= self._snapshots:
            self._kept = self._durable.seq
            with suppress(NotWritten):  # a snapshot only saves time
                self.keep(self._durable.seq + 1, self._durable.content())

    def close(self) -> None:
        """Waits until all is durable, keeps a snapshot, and closes the journal."""
        self._commit.close()
        try:
            self.settle()
            if self._durable.seq > self._kept:
                self.journal.keep(self._durable.seq + 1, self._durable.content())
        except NotWritten:
            pass  # a snapshot only saves time
        finally:
            self.journal.close()

    def _take(self, event: Event, bar: int, kind: str, content: bytes, later: bool = False) -> Taken:
        if self._stopped:
            self._halt(event.at)
        before = self.state
        stepped = self.engine.step(before, event)
        answered = encoded(stepped.answer)
        row = JournalRow(self.journal.account, "", bar, kind, content, answered, event.at)
        try:
            stored = self._commit.submit(row, later=later)
        except NotWritten as error:
            self._take_back(error)
            raise
        self.state = stepped.state
        self._flying.append(_Flying((bar, kind), content, answered, stepped.state, stored))
        return Taken(answered, stepped.answer, stepped.effects, stored)

    def _again(self, bar: int, kind: str, content: bytes) -> Taken:
        """Answers a bar that is not newer than the last one."""
        flying = next((each for each in self._flying if each.key == (bar, kind)), None)
        if flying is not None:
            request, answered, stored = flying.request, flying.content, flying.stored
        else:
            stored_row = self.journal.find(self.journal.account, "", bar, kind)
            if stored_row is None:
                raise OldBar("time", "must be after the last bar", utc(self.state.time))
            request, answered, stored = stored_row.row.request, stored_row.row.decision, None
        if request != content:
            raise OtherBar("bar", "was answered already, and it was another one", utc(bar))
        return Taken(answered, None, Effects(), stored)

    def _take_back(self, error: BaseException) -> None:
        """Goes back to the last durable state and stops."""
        self._flying.clear()
        self.state, self._stopped = self._durable, True
        if isinstance(error, JournalLost) or not isinstance(error, NotWritten):
            raise error

    def _halt(self, at: int) -> None:
        """Writes down that the journal stopped the account; raises as long as it cannot be written."""
        self._commit.resume()
        if self.setup.safeguards is None:
            self._stopped = False  # nothing halts such an account
            return
        content = operator_message("halt", _JOURNAL, "it could not be written")
        at = max(at, self.state.at + 1)
        stepped = self.engine.step(self.state, operator_event(content, at))
        row = JournalRow(self.journal.account, "", at, OPERATOR, content, encoded(stepped.answer), at)
        self._commit.submit(row).result()
        self.state = self._durable = stepped.state
        self._stopped = False

    def _recovered(self) -> LiveState:
        """Folds the journal, from its last snapshot on; opens it where it is new."""
        journal, state = self.journal, self.engine.initial()
        opening = JournalRow(journal.account, "", 0, OPEN, self.setup.terms(), b"", 0)
        first = next(iter(journal.read(0)), None)
        if first is None:
            journal.append([opening])
            return state
        if first.row.kind != OPEN or first.row.request != opening.request:
            raise RunError("journal", f"is of another account: {_difference(first.row.request, opening.request)}")
        snapshot, after = journal.snapshot(), 1
        if snapshot is not None:
            after, state = snapshot[0], LiveState.read(snapshot[1])
            self._kept = state.seq
        for stored in journal.read(after):
            state = self.fold(state, stored)
        return state

    def fold(self, state: LiveState, stored: Stored) -> LiveState:
        """Steps the event of a stored row again and compares the answer, byte for byte.

        Raises:
            RunError: this machine decides otherwise.
        """
        stepped = self.engine.step(state, event_of(stored.row, self.setup))
        if encoded(stepped.answer) != stored.row.decision:
            rule = f"{stored.name} was decided otherwise than this machine decides it"
            raise RunError("journal", rule, _first_difference(stored.row.decision, stepped.answer))
        return stepped.state


def event_of(row: JournalRow, setup: Setup) -> Event:
    """Returns the event of a journal's row; the first row, which opens the account, has none.

    Raises:
        JournalError: a kind of row that this version does not know.
    """
    if row.kind in (BAR, WATCH):
        return bar_event(row.request, setup.symbols, setup.extras, row.at, row.kind == WATCH)
    if row.kind == OPERATOR:
        return operator_event(row.request, row.at)
    raise JournalError("journal row", "must be of a kind that this version knows", row.kind)


def _difference(written: bytes, mine: bytes) -> str:
    try:
        old, new = msgspec.json.decode(written), msgspec.json.decode(mine)
        name = next(name for name in new if old.get(name) != new[name])
        return f"its {name} differs"
    except (msgspec.MsgspecError, StopIteration, AttributeError):
        return "its first row opens none"


def _first_difference(written: bytes, answer: Answer) -> str:
    try:
        old = decoded(written)
    except msgspec.MsgspecError:
        return "unreadable"
    name = next((name for name in Answer.__struct_fields__ if getattr(old, name) != getattr(answer, name)), "bytes")
    return name
