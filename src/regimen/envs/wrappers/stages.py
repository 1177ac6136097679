"""Stages of a curriculum: easier markets, of own bars or simulated in their place, at a share of the costs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator

from regimen.augment import ratios_of, requoted, with_ratios
from regimen.bars import Bars
from regimen.execution import Costs, MarketConfig
from regimen.seeding import generator, torch_seed

if TYPE_CHECKING:
    from regimen.simulators import RegimeMarketConfig

Floats = NDArray[np.float64]
_COMMISSIONS = ("commission_bps", "commission_fixed", "stamp_duty_bps")
_SLIPPAGE = ("half_spread_bps", "impact_coefficient")
RegimeName = Literal["trend up", "trend down", "range", "high volatility", "crisis"]
"""The standard regimes, in their order."""
_NAMES: tuple[RegimeName, ...] = get_args(RegimeName)
_MOST = 0.05
"""Largest base volatility of a simulated market."""


class _Costs(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str = Field(default="", description="what the stage is called")
    commission: float = Field(default=1.0, ge=0.0, le=10.0, description="share of the market's commissions and duties")
    slippage: float = Field(default=1.0, ge=0.0, le=10.0, description="share of its spread and impact")
    volatility: float = Field(default=1.0, gt=0.0, le=10.0, description="share of its volatility")

    def market(self, true: MarketConfig) -> MarketConfig:
        """Returns the rules of trading in this stage: its share of the true costs, and all else as it is."""
        if self.commission == self.slippage == 1.0:
            return true
        own = true.costs
        shares = dict.fromkeys(_COMMISSIONS, self.commission) | dict.fromkeys(_SLIPPAGE, self.slippage)
        rates = {name: getattr(own, name) * share for name, share in shares.items()}
        rates |= {"borrow_annual": own.borrow_annual, "financing_annual": own.financing_annual}
        costs = Costs(**rates, impact_span=own.impact_span, funding=own.funding, zero_costs=not any(rates.values()))
        return true.model_copy(update={"costs": costs})


class OwnStage(_Costs):
    """The user's own bars, whose moves are smaller, and closer to their trend line, than they were.

    A price p becomes p₀·(p̂/p₀)^v with p̂ = m·(p/m)^ν: m, the trend line, is the geometric mean of the closes around a
    bar, ν the share of the ``noise`` around it that is left and v that of the ``volatility``. The trend line knows bars
    that come later, which makes the market easier, as it should be; only the training slice is read. With shares of 1
    the bars are what they are.
    """

    bars: Literal["own"] = Field(default="own", description="the user's own")
    noise: float = Field(default=1.0, gt=0.0, le=1.0, description="share that is left of moves around the trend line")
    trend_bars: int = Field(default=48, ge=3, description="bars around a bar that its trend line is the mean of")

    @property
    def is_true(self) -> bool:
        """Whether the stage is the market as it is."""
        return self.changes_no_bars and self.commission == self.slippage == 1.0

    @property
    def changes_no_bars(self) -> bool:
        """Whether the bars are what they are."""
        return self.noise == self.volatility == 1.0

    def path(self, own: Bars, seed: int) -> Bars:
        """Returns the bars of this stage; nothing is drawn."""
        del seed
        if self.changes_no_bars:
            return own
        known = np.isfinite(own.close)
        logs = np.where(known, np.log(np.where(known, own.close, 1.0)), 0.0)
        line = _mean(logs, self.trend_bars) / np.maximum(_mean(known.astype(np.float64), self.trend_bars), 1e-300)
        first = np.take_along_axis(logs, known.argmax(axis=0)[None], axis=0)

        def eased(prices: Floats) -> Floats:
            near = line + self.noise * (np.log(prices) - line)
            return np.asarray(np.exp(first + self.volatility * (near - first)))

        prices: dict[str, Any] = {name: eased(getattr(own, name)) for name in ("open", "high", "low", "close")}
        extras = requoted(own.extras, prices["close"] / own.close)
        return replace(own, **prices, extras=extras, source=f"{own.source} (eased)")


class SimulatedStage(_Costs):
    """A market of regimes in place of the user's bars: at their times, with their symbols, and known by no one.

    Its base volatility is a share of that of the user's bars, its trends drift by ``trend`` of it in a bar, and closes
    bounce between bid and ask by ``bounce`` of it. Every lane group has a path of its own.
    """

    bars: Literal["simulated"] = Field(description="simulated in place of the user's")
    trend: float = Field(default=0.1, ge=0.0, le=2.0, description="drift of a trend in a bar, in base volatilities")
    bounce: float = Field(default=0.0, ge=0.0, le=2.0, description="of closes around the path, in base volatilities")
    regimes: tuple[RegimeName, ...] = Field(
        default=_NAMES, min_length=1, description="that follow each other: of the standard"
    )
    paths: int = Field(default=4, ge=1, le=256, description="paths for the lanes of one symbol, at most one for a lane")

    @field_validator("regimes")
    @classmethod
    def _are_known(cls, regimes: tuple[RegimeName, ...]) -> tuple[str, ...]:
        for name in regimes:
            if name not in _NAMES:
                raise ValueError(f"must be of {', '.join(_NAMES)}; not {name!r}")
        if len(set(regimes)) != len(regimes):
            raise ValueError("must be named only once each")
        return regimes

    @property
    def is_true(self) -> bool:
        """Whether the stage is the market as it is: never."""
        return False

    @property
    def changes_no_bars(self) -> bool:
        """Whether the bars are what they are: never."""
        return False

    def path(self, own: Bars, seed: int) -> Bars:
        """Returns bars of a seed in place of the user's, missing where those are."""
        moves = np.diff(np.log(own.close), axis=0)
        base = min(_MOST, self.volatility * float(np.nanstd(moves)))
        simulated = self._simulator(own, base).simulate(len(own), torch_seed(seed, "stage") % 2**31).bars
        side = np.where(generator(seed, "stage", "bounce").random(own.shape) < 0.5, 1.0, -1.0)
        close = simulated.close * (1.0 + self.bounce * base * side)
        high, low = np.maximum(simulated.high, close), np.minimum(simulated.low, close)
        ratios = ratios_of(replace(simulated, close=close, high=high, low=low))
        there = own.present
        level = np.nanmedian(own.volume) / np.median(simulated.volume)
        path = with_ratios(
            own,
            type(ratios)(*(np.where(there, each, np.nan) for each in ratios)),
            simulated.volume * level,
            source="simulated",
        )
        return replace(path, extras=requoted(own.extras, path.close / own.close))

    def _simulator(self, own: Bars, base: float) -> RegimeMarketConfig:
        from regimen.simulators import RegimeMarketConfig
        from regimen.simulators.regimes import STANDARD, STANDARD_EXITS

        chosen = [_NAMES.index(name) for name in self.regimes]
        regimes = [STANDARD[k] for k in chosen]
        regimes = [
            each.model_copy(update={"drift": self.trend if each.drift > 0.0 else -self.trend})
            if each.name.startswith("trend")
            else each
            for each in regimes
        ]
        exits = np.array(STANDARD_EXITS)[np.ix_(chosen, chosen)]
        rows = (tuple((row / row.sum()).tolist()) for row in exits) if len(chosen) > 1 else ()
        return RegimeMarketConfig(symbols=own.symbols, volatility=base, regimes=tuple(regimes), exits=tuple(rows))


Stage = Annotated[OwnStage | SimulatedStage, Field(discriminator="bars")]
"""Every stage; ``bars`` chooses."""

_UP: tuple[RegimeName, ...] = ("trend up",)
_DOWN: tuple[RegimeName, ...] = ("trend down",)
_RANGE: tuple[RegimeName, ...] = ("range",)
SIMULATED: tuple[OwnStage | SimulatedStage, ...] = (
    SimulatedStage(
        bars="simulated",
        name="beginner",
        volatility=1 / 3,
        trend=0.8,
        commission=1 / 30,
        slippage=0.0,
        bounce=0.05,
        regimes=_UP,
    ),
    SimulatedStage(
        bars="simulated",
        name="intermediate",
        volatility=0.5,
        trend=0.6,
        commission=1 / 3,
        slippage=0.25,
        bounce=0.1,
        regimes=(*_UP, *_RANGE),
    ),
    SimulatedStage(
        bars="simulated",
        name="advanced",
        volatility=2 / 3,
        trend=0.4,
        commission=2 / 3,
        slippage=0.5,
        bounce=0.15,
        regimes=(*_UP, *_DOWN, *_RANGE),
    ),
    SimulatedStage(
        bars="simulated",
        name="expert",
        volatility=5 / 6,
        trend=0.2,
        commission=1.0,
        slippage=0.75,
        bounce=0.2,
        regimes=(*_DOWN, *_RANGE),
    ),
    OwnStage(name="master"),
)
"""Five stages from a market that only rises to the user's own."""
OWN: tuple[OwnStage, ...] = (
    OwnStage(name="beginner", noise=0.2, volatility=1 / 3, commission=1 / 30, slippage=0.0),
    OwnStage(name="intermediate", noise=0.4, volatility=0.5, commission=1 / 3, slippage=0.25),
    OwnStage(name="advanced", noise=0.6, volatility=2 / 3, commission=2 / 3, slippage=0.5),
    OwnStage(name="expert", noise=0.8, volatility=5 / 6, commission=1.0, slippage=0.75),
    OwnStage(name="master"),
)
"""Five stages of the user's own bars, from their trend line to what they are."""


def _mean(columns: Floats, bars: int) -> Floats:
    """Returns the means (time, symbol) of so many bars around each; of those there are, at both ends."""
    half, total = bars // 2, np.concatenate([np.zeros((1, columns.shape[1])), np.cumsum(columns, axis=0)])
    places = np.arange(len(columns))
    first, last = np.maximum(places - half, 0), np.minimum(places + half + 1, len(columns))
    return np.asarray((total[last] - total[first]) / (last - first)[:, None])
