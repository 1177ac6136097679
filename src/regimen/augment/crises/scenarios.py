"""Crises as markets that a finished policy can be traded on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from regimen.augment.crises.splice import spliced
from regimen.augment.crises.templates import TEMPLATES, TemplateName
from regimen.bars import Bars
from regimen.errors import DataError
from regimen.reprs import short
from regimen.seeding import generator


@final
@dataclass(frozen=True, eq=False)
class Scenario:
    """Real bars with one crisis in them.

    Attributes:
        name: of the template.
        draw: number of the path, from 0.
        bars: as long as the real ones, at their times; before ``start`` they are the real ones.
        start, stop: positions [start, stop) of the crisis: of the fall, and of the rebound where there is one.
    """

    name: TemplateName
    draw: int
    bars: Bars
    start: int
    stop: int

    def __repr__(self) -> str:
        return short(self, f"{self.name}, draw {self.draw}: bars {self.start:,} to {self.stop:,} of {len(self.bars):,}")


def scenarios(
    bars: Bars,
    seed: int,
    templates: Sequence[TemplateName] = tuple(TEMPLATES),
    draws: int = 1,
    first: int = 0,
) -> tuple[Scenario, ...]:
    """Returns bars with one crisis each, all symbols together; a policy decides on them as on any others.

    A crisis begins at a random bar, at least as far from the end as it is long. What comes before it is real, so that
    features know their past.

    Args:
        bars: real ones; adjusted prices where they have an adjustment.
        seed: of the paths.
        templates: which crises.
        draws: paths of each.
        first: position of the first bar at which a crisis may begin, such as the first bar of the test span.

    Raises:
        DataError: an unknown template, no draw, or fewer bars after ``first`` than a crisis takes.
    """
    if draws < 1:
        raise DataError("scenarios.draws", "must be at least 1", draws)
    own = bars.adjusted() if "adjustment" in bars.extras else bars
    every = []
    for name in templates:
        if name not in TEMPLATES:
            raise DataError("scenarios.templates", f"must be among {', '.join(TEMPLATES)}", name)
        needed = TEMPLATES[name].bars(own.bar_length)
        room = len(own) - first - needed
        if first < 0 or room < 1:
            rule = f"must hold {needed + 1:,} bars from the first at which a crisis may begin for {name}"
            raise DataError("scenarios.bars", rule, len(own) - first)
        for draw in range(draws):
            random = generator(seed, "scenario", name, draw)
            start = max(first, 1) + int(random.integers(0, room))
            path = spliced(own, [(start, TEMPLATES[name])], random)
            every.append(Scenario(name, draw, path, start, start + needed))
    return tuple(every)
