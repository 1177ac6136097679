"""The regime market: bars with the stylised facts of real ones, whose regimes are known, apart from the bars."""

from __future__ import annotations

import math
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from regimen.seeding import generator
from regimen.simulators.quotes import Quotes
from regimen.simulators.regimes.regime import STANDARD, STANDARD_EXITS, Regime, stationary_law, transition_matrix
from regimen.simulators.regimes.walk import Dynamics, walk
from regimen.simulators.simulation import Simulation, checked_length

Values = NDArray[np.float64]


class RegimeMarketConfig(BaseModel):
    """Markov regimes common to all symbols; in each, GJR-GARCH returns with Student-t innovations, and jumps.

    r_t = v·(drift_z + m_z·e_t + jump_t) − reversion_z·(sum of returns since z began), e_t = √h_t·ε_t,
    h_{t+1} = ω + (α + γ·1{e_t < 0})e_t² + βh_t with ω = 1 − α − γ/2 − β, so that E h = 1. ε is multivariate Student-t
    with ν degrees of freedom, variance 1 and the regime's correlation. v is ``volatility``, m_z the regime's factor.
    Volume follows volatility and range.

    Source of the recursion: L. Glosten, R. Jagannathan and D. Runkle, Journal of Finance 48 (1993).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["regimes"] = "regimes"
    symbols: tuple[str, ...] = Field(default=("asset",), min_length=1, description="names of the symbols")
    volatility: float = Field(
        default=0.006, gt=0.0, le=0.05, description="base volatility v: standard deviation of a bar, before regimes"
    )
    regimes: tuple[Regime, ...] = Field(default=STANDARD, min_length=1, description="the states of the market")
    exits: tuple[tuple[float, ...], ...] = Field(
        default=STANDARD_EXITS,
        description="row i: chances of what follows regime i when it ends (sum 1, nothing on the diagonal)",
    )
    news: float = Field(default=0.04, ge=0.0, lt=1.0, description="α, response of the variance to a squared innovation")
    leverage: float = Field(default=0.09, ge=0.0, lt=1.0, description="γ, extra response to a negative innovation")
    memory: float = Field(default=0.88, ge=0.0, lt=1.0, description="β, share of the variance that is left a bar later")
    tail: float = Field(default=5.0, gt=2.0, le=1000.0, description="ν, degrees of freedom; a small ν has fat tails")
    correlation: float | tuple[tuple[float, ...], ...] = Field(
        default=0.4, description="correlation of any two symbols (0 to below 1), or the whole matrix"
    )
    volume_noise: float = Field(
        default=0.3, ge=0.0, le=3.0, description="standard deviation of log volume around what volatility explains"
    )
    quotes: Quotes = Field(default_factory=Quotes, description="prices, volume, bar length, decoys")

    @model_validator(mode="after")
    def _is_a_market(self) -> Self:
        if len(set(self.symbols)) != len(self.symbols):
            raise ValueError("symbols must be named only once each")
        names = [regime.name for regime in self.regimes]
        if len(set(names)) != len(names):
            raise ValueError("regimes must be named only once each")
        persistence = self.news + 0.5 * self.leverage + self.memory
        if persistence >= 1.0:
            raise ValueError(f"news + leverage/2 + memory must be below 1; got {persistence:g}")
        if len(self.regimes) > 1:
            rows = np.array(self.exits) if len({len(row) for row in self.exits}) == 1 else np.empty(0)
            count = len(self.regimes)
            if rows.shape != (count, count):
                raise ValueError(f"exits must be {count} rows of {count} chances, one per regime")
            if (rows < 0.0).any() or np.abs(rows.sum(axis=1) - 1.0).max() > 1e-9 or np.diag(rows).any():
                raise ValueError("exits must be chances: not negative, rows summing to 1, zeros on the diagonal")
        for regime in self.regimes:
            self._root(regime)
        return self

    def _root(self, regime: Regime) -> Values:
        """Lower Cholesky factor of the symbols' correlation in a regime."""
        wanted = self.correlation if regime.correlation is None else regime.correlation
        count = len(self.symbols)
        if isinstance(wanted, tuple):
            matrix = np.array(wanted) if len({len(row) for row in wanted}) == 1 else np.empty(0)
            if matrix.shape != (count, count):
                raise ValueError(f"correlation must be {count} rows of {count} numbers, one per symbol")
            if not (np.allclose(matrix, matrix.T) and np.allclose(np.diag(matrix), 1.0)):
                raise ValueError("correlation must be symmetric with ones on the diagonal")
        elif not 0.0 <= wanted < 1.0:
            raise ValueError(f"correlation must be at least 0 and below 1; got {wanted:g}")
        else:
            matrix = np.full((count, count), wanted) + (1.0 - wanted) * np.eye(count)
        try:
            return np.linalg.cholesky(matrix)
        except np.linalg.LinAlgError:
            raise ValueError("correlation must be a positive definite matrix") from None

    @property
    def transition(self) -> Values:
        """(regime, regime): chances of the regime of bar t + 1 given that of bar t."""
        return transition_matrix(self.regimes, self.exits)

    @property
    def shares(self) -> Values:
        """(regime,) share of bars in each regime in the long run."""
        return stationary_law(self.transition)

    def _dynamics(self) -> Dynamics:
        transition = self.transition
        cumulative = np.cumsum(transition, axis=1)
        cumulative[:, -1] = 2.0  # above every draw, whatever the sum was rounded to

        def column(name: str) -> Values:
            return np.array([getattr(regime, name) for regime in self.regimes], dtype=np.float64)

        size = column("volatility")
        mean = column("drift") + column("jump_chance") * column("jump_mean") * size
        return Dynamics(
            cumulative=cumulative,
            drift=column("drift"),
            size=size,
            reversion=column("reversion"),
            stay=np.diag(transition).copy(),
            ahead=transition @ mean,
            jump_chance=column("jump_chance"),
            jump_mean=column("jump_mean") * size,
            jump_deviation=column("jump_deviation") * size,
            roots=np.stack([self._root(regime) for regime in self.regimes]),
            volatility=self.volatility,
            news=self.news,
            leverage=self.leverage,
            memory=self.memory,
        )

    def simulate(self, bars: int, seed: int) -> Simulation:
        """Returns a path; the bars show prices and volume only.

        Truth: ``regime`` (time,) int8, named by ``names["regime"]``; and (time, symbol): ``returns`` (simple),
        ``volatility`` (conditional standard deviation of the bar, without jumps), ``jump`` (the part of the return
        that was one), ``expected`` (mean of the next return, given the regime and the past).

        The same seed gives the same bytes, and a longer path begins with the shorter one.

        Raises:
            ConfigError: fewer than 2 bars, more than nanosecond stamps can name, or prices beyond floats.
        """
        bars, width = checked_length(bars), len(self.symbols)

        def rng(name: str) -> np.random.Generator:
            return generator(seed, "simulators", self.kind, name)

        first = int(np.searchsorted(np.cumsum(self.shares), rng("start").random()))
        mixing = rng("tail").chisquare(self.tail, bars)
        mixing = np.sqrt((self.tail - 2.0) / mixing)
        regime, returns, sigma, jump, expected = walk(
            self._dynamics(),
            min(first, len(self.regimes) - 1),
            rng("regime").random(bars),
            rng("shocks").standard_normal((bars, width)),
            mixing,
            rng("jumps").random(bars),
            rng("jump sizes").standard_normal((bars, width)),
        )
        busy = sigma * (np.array([state.volume for state in self.regimes])[regime] / self.volatility)[:, None]
        if self.volume_noise > 0.0:
            busy *= np.exp(self.volume_noise * rng("volume").standard_normal((bars, width)))
        path = self.quotes.bars(returns, sigma, seed, f"simulated {self.kind}", {}, self.symbols, busy)
        truth: dict[str, NDArray[np.generic]] = {
            "regime": regime,
            "returns": returns,
            "volatility": sigma,
            "jump": jump,
            "expected": expected,
        }
        return Simulation(path, truth, 1.0, {"regime": tuple(state.name for state in self.regimes)})

    @property
    def persistence(self) -> float:
        """α + γ/2 + β: what is left of a shock to variance after a bar; its half-life is log ½ over its log."""
        return self.news + 0.5 * self.leverage + self.memory

    @property
    def half_life(self) -> float:
        """Bars after which half of a shock to variance is gone."""
        return math.log(0.5) / math.log(self.persistence) if self.persistence > 0.0 else 0.0
