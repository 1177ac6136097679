"""Operations simulated: a seed drives market, feed, clock, disk, operators and kills of a live account.

The engine is pure and the desk has no clock, so that everything which can go wrong around them can be drawn, and a
fault that shows itself once in a thousand lives can be looked at again as often as it takes.
"""

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.live.operations.books import Books, Broken
    from regimen.live.operations.disk import Disk, SimulatedJournal
    from regimen.live.operations.life import Chances, SimulatedLife
    from regimen.live.operations.simulate import Operations, simulate_operations

__all__ = [
    "Books",
    "Broken",
    "Chances",
    "Disk",
    "Operations",
    "SimulatedJournal",
    "SimulatedLife",
    "simulate_operations",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "Books": ".books",
        "Broken": ".books",
        "Chances": ".life",
        "Disk": ".disk",
        "SimulatedLife": ".life",
        "Operations": ".simulate",
        "simulate_operations": ".simulate",
        "SimulatedJournal": ".disk",
    },
)
