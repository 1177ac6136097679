"""`LabelStream`: bars go in one after another, and labels come out when they are due."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.errors import ConfigError, DataError
from regimen.labels.config import LabelsConfig
from regimen.labels.labels import check_reach
from regimen.labels.stream_step import AGE, CLASS, RETURN, SYMBOL, LabelStep
from regimen.reprs import many, short

Floats = NDArray[np.float64]


class DueLabels(NamedTuple):
    """Labels that are known with a bar and were not before it, by symbol and the oldest first.

    Attributes:
        time: (n,) position of the bar of each decision; the first bar that was pushed is 0.
        symbol: (n,) position of the symbol.
        y: (n,) int8: 0 SELL, 1 HOLD, 2 BUY.
        forward_return: (n,) simple return that the label stands for.
    """

    time: NDArray[np.int64]
    symbol: NDArray[np.int64]
    y: NDArray[np.int8]
    forward_return: Floats


@final
class LabelStream:
    """The only way by which labels reach what trades: a label is handed out at the bar ``t_end`` that completes it.

    Over all bars it hands out what `regimen.labels.label` makes of them, bit for bit, class and return. Besides it
    hands out those of the last ``entry_lag + horizon`` rows whose barrier was met already, which `label` leaves out.

    *Timing:* with barriers the labels of fast moves come before those of slow ones, so what is known of the latest
    bars is not a fair sample of them; over time each label comes once.

    Args:
        config: a fixed horizon or a triple barrier.
        symbols: names, in the order of the prices that will be pushed; or their number.
        round_trip: as `label` takes it.

    Raises:
        ConfigError: labels by a function of all bars; costs that are not given.
    """

    def __init__(self, config: LabelsConfig, symbols: Sequence[str] | int = 1, round_trip: float | None = None) -> None:
        self.config, self.step = config, LabelStep.of(config, round_trip)
        self._symbols = symbols if isinstance(symbols, int) else len(symbols)
        self._state, self._room = self.step.initial_state(self._symbols), self.step.room(self._symbols)
        self._stamp, self._factor = -math.inf, np.ones(self._symbols)

    def __repr__(self) -> str:
        return short(self, f"{self.config.kind}, {many(self.seen, 'bar')} of {many(self._symbols, 'symbol')}")

    @property
    def seen(self) -> int:
        """Bars that were pushed."""
        return self.step.place(self._state)

    def push(
        self,
        time: np.datetime64 | int,
        open: Floats,
        high: Floats,
        low: Floats,
        close: Floats,
        adjustment: Floats | None = None,
    ) -> DueLabels:
        """Takes the next bar; returns the labels that are known with it.

        Args:
            time: of the bar: a time, or nanoseconds since 1970.
            open, high, low, close: (symbol,) prices; NaN where a symbol has no bar.
            adjustment: (symbol,) cumulative factor of splits that prices are multiplied by; None: there are none.

        Raises:
            DataError: a bar that is not after the last one, or of another number of symbols.
        """
        stamp = int(time.astype("datetime64[ns]").astype(np.int64)) if isinstance(time, np.datetime64) else int(time)
        if stamp <= self._stamp:
            last = np.datetime64(int(self._stamp), "ns").astype("datetime64[s]")
            rule = f"must come in the order of time, each once, the next one after {last}"
            raise DataError("label stream: bar", rule, str(np.datetime64(stamp, "ns").astype("datetime64[s]")))
        prices = open, high, low, close
        if any(np.shape(price) != (self._symbols,) for price in prices):
            rule = f"must have one open, high, low and close for each of {many(self._symbols, 'symbol')}"
            raise DataError("label stream: bar", rule, [np.shape(price) for price in prices])
        factor = 1.0 if adjustment is None else adjustment
        scaled = tuple(np.asarray(price * factor, np.float64) for price in prices)
        self._stamp, place = stamp, self.seen
        count = self.step.push(scaled, _NO_SPLIT, self._state, self._room)  # type: ignore[arg-type]
        return _named(self._room[:count], place)

    def replay(self, bars: Bars) -> tuple[DueLabels, ...]:
        """Pushes all bars of a series; returns what falls due with each.

        Raises:
            ConfigError: the horizon, with the entry lag, reaches beyond them.
            DataError: as `push`.
        """
        check_reach(self.step.horizon, self.step.lag, self.step.volatility_bars, len(bars))
        factor = bars.extras.get("adjustment")
        return tuple(
            self.push(
                bars.time[t],
                bars.open[t],
                bars.high[t],
                bars.low[t],
                bars.close[t],
                None if factor is None else factor[t],
            )
            for t in range(len(bars))
        )

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Returns all that it remembers, by name."""
        stamp = np.iinfo(np.int64).min if self._stamp == -math.inf else int(self._stamp)
        return {"memory": self._state.copy(), "stamp": np.array(stamp)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Goes on from a `state`, bit for bit.

        Raises:
            ConfigError: it is of another config or of other symbols.
        """
        memory, stamp = np.asarray(state["memory"], np.float64), int(state["stamp"])
        if memory.shape != self._state.shape:
            raise ConfigError("label stream", f"must have the memory {self._state.shape} of its config", memory.shape)
        self._state = memory.copy()
        self._stamp = -math.inf if stamp == np.iinfo(np.int64).min else stamp


_NO_SPLIT: Floats = np.empty(0)


def _named(due: Floats, place: int) -> DueLabels:
    return DueLabels(
        place - due[:, AGE].astype(np.int64),
        due[:, SYMBOL].astype(np.int64),
        due[:, CLASS].astype(np.int8),
        due[:, RETURN].copy(),
    )
