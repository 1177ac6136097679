"""One seed is one life, bit for bit; and a fault that is planted into the desk or the guard turns it red."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import numpy as np
import pytest

from regimen.errors import DataError, RegimenError
from regimen.execution import LiveAccount
from regimen.live import Desk
from regimen.live.operations import Chances, SimulatedJournal, SimulatedLife
from regimen.safeguards import Guard

Patch = pytest.MonkeyPatch


def test_one_seed_is_one_life() -> None:
    lives = [SimulatedLife(11, 8) for _ in range(2)]
    for life in lives:
        life.run()
    one, other = lives
    assert one.bars > 100
    assert one.disk.rows == other.disk.rows
    assert (one.happened, list(one.events)) == (other.happened, list(other.events))
    assert SimulatedLife(12, 8).posts != one.posts


def answers_before_the_commit(patch: Patch) -> None:
    take = Desk._take

    def early(self: Desk, *arguments: Any) -> Any:
        done: Future[Any] = Future()
        done.set_result(None)
        return take(self, *arguments)._replace(stored=done)

    patch.setattr(Desk, "_take", early)


def recovers_without_the_last_row(patch: Patch) -> None:
    fold = Desk.fold
    patch.setattr(
        Desk, "fold", lambda self, state, row: state if row.seq == self.journal.last else fold(self, state, row)
    )


def remembers_what_it_refused(patch: Patch) -> None:
    bar = Desk.bar

    def leaky(self: Desk, *arguments: Any, **options: Any) -> Any:
        try:
            return bar(self, *arguments, **options)
        except DataError:
            self.state = self.state._replace(seq=self.state.seq + 1)
            raise

    patch.setattr(Desk, "bar", leaky)


def goes_on_after_a_full_disk(patch: Patch) -> None:
    def careless(self: Desk, _: int) -> None:
        self._commit.resume()
        self._stopped = False

    patch.setattr(Desk, "_halt", careless)


def decides_a_bar_again(patch: Patch) -> None:
    again = Desk._again

    def anew(self: Desk, *arguments: Any) -> Any:
        taken = again(self, *arguments)
        newest = list(self.journal.read(self.journal.last - 1))[-1].row.decision
        return taken._replace(content=newest or taken.content)

    patch.setattr(Desk, "_again", anew)


def lets_a_flip_through(patch: Patch) -> None:
    advance = Guard.advance

    def lax(self: Guard, state: Any, seen: Any) -> Any:
        ruling = advance(self, state, seen)
        return ruling if ruling.mode == "active" else ruling._replace(allowed=seen.wanted)

    patch.setattr(Guard, "advance", lax)


def resumes_by_itself(patch: Patch) -> None:
    advance = Guard.advance
    patch.setattr(
        Guard,
        "advance",
        lambda self, state, seen: advance(self, state, seen._replace(operator=seen.operator or "resume")),
    )


def forgets_to_withdraw(patch: Patch) -> None:
    patch.setattr(LiveAccount, "withdraw", lambda _: None)


def takes_back_reductions_too(patch: Patch) -> None:
    def withdraw(self: LiveAccount) -> None:
        self._due[:] = np.nan

    patch.setattr(LiveAccount, "withdraw", withdraw)


def forgets_the_halt_when_it_hears_reduce(patch: Patch) -> None:
    from regimen.live import Engine

    word = Engine._word
    patch.setattr(Engine, "_word", lambda self, state, event: word(self, state._replace(word=""), event))


def takes_damaged_rows(patch: Patch) -> None:
    patch.setattr(SimulatedJournal, "_check", lambda *_: None)


def lets_two_lead(patch: Patch) -> None:
    require = SimulatedJournal._require

    def lax(self: SimulatedJournal) -> None:
        self.disk.fenced = False
        require(self)

    patch.setattr(SimulatedJournal, "_require", lax)


def live(seeds: range) -> None:
    for seed in seeds:
        SimulatedLife(seed, 8, OFTEN).run()


OFTEN = Chances(killed=0.05, slow=0.08, full=0.03, lost=0.01, other=0.02, damaged=0.03, foreign=0.002)


@pytest.mark.parametrize(
    ("plant", "first", "invariant"),
    [
        (answers_before_the_commit, 0, "acknowledged"),
        (recovers_without_the_last_row, 0, "recovery"),
        (remembers_what_it_refused, 0, "rejected"),
        (goes_on_after_a_full_disk, 0, "latch"),
        (decides_a_bar_again, 0, "twice"),
        (lets_a_flip_through, 0, "risk|position"),
        (resumes_by_itself, 0, "latch"),
        (forgets_to_withdraw, 2, "backtest|risk"),
        (takes_back_reductions_too, 2, "backtest"),
        (forgets_the_halt_when_it_hears_reduce, 5, "latch"),
        (takes_damaged_rows, 0, "damage|twice"),
        (lets_two_lead, 1, "fencing"),
    ],
)
def test_a_planted_fault_breaks_an_invariant(
    plant: Callable[[Patch], None], first: int, invariant: str, monkeypatch: Patch
) -> None:
    plant(monkeypatch)
    with pytest.raises(RegimenError, match=invariant):
        live(range(first, first + 40))
