"""The account of a simulated life: a light policy, and limits and a market that the seed draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Calendar
from regimen.bundle import Decided
from regimen.execution import Costs, MarketConfig, Moment
from regimen.features import FeatureSet
from regimen.live.setup import Setup
from regimen.observation import ObservationSchema
from regimen.safeguards import SafeguardsConfig

if TYPE_CHECKING:
    from numpy.random import Generator

Floats = NDArray[np.float64]
HOUR = 3_600_000_000_000
_CALM, _SURE = 0.002, 0.004
"""Returns below which nothing is wanted, and above which the policy is sure."""


@dataclass(frozen=True)
class Weathercock:
    """Follows the last return: long after a rise, short after a fall, flat after little; it turns all the time.

    Attributes:
        features: ``return_1``.
        size: exposure that it wants, a fraction of the equity.
    """

    features: FeatureSet
    size: float

    @property
    def schema(self) -> ObservationSchema:
        """What it observes of each symbol."""
        return ObservationSchema(features=self.features.hash, inputs=len(self.features.names), volatility=False)

    def initial_state(self, symbols: int) -> Floats:
        """Returns its memory (symbol, 1): how many bars it has seen."""
        return np.zeros((symbols, 1))

    def watch(self, moment: Moment, state: Floats) -> Floats:
        """Returns the memory after a bar on which nothing is decided."""
        del moment
        return state + 1.0

    def act(self, moment: Moment, state: Floats) -> tuple[Floats, Floats]:
        """Returns the exposures and the memory of `decided`."""
        decided = self.decided(moment, state)
        return decided.exposures, decided.state

    def decided(self, moment: Moment, state: Floats) -> Decided:
        """Returns what it wants at the close of a bar."""
        last = moment.features[:, 0]
        known = (last == last) & moment.present
        steady = np.where(known, last, 0.0)
        moved = np.abs(steady)
        exposures = self.size * np.where(moved < _CALM, 0.0, np.sign(steady))
        confidence = np.where(known, np.where(moved > _SURE, 0.9, 0.5), np.nan)
        return Decided(exposures, confidence, state + 1.0, np.column_stack((exposures, state)))


def drawn_setup(random: Generator) -> Setup:
    """Returns the account of one life, hourly and without a bundle."""
    symbols = int(random.choice([1, 2]))
    features = FeatureSet.standard().select(columns=["return_1"])
    calendar = Calendar("24/7")
    limits: dict[str, Any] = {
        "position": (0.1, 0.6, None)[int(random.integers(3))],
        "daily_loss": (0.01, 0.02)[int(random.integers(2))],
        "drawdown": (0.1, 0.15)[int(random.integers(2))],
        "drawdown_warning": 0.05,
        "trades": (6, 100)[int(random.integers(2))],
        "halted": ("close", "hold")[int(random.integers(2))],
        "collapse_bars": 200,
    }
    market = MarketConfig(
        costs=Costs(commission_bps=5.0, half_spread_bps=1.0, borrow_annual=0.05, impact_coefficient=0.3),
        latency_bars=int(random.choice([1, 1, 2])),
        rebalance=("on_change", "on_change", "every_bar")[int(random.integers(3))],
        participation_cap=(None, 0.2)[int(random.integers(2))],
        initial_cash=1e6,
    )
    return Setup(
        policy=Weathercock(features, float(random.choice([0.3, 0.9]))),
        features=features,
        market=market,
        symbols=tuple(f"S{s}" for s in range(symbols)),
        bar_length=HOUR,
        periods_per_year=calendar.periods_per_year(HOUR),
        calendar=calendar,
        safeguards=SafeguardsConfig(**limits),
        name="simulated",
    )
