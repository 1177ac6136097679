"""Live accounts without a bundle: a policy in a few lines, on a random walk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from regimen.bars import Bars
from regimen.bundle import Decided
from regimen.execution import Costs, MarketConfig, Moment
from regimen.features import FeatureSet
from regimen.live import BarEvent, Setup
from regimen.observation import ObservationSchema
from regimen.safeguards import SafeguardsConfig

COSTS = Costs(commission_bps=5.0, half_spread_bps=1.0, borrow_annual=0.05, impact_coefficient=0.3)
WIDE = SafeguardsConfig(position=None, daily_loss=None, drawdown=None, drawdown_warning=None, confidence=None)


@dataclass
class Momentum:
    """Follows the sign of a return; remembers how many bars it has seen."""

    features: FeatureSet
    size: float = 0.5

    @property
    def schema(self) -> ObservationSchema:
        return ObservationSchema(features=self.features.hash, inputs=len(self.features.names), volatility=False)

    def initial_state(self, symbols: int) -> Any:
        return np.zeros((symbols, 1))

    def watch(self, moment: Moment, state: Any) -> Any:
        del moment
        return state + 1.0

    def act(self, moment: Moment, state: Any) -> Any:
        decided = self.decided(moment, state)
        return decided.exposures, decided.state

    def decided(self, moment: Moment, state: Any) -> Decided:
        known = np.isfinite(moment.features).all(axis=1) & moment.present
        lean = np.where(known, np.sign(np.nan_to_num(moment.features[:, 0])), 0.0)
        return Decided(
            self.size * lean, np.where(known, 0.8, np.nan), state + 1.0, np.stack([lean, state[:, 0]], axis=1)
        )


def walk(bars: int = 400, symbols: int = 1, seed: int = 0, holes: bool = False, sigma: float = 0.01) -> Bars:
    """Returns hourly bars of a random walk, all symbols from the first bar on."""
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, sigma, (bars, symbols)), axis=0))
    open_ = np.vstack([close[:1], close[:-1]]) * np.exp(rng.normal(0.0, 0.001, (bars, symbols)))
    high = np.maximum(open_, close) * (1.0 + np.abs(rng.normal(0.0, 0.002, (bars, symbols))))
    low = np.minimum(open_, close) * (1.0 - np.abs(rng.normal(0.0, 0.002, (bars, symbols))))
    volume = rng.uniform(1e3, 1e4, (bars, symbols))
    if holes:
        gone = rng.random((bars, symbols)) < 0.1
        gone[0] = gone[-1] = False
        gone[:, 0] = False
        for column in (open_, high, low, close, volume):
            column[gone] = np.nan
    time = np.datetime64("2024-01-05", "ns") + np.arange(bars) * np.timedelta64(1, "h")
    names = tuple(f"S{s}" for s in range(symbols))
    return Bars.from_arrays(time, open=open_, high=high, low=low, close=close, volume=volume, symbols=names)


def setup_of(bars: Bars, safeguards: SafeguardsConfig | None = None, **changes: Any) -> Setup:
    """Returns the setup of an account on these bars."""
    features = FeatureSet.standard().select(columns=["return_1", "return_5"])
    return Setup(
        **{
            "policy": Momentum(features),
            "features": features,
            "market": MarketConfig(costs=COSTS).at(bars),
            "symbols": bars.symbols,
            "bar_length": bars.bar_length,
            "periods_per_year": bars.periods_per_year,
            "calendar": bars.calendar,
            "safeguards": safeguards,
            "name": "momentum",
            **changes,
        }
    )


def events(bars: Bars, watched: int = 0) -> list[BarEvent]:
    """Returns the bars as events; the first ones are only watched."""
    rows = np.stack([bars.open, bars.high, bars.low, bars.close, bars.volume], axis=1)
    extras = {name: np.asarray(column, np.float64) for name, column in bars.extras.items()}
    stamps = bars.time.view(np.int64).tolist()
    return [
        BarEvent(stamp, rows[t], {name: c[t] for name, c in extras.items()}, stamp + bars.bar_length, t < watched)
        for t, stamp in enumerate(stamps)
    ]
