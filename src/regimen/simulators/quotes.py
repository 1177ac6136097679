"""Returns become bars: an open that is the last close, highs and lows around the path, volume that follows range."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from regimen.bars import Bars, Calendar
from regimen.errors import ConfigError
from regimen.jit import jit
from regimen.seeding import generator

Values = NDArray[np.float64]
MINUTE = 60_000_000_000
_LENGTHS = {"1m": MINUTE, "1h": 60 * MINUTE, "1d": 1440 * MINUTE}
_START = np.datetime64("2000-01-01", "ns").astype(np.int64)
_LAST = np.iinfo(np.int64).max
_LARGEST = 1e280


class Quotes(BaseModel):
    """How a simulated market is quoted; none of it changes what can be earned."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    price: float = Field(default=100.0, gt=0.0, description="open of the first bar, quote currency")
    volume: float = Field(default=1000.0, gt=0.0, description="typical volume of a bar, base units")
    bar_length: Literal["1m", "1h", "1d"] = Field(
        default="1h", description="length of a bar; bars follow each other without a gap (calendar 24/7)"
    )
    decoys: int = Field(
        default=0,
        ge=0,
        le=1000,
        description="extra columns decoy_1, decoy_2, …: independent N(0, 1) noise that predicts nothing",
    )

    def times(self, bars: int) -> NDArray[np.datetime64]:
        """Returns the starts of so many bars, from 2000-01-01 on.

        Raises:
            ConfigError: they would run past the year 2262, where nanosecond stamps end.
        """
        step = _LENGTHS[self.bar_length]
        most = (_LAST - int(_START)) // step
        if bars > most:
            raise ConfigError("bars", f"must be at most {most} bars of {self.bar_length} (try shorter bars)", bars)
        return (_START + np.arange(bars, dtype=np.int64) * step).view("datetime64[ns]")

    def bars(
        self,
        returns: Values,
        deviation: float | Values,
        seed: int,
        source: str,
        shown: Mapping[str, Values],
        symbols: tuple[str, ...] = ("asset",),
        activity: Values | None = None,
    ) -> Bars:
        """Returns bars whose closes move by the given simple returns.

        open_t = close_{t−1}. Within the bar the path is taken for a Brownian bridge: with E standard
        exponential, the high stands ½(√(r² + 2σ²E) − |r|) above the higher of open and close, the low
        likewise (independently) below the lower one. Volume is proportional to the range over σ.

        Args:
            returns: (time,) or (time, symbol) simple returns of each bar.
            deviation: σ of a bar's return; one number, or one for each return.
            seed: of highs, lows and decoys.
            source: what the bars say they are.
            shown: extra columns, (time,) or (time, symbol), known at the close of their bar.
            symbols: names of the columns.
            activity: factor on the volume, shaped like ``returns``.

        Raises:
            ConfigError: prices would leave the range of floats: the volatility is too high for so many bars.
        """
        moves = returns[:, None] if returns.ndim == 1 else returns
        count, width = moves.shape
        rng = generator(seed, "simulators", "quotes")
        above, below = (
            rng.standard_exponential((count, width)),
            generator(seed, "simulators", "quotes", "low").standard_exponential((count, width)),
        )
        sigma = np.broadcast_to(np.asarray(deviation, dtype=np.float64), returns.shape).reshape(count, width)
        busy = np.broadcast_to(np.ones(()) if activity is None else activity, returns.shape).reshape(count, width)
        opens, highs, lows, closes, volumes, extreme = _quote(moves, sigma, busy, above, below, self.price, self.volume)
        if not extreme < math.log(_LARGEST):
            raise ConfigError(
                "volatility", f"is too high for {count} bars: prices leave the range of floats (shorten the path)"
            )
        extras: dict[str, Values] = dict(shown)
        for number in range(1, self.decoys + 1):
            extras[f"decoy_{number}"] = generator(seed, "simulators", "decoy", number).standard_normal((count, width))
        return Bars.from_arrays(
            self.times(count),
            open=opens,
            high=highs,
            low=lows,
            close=closes,
            volume=volumes,
            symbols=symbols,
            bar_length=_LENGTHS[self.bar_length],
            calendar=Calendar("24/7"),
            extras=extras,
            source=source,
            checked=False,
        )


@jit
def _quote(
    returns: Values, sigma: Values, busy: Values, above: Values, below: Values, price: float, volume: float
) -> tuple[Values, Values, Values, Values, Values, float]:
    count, width = returns.shape
    opens = np.empty((count, width))
    highs = np.empty((count, width))
    lows = np.empty((count, width))
    closes = np.empty((count, width))
    volumes = np.empty((count, width))
    largest = price
    smallest = price
    for s in range(width):
        last = price
        for t in range(count):
            r = returns[t, s]
            size = abs(r)
            spread = 2.0 * sigma[t, s] * sigma[t, s]
            up = 0.5 * (math.sqrt(r * r + spread * above[t, s]) - size)
            down = 0.5 * (math.sqrt(r * r + spread * below[t, s]) - size)
            close = last * (1.0 + r)
            opens[t, s] = last
            closes[t, s] = close
            highs[t, s] = max(last, close) * (1.0 + up)
            lows[t, s] = min(last, close) / (1.0 + down)
            # 1.6 deviations is the mean range of a Brownian bar; the constant keeps a still bar from trading nothing
            volumes[t, s] = volume * busy[t, s] * (0.05 + (up + down + size) / (1.6 * sigma[t, s] + 1e-300))
            last = close
            largest = max(largest, close)
            smallest = min(smallest, close)
    extreme = math.inf
    if smallest > 0.0:
        extreme = max(math.log(largest), -math.log(smallest))
    return opens, highs, lows, closes, volumes, extreme
