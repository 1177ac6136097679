"""Many lives, one after the other: the first seed that breaks an invariant, with what came before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from regimen.errors import ConfigError, RegimenError
from regimen.live.operations.life import Chances, SimulatedLife
from regimen.reprs import many, short

LIFE = 30
"""Days of one life."""


@dataclass(frozen=True)
class Operations:
    """What simulated operations showed.

    Attributes:
        days: of the market that were lived through, all lives together.
        bars: that were decided.
        lives: that came to their end.
        happened: how often each thing happened.
        seed: of the life that broke an invariant; None when none did.
        length: days of that life; it takes both to live it again.
        broken: which invariant, and how.
        events: the last things that happened before.
    """

    days: int
    bars: int
    lives: int
    happened: dict[str, int] = field(repr=False)
    seed: int | None = None
    length: int = 0
    broken: str = ""
    events: tuple[str, ...] = field(default=(), repr=False)

    def __repr__(self) -> str:
        end = "no invariant broken" if self.seed is None else f"seed {self.seed}: {self.broken}"
        return short(self, f"{many(self.days, 'day')}, {end}")


def simulate_operations(
    days: int,
    seed: int = 0,
    *,
    life: int = LIFE,
    chances: Chances | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Operations:
    """Lives one account after the other until so many days are over or an invariant breaks.

    Life k has the seed ``seed + k``, and everything in it follows from this seed and its days: market, feed, clock,
    disk, operators, kills.

    Args:
        days: of the market, all lives together.
        seed: of the first life.
        life: days of one life; the last one may be shorter.
        chances: how often things go wrong.
        progress: is told after every life how many days are over, and of how many.

    Raises:
        ConfigError: fewer than three days, or a negative seed.
    """
    for name, value, least in (("days", days, 3), ("life", life, 3), ("seed", seed, 0)):
        if value < least:
            raise ConfigError(name, f"must be at least {least}", value)
    happened: Counter[str] = Counter()
    lived = bars = lives = 0
    while lived < days:
        length = min(life, days - lived)
        if days - lived - length < 3:
            length = days - lived  # a rest too short for a life of its own
        one = SimulatedLife(seed + lives, length, chances)
        try:
            one.run()
        except RegimenError as error:
            happened += one.happened
            return Operations(
                lived, bars, lives, dict(happened.most_common()), seed + lives, length, str(error), tuple(one.events)
            )
        happened += one.happened
        lived, bars, lives = lived + length, bars + one.bars, lives + 1
        if progress is not None:
            progress(lived, days)
    return Operations(lived, bars, lives, dict(happened.most_common()))
