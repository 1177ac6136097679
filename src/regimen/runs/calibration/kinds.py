"""The markets that the judge is tried on: eight kinds without an edge, and six sizes of one that is there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from regimen.execution import Costs
from regimen.simulators import (
    BounceMarketConfig,
    MartingaleConfig,
    PlantedMarketConfig,
    Quotes,
    Regime,
    RegimeMarketConfig,
    SeasonalMarketConfig,
)
from regimen.simulators.regimes import STANDARD

YEAR = 365.0
"""Daily bars of a year: the simulated markets never close."""
_DAILY = Quotes(bar_length="1d")
_VOLATILITY = 0.01
_COSTS = Costs(commission_bps=1.0, half_spread_bps=0.5)
_STILL = {"news": 0.0, "leverage": 0.0, "memory": 0.0, "tail": 1000.0}
_CLUSTERED = {"news": 0.05, "leverage": 0.08, "memory": 0.9, "tail": 4.0}

Market = MartingaleConfig | RegimeMarketConfig | SeasonalMarketConfig | BounceMarketConfig | PlantedMarketConfig


@dataclass(frozen=True)
class Kind:
    """One kind of market.

    Attributes:
        words: what it is, in a few words.
        market: its simulator.
        costs: what trading costs there.
        years: of daily bars.
        sharpe: annual, after costs, of the strategy that follows the planted edge; None where there is no edge.
    """

    words: str
    market: Market
    costs: Costs = _COSTS
    years: int = 5
    sharpe: float | None = None

    @property
    def bars(self) -> int:
        """How many daily bars there are."""
        return round(self.years * YEAR)


def _drifting(sharpe: float, dynamics: Mapping[str, float], symbols: int = 1) -> RegimeMarketConfig:
    """One regime that never ends, whose drift gives each symbol this annual Sharpe ratio."""
    drift = sharpe / math.sqrt(YEAR)
    return RegimeMarketConfig(
        symbols=tuple(f"S{number}" for number in range(symbols)),
        volatility=_VOLATILITY,
        regimes=(Regime(name="only", duration=1e6, drift=drift),),
        correlation=0.5 if symbols > 1 else 0.0,
        quotes=_DAILY,
        **dynamics,
    )


def _without_drift() -> RegimeMarketConfig:
    flat = {"drift": 0.0, "reversion": 0.0, "jump_mean": 0.0}
    regimes = tuple(regime.model_copy(update=flat) for regime in STANDARD)
    return RegimeMarketConfig(volatility=_VOLATILITY, regimes=regimes, quotes=_DAILY)


def _bouncing() -> Kind:
    market = BounceMarketConfig(volatility=_VOLATILITY, quotes=_DAILY)
    costs = Costs(commission_bps=1.0, half_spread_bps=1.2 * market.half_spread_bps)
    return Kind("trades at bid and ask in turn, below the spread that is paid", market, costs)


def _planted(sharpe: float, years: int) -> Kind:
    paid = _COSTS.commission_bps + _COSTS.half_spread_bps
    market = PlantedMarketConfig(sharpe=sharpe / math.sqrt(YEAR), cost_bps=paid, volatility=_VOLATILITY, quotes=_DAILY)
    return Kind(f"a signal worth a Sharpe ratio of {sharpe:g} after costs", market, years=years, sharpe=sharpe)


NULLS: Mapping[str, Kind] = {
    "martingale": Kind(
        "independent normal returns without a mean", MartingaleConfig(volatility=_VOLATILITY, quotes=_DAILY)
    ),
    "garch": Kind("volatility clusters, leverage, Student-t with 4 degrees", _drifting(0.0, _CLUSTERED)),
    "regimes": Kind("five regimes of volatility, jumps, correlation; no drift in any", _without_drift()),
    "seasons": Kind(
        "volatility by day of the week and of the year", SeasonalMarketConfig(volatility=_VOLATILITY, quotes=_DAILY)
    ),
    "bounce": _bouncing(),
    "premium-0.6": Kind("buy and hold has a Sharpe ratio of 0.6", _drifting(0.6, _STILL)),
    "premium-1": Kind("buy and hold has a Sharpe ratio of 1", _drifting(1.0, _STILL)),
    "panel": Kind("five symbols, correlation 0.5, each a garch with a premium of 0.6", _drifting(0.6, _CLUSTERED, 5)),
}
"""Kinds on which no timing earns anything after costs, by name."""
PLANTED: Mapping[str, Kind] = {
    f"planted-{sharpe:g}-{years}y": _planted(sharpe, years) for years in (5, 20) for sharpe in (0.5, 1.0, 1.5)
}
"""Kinds on which the first strategy that is tried has an edge, by name."""
KINDS: Mapping[str, Kind] = {**NULLS, **PLANTED}
"""Every kind, by name."""
