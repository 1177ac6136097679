"""Where a plan is, as a pure state machine: it trains nothing and measures nothing, it only says what comes next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

End = Literal["passed", "rolled back", "baseline"]


@dataclass(frozen=True)
class PlanRules:
    """What a plan allows itself.

    Attributes:
        phases: how many there are.
        attempts: of a phase, each with another seed or learning rate.
        rollbacks: phases that may be given up.
    """

    phases: int
    attempts: int
    rollbacks: int


@dataclass(frozen=True)
class Place:
    """Where a plan is.

    Attributes:
        phase: the one that is tried now.
        attempt: of it, from 0.
        kept: phases whose gates were passed, in order; the last is the checkpoint.
        dropped: phases that were given up.
        end: how it ended; None: it goes on.
    """

    phase: int = 0
    attempt: int = 0
    kept: tuple[int, ...] = ()
    dropped: tuple[int, ...] = ()
    end: End | None = None

    @property
    def checkpoint(self) -> int | None:
        """The phase of the last gate that was passed; None before the first."""
        return self.kept[-1] if self.kept else None


def advanced(place: Place, passed: bool, rules: PlanRules) -> Place:
    """Returns the place after an attempt.

    A phase that passes is kept, and the next begins. One that fails is tried again while attempts are left. After that
    its changes are given up: the plan goes back to the checkpoint of the last gate and on with the next phase from
    there. Where there is no checkpoint, or no rollback is left, it falls back to the supervised baseline and ends.

    Args:
        place: that has not ended.
        passed: whether all gates of the attempt were passed.
        rules: of the plan.
    """
    assert place.end is None
    following = place.phase + 1
    if passed:
        kept = (*place.kept, place.phase)
        return Place(following, 0, kept, place.dropped, "passed" if following == rules.phases else None)
    if place.attempt + 1 < rules.attempts:
        return replace(place, attempt=place.attempt + 1)
    if place.checkpoint is None or len(place.dropped) >= rules.rollbacks:
        return replace(place, end="baseline")
    dropped = (*place.dropped, place.phase)
    return Place(following, 0, place.kept, dropped, "rolled back" if following == rules.phases else None)
