"""`SimulatedLife`: one account through weeks of bad luck, every choice of which comes from one seed."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from regimen.errors import DataError, RegimenError
from regimen.journal import JournalLost, NotWritten, Receipt, Stored
from regimen.live.desk import BAR, OPERATOR, WATCH, Desk, OldBar, OtherBar, Taken
from regimen.live.operations.account import Weathercock, drawn_setup
from regimen.live.operations.books import Books, Broken, same
from regimen.live.operations.disk import Disk, Fate, Killed, SimulatedJournal
from regimen.live.operations.feed import WATCHED, Post, drawn_posts
from regimen.live.setup import Setup
from regimen.live.state import NEVER
from regimen.seeding import generator

_PATIENCE = 60.0
_KEPT = 24
"""Events that are shown of a life that breaks an invariant."""


class Chances(NamedTuple):
    """How often things go wrong, for each thing that reaches the desk.

    Attributes:
        killed: the process ends, at a point that is drawn.
        slow: a commit hangs while more bars come.
        full: the disk is full when it commits.
        lost: an fsync fails, in a commit or in the upkeep.
        other: another process opens the journal while the first one still runs.
        damaged: a bit on the disk flips, and a new process tries to recover.
        foreign: a machine that computes other bits tries to take over.
    """

    killed: float = 0.015
    slow: float = 0.03
    full: float = 0.006
    lost: float = 0.004
    other: float = 0.003
    damaged: float = 0.004
    foreign: float = 0.002


class _Waiting(NamedTuple):
    key: tuple[int, str]
    request: bytes
    content: bytes
    stored: Receipt[Stored]


class SimulatedLife:
    """One account from its first bar to its last, and all that happens to it.

    Args:
        seed: of everything that is drawn.
        days: of the market.
        chances: how often things go wrong.

    Attributes:
        events: the last things that happened, for people.
        happened: how often each thing happened.
        bars: that were decided.
    """

    def __init__(self, seed: int, days: int, chances: Chances | None = None) -> None:
        self.seed, self.days, self.chances = seed, days, chances or Chances()
        self.setup: Setup = drawn_setup(generator(seed, "account"))
        self.calm = bool(generator(seed, "calm").random() < 0.25)
        self.posts = drawn_posts(generator(seed, "feed"), self.setup, days, calm=self.calm)
        self._random = generator(seed, "faults")
        self.disk = Disk("simulated")
        self.books = Books(self.setup)
        self.events: deque[str] = deque(maxlen=_KEPT)
        self.happened: Counter[str] = Counter()
        self._acknowledged: dict[tuple[int, str], tuple[bytes, bytes]] = {}
        self._waiting: deque[_Waiting] = deque()
        self._failed = False
        """Whether a commit has failed, and the journal's own halt is not written yet."""
        self._fated = False
        """Whether the disk was told to fail a commit that is on its way."""
        self._opens = min(post.time for post in self.posts if post.sort == "bar") + WATCHED * self.setup.bar_length

    @property
    def bars(self) -> int:
        """Bars that were decided and stored."""
        return self.books.bars

    def run(self) -> None:
        """Lives.

        Raises:
            Broken: an invariant does not hold; `events` says what came before.
        """
        self._start()
        for post in self.posts:
            self._misfortune()
            if post.sort == "word":
                self._word(post)
            else:
                self._bar(post)
            self._look()
        self._drain(())
        self._kill("at the end")
        self._start()
        self._finish()

    # What goes wrong between two things that reach the desk.

    def _misfortune(self) -> None:
        draw, chances = float(self._random.random()), self.chances
        if draw < chances.killed:
            self._kill("between two events")
            self._start()
        elif draw < (below := chances.killed + chances.other):
            self._another_leader()
        elif draw < (below := below + chances.damaged):
            self._damage()
        elif draw < below + chances.foreign:
            self._foreign()
        if self._waiting and self._random.random() < 0.4:
            self._drain(self._fates(0.1, 0.05))

    def _start(self) -> None:
        """A new process takes over what is on the disk, after dying on the way now and then."""
        while True:
            dies = None
            if len(self.disk.rows) > 2 and self._random.random() < 0.2:
                dies = int(self._random.integers(1, len(self.disk.rows) + 1))
            self.journal = SimulatedJournal(self.disk, dies=dies)
            try:
                self.desk = self._opened(self.setup)
                break
            except Killed:
                self._note("killed", f"while recovering, at row {dies}")
        self._failed = False
        self._read_disk()
        for key, (request, content) in self._acknowledged.items():
            place = self.disk.place(*key)
            row = None if place is None else self.disk.rows[place].row
            if row is None or (row.request, row.decision) != (request, content):
                raise Broken("acknowledged", "what was acknowledged must be in the journal", key)
        if not same(self.desk.state, self.books.state):
            raise Broken(
                "recovery", "the state must be the fold of the journal's rows", f"after {self.books.rows} rows"
            )

    def _opened(self, setup: Setup) -> Desk:
        return Desk(setup, self.journal, snapshots=60, lost=self.journal.notice)

    def _kill(self, when: str) -> None:
        """The process ends; what it had in memory is gone, and what was not synced may be."""
        self._note("killed", when)
        self._end_process()
        self.disk.crash(self._random)

    def _end_process(self) -> None:
        self.journal.kill()
        with suppress(Exception):
            self.desk.close()
        self._waiting.clear()

    def _another_leader(self) -> None:
        """A second process takes the journal over, and the first one goes on for a while before it notices."""
        self._note("two leaders", "another process opens the journal")
        old, journal, waiting = self.desk, self.journal, list(self._waiting)
        self._waiting.clear()
        self._start()
        rows = len(self.disk.rows)
        journal.fates.clear()
        journal.go_on()
        late = [each.stored for each in waiting]
        if not late:
            with suppress(RegimenError):
                late = self._late_word(old)
        for future in late:
            if future.exception(_PATIENCE) is None:
                raise Broken("fencing", "a leader whose time is over must not be able to answer")
        if len(self.disk.rows) != rows:
            raise Broken("fencing", "a leader whose time is over must store nothing")
        journal.kill()
        with suppress(Exception):
            old.close()

    def _late_word(self, old: Desk) -> list[Receipt[Stored]]:
        taken = old.word("halt", "old", "", old.state.at + 1)
        return [] if taken.stored is None else [taken.stored]

    def _damage(self) -> None:
        """A bit flips while nobody runs: whoever takes over refuses, or is not touched by it."""
        self._kill("before the disk is damaged")
        rows, places = list(self.disk.rows), list(self.disk.snapshots)
        self._read_disk()
        where = self.disk.damage(self._random)
        self._note("damaged", where)
        self.journal = SimulatedJournal(self.disk)
        desk: Desk | None = None
        try:
            desk = self._opened(self.setup)
        except RegimenError:
            self.happened["damage refused"] += 1
        if desk is not None:
            if not same(desk.state, self.books.state):
                raise Broken("damage", "a damaged journal must not lead to another state", where)
            self._ask_again(desk, where)
            self.journal.kill()
            with suppress(Exception):
                desk.close()
        self.disk.rows[:], self.disk.snapshots = rows, places
        self._start()

    def _ask_again(self, desk: Desk, where: str) -> None:
        """Asks for every bar that was answered: the same answer comes, or an error."""
        for (_, kind), (request, content) in self._acknowledged.items():
            if kind == OPERATOR:
                continue
            try:
                taken = desk.bar(request, 0, watched=kind == WATCH)
            except RegimenError:
                continue
            if taken.content != content:
                raise Broken("twice", "the same bar must have the same answer, or an error", where)

    def _foreign(self) -> None:
        """A machine whose arithmetic differs by one bit takes over: it refuses, or has nothing to compare yet."""
        self._kill("before another machine takes over")
        self._read_disk()
        policy = self.setup.policy
        assert isinstance(policy, Weathercock)
        other = replace(self.setup, policy=replace(policy, size=float(np.nextafter(policy.size, 1.0))))
        self.journal = SimulatedJournal(self.disk)
        self._note("other machine", "a machine that computes other bits takes over")
        try:
            desk = self._opened(other)
        except RegimenError:
            self.happened["other machine refused"] += 1
        else:
            if not same(desk.state, self.books.state):
                raise Broken("other machine", "a machine that decides otherwise must not go on")
            self.journal.kill()
            with suppress(Exception):
                desk.close()
        self._start()

    # What reaches the desk.

    def _bar(self, post: Post) -> None:
        watched = post.time < self._opens
        kind = WATCH if watched else BAR
        expected = self._expected(post, kind)
        taken = self._offer(
            lambda: self.desk.bar(post.content, post.at, watched=watched),
            f"{post.sort} {_shown(post.time)}",
            expected,
        )
        if taken is None:
            return
        if taken.stored is None:
            request, content = self._stored(post.time, kind)
            if taken.content != content or request != post.content:
                raise Broken("twice", "the same bar must have the same answer", _shown(post.time))
            return
        flying = next((each for each in self._waiting if each.key == (post.time, kind)), None)
        if flying is not None:
            if (taken.content, post.content) != (flying.content, flying.request):
                raise Broken("twice", "the same bar must have the same answer", _shown(post.time))
            return
        self._accept((post.time, kind), post.content, taken)

    def _expected(self, post: Post, kind: str) -> str:
        """What must become of a bar, by what is stored or on its way."""
        newest = self.books.time
        times = [each.key[0] for each in self._waiting if each.key[1] != OPERATOR]
        newest = times[-1] if times else newest
        if post.sort == "wrong":
            return "refused"
        if newest is None or post.time > newest:
            return "taken"
        flying = next((each for each in self._waiting if each.key == (post.time, kind)), None)
        if flying is not None:
            return "again" if flying.request == post.content else "other"
        place = self.disk.place(post.time, kind)
        if place is None:
            return "old"
        return "again" if self.disk.rows[place].row.request == post.content else "other"

    def _word(self, post: Post) -> None:
        taken = self._offer(
            lambda: self.desk.word(post.word, "operator", "", post.at), f"operator says {post.word}", "taken"
        )
        if taken is not None:
            self._accept((self.desk.state.at, OPERATOR), b"", taken)

    def _offer(self, call: Callable[[], Taken], what: str, expected: str) -> Taken | None:
        """Lets the desk take something, on a disk that may fail; None where it is refused or the process ends."""
        slow, fates = self._drawn_disk()
        begun, flying = self.journal.begun, bool(self._waiting)
        failed, before = self._failed, self.desk.state
        self._note(expected, f"{what}{', slow disk' if slow else ''}{f', disk {fates[0]}' if fates else ''}")
        try:
            taken = call()
        except Killed:
            self._kill("in a snapshot")
            self._start()
            return None
        except JournalLost:
            self._kill("after the journal was lost")
            self._start()
            return None
        except NotWritten as error:
            if not (failed and fates):
                raise Broken("refused", f"the disk is well, and the desk refuses ({error})", what) from None
            return None
        except (DataError, OldBar, OtherBar) as error:
            self._refused(error, expected, what, before, failed)
            self.journal.slow = bool(self._waiting)
            return None
        if expected not in ("taken", "again"):
            raise Broken("refused", f"a bar that is {expected} must not be taken", what)
        if expected == "taken" and slow and not flying:
            self.journal.wait_begun(begun + 1)
        elif not flying and expected == "again":
            self.journal.slow = False
        return taken

    def _drawn_disk(self) -> tuple[bool, tuple[Fate, ...]]:
        """Draws how the disk takes the next commit; it hangs only where nobody has to wait for it."""
        draw, chances = float(self._random.random()), self.chances
        if self._waiting:
            return True, ()
        self.journal.fates.clear()
        self._fated = False
        if draw < chances.slow and not self._failed:
            self.journal.slow = True
            return True, ()
        fates = self._fates(0.5 if self._failed else chances.full, chances.lost)
        self._fated = bool(fates)
        self.journal.fates.extend(fates)
        if self._random.random() < 0.002:
            self.journal.keeping = ("full", "dies")[int(self._random.integers(2))]
        return False, fates

    def _fates(self, full: float, lost: float) -> tuple[Fate, ...]:
        draw = float(self._random.random())
        if draw < full:
            return ("full",)
        if draw < full + lost:
            return ("fsync",) if self._failed or self._random.random() < 0.5 else ("upkeep",)
        return ()

    def _refused(self, error: RegimenError, expected: str, what: str, before: object, failed: bool) -> None:
        names = {"old": OldBar, "other": OtherBar}
        if expected == "taken":
            raise Broken("refused", f"a bar that follows the last one must be taken ({error})", what)
        if expected != "refused" and not isinstance(error, names.get(expected, ())):
            raise Broken("refused", f"a bar that is {expected} must be refused as such ({error})", what)
        if not failed and self.desk.state is not before and not same(self.desk.state, before):  # type: ignore[arg-type]
            raise Broken("rejected", "what is refused must change no state", what)

    def _accept(self, key: tuple[int, str], request: bytes, taken: Taken) -> None:
        assert taken.stored is not None
        self._waiting.append(_Waiting(key, request, taken.content, taken.stored))
        if not self.journal.slow:
            self._settled()
        elif taken.stored.done():
            raise Broken("acknowledged", "an answer must not go out before it is durable", key)

    def _drain(self, fates: tuple[Fate, ...]) -> None:
        """Lets a disk that hangs go on."""
        if self._waiting:
            self._fated = bool(fates)
            self.journal.go_on(fates)
            self._settled()

    def _settled(self) -> None:
        """Waits for what is on its way and answers it, or not."""
        ended = False
        while self._waiting:
            each = self._waiting.popleft()
            error = each.stored.exception(_PATIENCE)
            if error is not None:
                if not self._fated:
                    raise Broken("refused", f"the disk is well, and a commit fails ({error})", each.key)
                self._waiting.clear()
                self._read_disk()
                self._failed = True
                ended = isinstance(error, JournalLost)
                break
            place = self.disk.place(*each.key)
            row = None if place is None else self.disk.rows[place].row
            if row is None or row.decision != each.content or place is None or place >= self.disk.synced:
                raise Broken("acknowledged", "an answer must not go out before it is durable", each.key)
            if self._random.random() < 0.01:
                self._kill("between commit and answer")
                self._start()
                return
            self._acknowledged[each.key] = (row.request, each.content)
        self._read_disk()
        if self.journal.upkeep_lost:
            self.journal.noticed.wait(_PATIENCE)
            ended = True
        if ended:
            self._kill("as its journal was lost")
            self._start()

    # What must hold.

    def _look(self) -> None:
        """Checks what has become durable, and the desk where nothing is on its way."""
        if self._waiting:
            return
        self._read_disk()
        if self._random.random() < 0.5:
            try:
                self.desk.settle()
            except (JournalLost, Killed):
                self._kill("in a snapshot")
                self._start()
            if self._failed and self.desk.mode != "halted":
                raise Broken("latch", "an account whose journal cannot be written must be halted", self.desk.mode)
        if not self._failed and not same(self.desk.state, self.books.state):
            raise Broken("state", "the state must be the fold of the journal's rows", f"after {self.books.rows} rows")

    def _read_disk(self) -> None:
        for stored in self.disk.rows[self.books.rows : self.disk.synced]:
            if self._failed:
                self._failed = False
                if stored.row.kind != OPERATOR or b'"halt"' not in stored.row.request:
                    raise Broken("latch", "a journal that could not be written must halt the account", stored.name)
            self.books.take(stored)

    def _stored(self, time: int, kind: str) -> tuple[bytes, bytes]:
        place = self.disk.place(time, kind)
        if place is None:
            raise Broken("twice", "an answer that is given again must be in the journal", _shown(time))
        row = self.disk.rows[place].row
        return row.request, row.decision

    def _finish(self) -> None:
        whole = Books(self.setup)
        for stored in self.disk.rows:
            whole.take(stored)
        if whole.state.content() != self.desk.state.content():
            raise Broken("recovery", "the state must be the fold of all rows", f"after {whole.rows} rows")
        whole.finish()
        self.happened["lives against the backtest"] += 1
        self._end_process()

    def _note(self, name: str, text: str) -> None:
        self.happened[name] += 1
        self.events.append(f"{len(self.disk.rows):6d} rows  {name}: {text}")


def _shown(time: int) -> str:
    return str(np.datetime64(time, "ns").astype("datetime64[m]")) if time > NEVER else ""
