"""How often each verdict was given, with its interval, and how often what people look at instead says yes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from regimen.judging import CONFIDENCE
from regimen.metrics import wilson
from regimen.runs.calibration.examined import Examined, JudgedBest
from regimen.runs.calibration.kinds import KINDS
from regimen.runs.calibration.power import theoretical_power

NOMINAL = 0.05
"""Share of markets without an edge on which "evidence" may be given, whatever was searched."""
TOLERANCE = 0.10
"""How far the power may be from that of the rules in theory."""


@dataclass(frozen=True)
class Share:
    """A share of markets with its 95 % interval (Wilson 1927)."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, times: int, count: int) -> Share:
        """Returns the share of ``times`` in ``count``."""
        low, high = wilson(np.array([times / count]), np.array([count]))
        return cls(times / count, float(low[0]), float(high[0]))


@dataclass(frozen=True)
class Rate:
    """What was found on one kind of market after one number of trials.

    Attributes:
        kind: name of the kind.
        best_of: N.
        markets: how many.
        evidence: share of them with the verdict "evidence".
        worse: share with "worse than doing nothing".
        refused: share on which nothing was weighed (suspicious, too short, does nothing, not tradable).
        psr: share whose best has a PSR above .95, the test that does not know of the trials.
        profit: share whose best has a Sharpe ratio above 0.
        theory: power of the rules for the planted edge; NaN where there is none.
    """

    kind: str
    best_of: int
    markets: int
    evidence: Share
    worse: float
    refused: float
    psr: float
    profit: float
    theory: float

    @property
    def within(self) -> bool:
        """Whether the rate is what is promised, as far as so many markets can tell.

        Without an edge at most 5 %, with one within 10 points of the theory: a part of the interval lies there.
        """
        if math.isnan(self.theory):
            return self.evidence.low <= NOMINAL
        return self.evidence.low <= self.theory + TOLERANCE and self.evidence.high >= self.theory - TOLERANCE


def rates(markets: Sequence[Examined]) -> tuple[Rate, ...]:
    """Returns the rates by kind and number of trials, in the order of `KINDS`."""
    outcomes: dict[tuple[str, int], list[JudgedBest]] = {}
    for market in markets:
        for judged in market.judged:
            outcomes.setdefault((market.kind, judged.best_of), []).append(judged)
    order = {name: place for place, name in enumerate(KINDS)}
    keys = sorted(outcomes, key=lambda key: (order[key[0]], key[1]))
    return tuple(_rate(kind, best_of, outcomes[kind, best_of]) for kind, best_of in keys)


def _rate(kind: str, best_of: int, judged: Sequence[JudgedBest]) -> Rate:
    count, known = len(judged), KINDS[kind]
    levels = [each.level for each in judged]

    def share(level: str) -> float:
        return levels.count(level) / count

    weighed = share("evidence") + share("no evidence") + share("worse than doing nothing")
    return Rate(
        kind=kind,
        best_of=best_of,
        markets=count,
        evidence=Share.of(levels.count("evidence"), count),
        worse=share("worse than doing nothing"),
        refused=max(0.0, 1.0 - weighed),
        psr=sum((each.psr or 0.0) > CONFIDENCE for each in judged) / count,
        profit=sum((each.sharpe or 0.0) > 0.0 for each in judged) / count,
        theory=math.nan if known.sharpe is None else theoretical_power(known.sharpe, known.years, best_of),
    )
