"""The markets of `regimen prove`, each with the positions that may be held on it and what must be reached there."""

from __future__ import annotations

from regimen.proving.experiment import Arena, Demand, Mode
from regimen.simulators import (
    Ar1Config,
    GarleanuPedersenConfig,
    HiddenRegimeConfig,
    HysteresisConfig,
    KellyConfig,
    MartingaleConfig,
    MertonConfig,
    OrnsteinUhlenbeckConfig,
    Quotes,
)

SURE: tuple[Mode, ...] = ("deterministic",)
DRAWN: tuple[Mode, ...] = ("drawn",)

MARTINGALE = Arena("martingale", MartingaleConfig(), (Demand("turnover/random", "worst", high=0.01),))
_SIGN = (Demand("score", "iqm", 0.99), Demand("score", "worst", 0.98))
AR1 = Arena("ar1", Ar1Config(), _SIGN)
OU = Arena("ou", OrnsteinUhlenbeckConfig(), (*_SIGN, Demand("lag law", "iqm", high=3.0)))
HYSTERESIS = Arena(
    "hysteresis",
    HysteresisConfig(cost=1.0),
    (
        Demand("score", "iqm", 0.97),
        Demand("score", "worst", 0.95),
        Demand("q−q*", "iqm", -0.1, 0.1),
        Demand("J/myopic", "worst", 1.0),
    ),
)
GARLEANU_PEDERSEN = Arena(
    "garleanu-pedersen",
    GarleanuPedersenConfig(),
    (
        Demand("score", "iqm", 0.97, modes=SURE),
        Demand("score", "worst", 0.90, modes=SURE),
        Demand("τ/τ*", "iqm", 0.9, 1.1, SURE),
        Demand("m/m*", "iqm", 0.9, 1.1, SURE),
    ),
    levels=None,
    reach=3.5,
)
"""Demanded of the deterministic mode only: a drawn position pays λσ² a bar for its own noise."""
HIDDEN = Arena(
    "hidden",
    HiddenRegimeConfig(),
    (Demand("score", "worst", 0.95), Demand("J/memoryless", "worst", 1.5)),
    show_position=False,
)
FORGETFUL = HIDDEN.demanding(Demand("J/memoryless", "iqm", 0.95, 1.03))
"""The control: an agent without a memory earns what the best policy without one does, and no more."""
KELLY = Arena(
    "kelly", KellyConfig(chance=0.75, volatility=1e-4), (Demand("x/x*", "worst", 0.95, 1.05),), levels=None, reach=0.9
)
MERTON = Arena(
    "merton",
    MertonConfig(drift=0.005, volatility=0.1, risk_aversion=2.0),
    (Demand("x/x*", "iqm", 0.95, 1.05),),
    levels=None,
)
TOMORROW = Arena("tomorrow", HysteresisConfig(cost=0.1, phi=0.0), (Demand("score", "worst", 0.95),))
"""The positive control: the signal is tomorrow's return itself, which nothing else foretells."""
DECOYS = Arena("ou+noise", OrnsteinUhlenbeckConfig(quotes=Quotes(decoys=5)), (Demand("score", "worst", 0.98),))
"""Five columns of noise beside the signal cost at most two points."""

KNOWN = (MARTINGALE, AR1, OU, HYSTERESIS, GARLEANU_PEDERSEN, HIDDEN, KELLY, MERTON)
"""One arena of each market that can be played."""
