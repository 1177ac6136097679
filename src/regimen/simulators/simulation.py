"""`Simulation`: the bars that anyone may see, and beside them the truth that nobody trades on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.errors import ConfigError, DataError
from regimen.reprs import short

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Simulation:
    """One path of a simulated market.

    Timing: bar t covers what happens from its open (the close of t − 1) to its close. ``bars`` up to t, extras
    included, are known at the close of t. A position decided then fills at the open of t + 1 and earns
    ``truth["returns"][t + 1]``.

    Attributes:
        bars: prices, volume and, as extras, what the market shows openly (``signal`` or ``return``).
        truth: what the market is made of, apart from the bars. Always there, both (time,) in the market's own
            units: ``returns``, what a unit position earns during bar t; ``expected``, E[returns[t + 1]] given
            everything true at the close of t. A regime market has its columns as (time, symbol).
        scale: simple return of the bars per unit of ``returns``: a position of x units is an exposure of x, and
            the account earns ``scale`` × reward on it.
    """

    bars: Bars
    truth: Mapping[str, NDArray[np.generic]]
    scale: float = 1.0
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What the numbers of a truth mean, e.g. ``names["regime"][truth["regime"][t]]``."""

    def __post_init__(self) -> None:
        for array in self.truth.values():
            array.flags.writeable = False
        object.__setattr__(self, "truth", MappingProxyType(dict(self.truth)))
        object.__setattr__(self, "names", MappingProxyType(dict(self.names)))

    def __reduce__(self) -> tuple[type[Simulation], tuple[object, ...]]:
        """Lets another process have it."""
        return Simulation, (self.bars, dict(self.truth), self.scale, dict(self.names))

    def __repr__(self) -> str:
        return short(self, f"{self.bars!r}, truth {', '.join(self.truth)}")

    def __len__(self) -> int:
        return len(self.bars)

    @property
    def returns(self) -> Values:
        """What a unit position earns during each bar, in the market's own units."""
        return np.asarray(self.truth["returns"], dtype=np.float64)

    @property
    def expected(self) -> Values:
        """The mean of the next bar's ``returns``, given everything true at the close of the bar."""
        return np.asarray(self.truth["expected"], dtype=np.float64)

    @property
    def signal(self) -> Values:
        """(time,) the openly shown ``signal``, known at the close of each bar.

        Raises:
            DataError: the market shows none.
        """
        if "signal" not in self.bars.extras:
            raise DataError("simulation.signal", "this market shows no signal; it has", tuple(self.bars.extras))
        return self.bars.extras["signal"][:, 0]


class KnownMarket(Protocol):
    """A market whose best policy and its value are known.

    Positions are (time,) arrays in the market's own units: row t is decided at the close of bar t and held
    during bar t + 1 (the last row never earns). Before the first decision the position is zero.
    """

    @property
    def optimum(self) -> float:
        """J*: the mean reward per bar of the optimal policy."""

    @property
    def reference(self) -> str:
        """The baseline that scores zero."""

    @property
    def baseline_values(self) -> dict[str, float]:
        """Mean reward per bar of each baseline."""

    def simulate(self, bars: int, seed: int) -> Simulation:
        """Returns a path; the same seed gives the same bytes, and a longer path begins with the shorter one."""

    def optimal(self, simulation: Simulation) -> Values:
        """Returns the optimal positions (time,) along a path."""

    def baselines(self, simulation: Simulation, seed: int = 0) -> dict[str, Values]:
        """Returns the positions (time,) of each naive policy; the seed drives the random one."""

    def rewards(self, simulation: Simulation, positions: object, expected: bool = False) -> Values:
        """Returns the reward of each decision, net of costs.

        ``expected=True`` puts the conditional mean in the place of the next return: the same expectation with
        less noise.
        """


def checked_positions(simulation: Simulation, positions: object) -> Values:
    """Returns positions as contiguous float64 (time,).

    Raises:
        DataError: another shape, not numeric, or not finite.
    """
    try:
        rows = np.ascontiguousarray(positions, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError("positions", "must be numbers of shape (time,)", type(positions).__name__) from None
    if rows.ndim == 2 and rows.shape[1] == 1:
        rows = rows[:, 0].copy()
    if rows.shape != (len(simulation),):
        raise DataError("positions", f"must have the shape of the bars, ({len(simulation)},)", rows.shape)
    if not np.isfinite(rows).all():
        row = int((~np.isfinite(rows)).argmax())
        raise DataError("positions", f"must be finite; row {row}", float(rows[row]))
    return rows


def checked_length(bars: int, least: int = 2) -> int:
    """Returns the number of bars.

    Raises:
        ConfigError: fewer than ``least``.
    """
    if bars < least:
        raise ConfigError("bars", f"must be at least {least} for this market", bars)
    return int(bars)
