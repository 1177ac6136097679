"""`FeatureStream`: the same compiled steps, one bar at a time, for a live process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.errors import DataError
from regimen.features.known.symbol import symbol_code
from regimen.features.live.live_bar import checked, checked_extra, stamp_of
from regimen.reprs import many, short
from regimen.scan import Series, States

if TYPE_CHECKING:
    from regimen.features.feature_set import FeatureFrame, FeatureSet

_NO_TIME = np.iinfo(np.int64).min


class FeatureStream:
    """Features of bars that come one by one; each row equals the batch's, bit for bit.

    Args:
        features: the set; its compiled loops are shared with the batch.
        symbols: each has its own state.

    Raises:
        DataError: no symbol, or one twice.
    """

    def __init__(self, features: FeatureSet, symbols: tuple[str, ...]) -> None:
        if not symbols or len(set(symbols)) != len(symbols):
            raise DataError("symbols", "must be at least one name, each only once", symbols)
        self.features = features
        self.symbols = symbols
        self._positions = {symbol: at for at, symbol in enumerate(symbols)}
        self._program = features.program
        self._states = self._program.start(len(symbols))
        self._last = np.full(len(symbols), _NO_TIME)
        self._time = np.empty(1, dtype=np.int64)
        self._bar = np.empty((5, 1))
        self._extras = np.empty((len(self._program.inputs), 1))
        # The scan takes read-only columns; these are such views of cells that `push` fills.
        o, h, lo, c, v = self._bar
        self._series = Series(self._time.view(), o, h, lo, c, v, self._extras.view())
        self._row = np.empty((1, len(symbols), len(features.names)))

    def __repr__(self) -> str:
        return short(self, f"{many(len(self.features.names), 'feature')} of {', '.join(self.symbols)}")

    def _position(self, symbol: str | None) -> int:
        if symbol is None and len(self.symbols) == 1:
            return 0
        if symbol not in self._positions:
            raise DataError("symbol", f"must be one of {', '.join(self.symbols)}", symbol)
        return self._positions[symbol]

    def push(
        self,
        time: int | np.integer[Any] | np.datetime64,
        open: float,
        high: float,
        low: float,
        close: float,
        volume: float = np.nan,
        symbol: str | None = None,
        extras: Mapping[str, float] | None = None,
    ) -> NDArray[np.float64]:
        """Takes one closed bar of one symbol and returns its features, (feature,); NaN until warm.

        A bar with a NaN price is passed over, like in the batch: a row of NaN, and the state waits. A bar that a
        file's reader would refuse is refused here, and the stream goes on as if it had not come.

        Args:
            time: the bar's start, nanoseconds since 1970 or datetime64, UTC; after the symbol's last bar.
            open, high, low, close: prices: positive, and high and low contain the others.
            volume: NaN where the source has none.
            symbol: may be left out when there is only one.
            extras: exogenous values by name; names that no feature reads are ignored, names left out are NaN.

        Raises:
            DataError: an unknown symbol; a time that does not follow the last one; a price, a volume or an extra
                that is infinite; a price or a volume out of its range.
        """
        at = self._position(symbol)
        self._take(at, stamp_of(time), checked(open, high, low, close, volume), extras)
        features: NDArray[np.float64] = self._row[0, at].copy()
        return features

    def advance(self, stamp: int, bars: NDArray[np.float64], extras: Mapping[str, NDArray[np.float64]]) -> None:
        """Does what `push` does for one bar of all symbols; `rows` are their features then.

        Args:
            stamp: the bar's start, nanoseconds since 1970; after that of every symbol's last bar.
            bars: (5, symbol) open, high, low, close, volume; NaN prices where a symbol has no bar.
            extras: exogenous values (symbol,) by name.

        Raises:
            DataError: see `push`. The symbols before the one that is refused have taken their bar.
        """
        needed = self._program.inputs
        for at, prices in enumerate(bars.T.tolist()):
            open, high, low, close, _ = prices
            if open != open or high != high or low != low or close != close:
                self._row[0, at] = np.nan
                continue
            own = {name: float(extras[name][at]) for name in needed if name in extras} if needed else None
            checked(*prices)
            self._take(at, stamp, bars[:, at], own)

    @property
    def rows(self) -> NDArray[np.float64]:
        """(symbol, feature) of the bar that `advance` took; a copy."""
        rows: NDArray[np.float64] = self._row[0].copy()
        return rows

    def _take(
        self,
        at: int,
        stamp: int,
        prices: tuple[float, ...] | NDArray[np.float64],
        extras: Mapping[str, float] | None,
    ) -> None:
        if stamp <= self._last[at]:
            last = np.datetime64(int(self._last[at]), "ns")
            rule = f"must be after the last bar of {self.symbols[at]}, {last}"
            raise DataError("time", rule, str(np.datetime64(stamp, "ns")))
        self._bar[:, 0] = prices
        for row, name in enumerate(self._program.inputs):
            given = None if extras is None else extras.get(name)
            own = symbol_code(name, self.symbols[at]) if given is None else checked_extra(name, given)
            self._extras[row, 0] = own
        self._time[0] = stamp
        self._program.advance(at, self._series, self._states, self._row)
        self._last[at] = stamp

    def replay(self, bars: Bars) -> FeatureFrame:
        """Takes a stretch of history at the batch's speed, e.g. to warm up, and returns its features.

        Raises:
            DataError: the bars have other symbols, or do not start after the last bar seen.
        """
        from regimen.features.feature_set import FeatureFrame, series_of

        if bars.symbols != self.symbols:
            raise DataError("bars.symbols", f"must be {', '.join(self.symbols)}", bars.symbols)
        stamps = bars.time.view(np.int64)
        if stamps[0] <= self._last.max():
            rule = f"must start after the last bar seen, {np.datetime64(int(self._last.max()), 'ns')}"
            raise DataError("bars.time", rule, str(bars.time[0]))
        values = np.empty((*bars.shape, len(self.features.names)))
        panel = [series_of(bars, at, self._program.inputs) for at in range(len(self.symbols))]
        self._program.advance_all(panel, self._states, values)
        self._last[:] = stamps[-1]
        return FeatureFrame(values, self.features.names, bars.time, bars.symbols)

    def state_dict(self) -> dict[str, NDArray[np.generic]]:
        """Returns copies of all that the stream remembers, as arrays."""
        return {
            "schema": np.frombuffer(bytes.fromhex(self.features.hash), dtype=np.uint8),
            "symbols": np.frombuffer("\n".join(self.symbols).encode(), dtype=np.uint8),
            "last": self._last.copy(),
            "floats": self._states.floats.copy(),
            "ints": self._states.ints.copy(),
            "rings": self._states.rings.copy(),
        }

    def adopt(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Remembers in these arrays from now on, as they are: they have the names and the shapes of `state_dict`."""
        self._last = arrays["last"]
        self._states = States(arrays["floats"], arrays["ints"], arrays["rings"])

    def load_state_dict(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Takes up a saved state.

        Raises:
            DataError: a missing part, or a state of other features or symbols.
        """
        own = self.state_dict()
        for name, array in own.items():
            if name not in state:
                raise DataError("stream state", f"must hold {', '.join(own)}", tuple(state))
            same = state[name].shape == array.shape
            if name in ("schema", "symbols"):
                same = np.array_equal(state[name], array)
            if not same:
                raise DataError(f"stream state.{name}", "must be that of the same features and symbols")
        self._last[:] = state["last"]
        self._states.floats[:] = state["floats"]
        self._states.ints[:] = state["ints"]
        self._states.rings[:] = state["rings"]
