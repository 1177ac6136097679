"""The plan as a state machine, without any training: it ends, it keeps what passed, and it gives up as it says."""

from __future__ import annotations

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.strategies import booleans, integers

from regimen.runs.plan.machine import Place, PlanRules, advanced


class Plans(RuleBasedStateMachine):
    """Attempts with any outcomes, and beside them what was kept, counted in the plainest way."""

    @initialize(phases=integers(1, 7), attempts=integers(1, 4), rollbacks=integers(0, 3))
    def begins(self, phases: int, attempts: int, rollbacks: int) -> None:
        self.rules = PlanRules(phases, attempts, rollbacks)
        self.place = Place()
        self.passed: list[int] = []
        self.failures: dict[int, int] = {}
        self.tries = 0

    @precondition(lambda self: self.place.end is None)
    @rule(passed=booleans())
    def tries_a_phase(self, passed: bool) -> None:
        before, self.tries = self.place, self.tries + 1
        self.place = advanced(before, passed, self.rules)
        if passed:
            self.passed.append(before.phase)
            assert self.place.phase == before.phase + 1
            assert self.place.attempt == 0
        else:
            self.failures[before.phase] = self.failures.get(before.phase, 0) + 1

    @precondition(lambda self: self.place.end is not None)
    @rule()
    def has_ended(self) -> None:
        assert self.tries > 0

    @invariant()
    def what_passed_is_kept(self) -> None:
        assert self.place.kept == tuple(self.passed)
        assert self.place.checkpoint == (self.passed[-1] if self.passed else None)

    @invariant()
    def a_phase_is_given_up_only_after_all_its_attempts(self) -> None:
        assert all(self.failures[phase] == self.rules.attempts for phase in self.place.dropped)
        assert len(self.place.dropped) <= self.rules.rollbacks
        assert not self.place.dropped or self.place.dropped[0] > self.place.kept[0]  # there was a checkpoint
        assert 0 <= self.place.attempt < self.rules.attempts

    @invariant()
    def it_ends_and_says_how(self) -> None:
        assert self.tries <= self.rules.phases * self.rules.attempts
        assert (self.place.end is None) == (self.place.phase < self.rules.phases and self.place.end != "baseline")
        if self.place.end == "passed":
            assert self.place.checkpoint == self.rules.phases - 1
        if self.place.end == "rolled back":
            assert self.place.dropped[-1] == self.rules.phases - 1
        if self.place.end == "baseline":
            assert self.failures[self.place.phase] == self.rules.attempts
            assert not self.place.kept or len(self.place.dropped) == self.rules.rollbacks


Plans.TestCase.settings = settings(max_examples=60, stateful_step_count=28, deadline=None)
TestPlans = Plans.TestCase


def test_the_order_of_remedies() -> None:
    """Another seed or rate, then back to the last gate, then the supervised baseline."""
    rules, place = PlanRules(phases=3, attempts=2, rollbacks=1), Place()
    for passed in (True, False, False, False, False):
        place = advanced(place, passed, rules)
    assert place == Place(phase=2, attempt=1, kept=(0,), dropped=(1,), end="baseline")
