"""`Tape`: bars made ready for the account step: checked prices, split ratios, variance before each bar."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.errors import ConfigError, DataError
from regimen.execution.config import MOST_PAID
from regimen.execution.costs import Costs
from regimen.jit import jit

Floats = NDArray[np.float64]


@jit
def survey(opens: Floats, highs: Floats, lows: Floats, closes: Floats, volumes: Floats) -> tuple[int, int, int]:
    """Returns the number of missing bars, the first bad price and the first bad volume (flat, -1 for none).

    The usual bar costs one comparison; only an unusual one is looked at closely.
    """
    missing = 0
    price = -1
    volume = -1
    for i in range(len(opens)):
        low = min(min(opens[i], highs[i]), min(lows[i], closes[i]))
        total = opens[i] + highs[i] + lows[i] + closes[i]
        if not (low > 0.0 and total < np.inf):
            if total != total:
                missing += 1
            elif price < 0:
                price = i
        if volumes[i] < 0.0 or volumes[i] == np.inf:
            volume = i if volume < 0 else volume
    return missing, price, volume


@jit
def variance_step(variance: float, before: float, price: float, weight: float) -> float:
    """Returns the exponential mean of squared simple returns after one more bar.

    ``v' = (1 - weight)·v + weight·r²`` with ``r = price/before - 1``; the first return seeds the mean
    (``variance`` NaN).
    """
    change = price / before - 1.0
    if variance == variance:
        return (1.0 - weight) * variance + weight * (change * change)
    return change * change


@jit
def _variances(closes: Floats, ratios: Floats, weight: float, out: Floats) -> None:
    """Writes the variance known before each bar, i.e. from closes up to the bar before; 0 without history."""
    for s in range(closes.shape[1]):
        variance = np.nan
        before = np.nan
        for t in range(closes.shape[0]):
            out[t, s] = variance if variance == variance else 0.0
            if ratios.shape[0] > 0:
                before /= ratios[t, s]
            price = closes[t, s]
            if price == price:
                if before == before:
                    variance = variance_step(variance, before, price, weight)
                before = price


@jit
def _ratios(factors: Floats, out: Floats) -> int:
    """Writes what units multiply by at each open; returns the first bad factor (flat, -1 for none)."""
    for s in range(factors.shape[1]):
        last = np.nan
        for t in range(factors.shape[0]):
            factor = factors[t, s]
            out[t, s] = 1.0
            if factor == factor:
                if not 0.0 < factor < np.inf:
                    return t * int(factors.shape[1]) + s
                if last == last:
                    out[t, s] = factor / last
                last = factor
    return -1


def nothing() -> Floats:
    """Returns the empty (0, 0) array of a column that a market has not."""
    empty = np.empty((0, 0))
    empty.flags.writeable = False
    return empty


class Tape(NamedTuple):
    """The market as the account step reads it; one per pair of bars and costs, shared by any number of
    accounts.

    Every array is (time, symbol), contiguous, float64 and read-only, or empty (0, 0) where the market has no
    such thing. ``opens`` and ``closes`` are NaN exactly where the symbol has no bar; all other prices are
    positive.

    Attributes:
        stamps: (time,) int64 nanoseconds, the start of each bar.
        opens, highs, lows, closes, volumes: the bars; a volume of NaN is unknown.
        variances: exponential variance of the returns up to the bar before; empty without impact.
        ratios: what units are multiplied by at the open (splits); empty without an ``adjustment`` extra.
        fundings: funding rate that falls in the bar, NaN for none; empty when funding is not charged.
        ends: (symbol,) int64 row of the last bar of a symbol that ends; the last row of the bars for the others.
        payouts: (symbol,) what a position is paid out at after that bar, as a fraction of the last price.
        complete: whether no bar is missing.
    """

    stamps: NDArray[np.int64]
    opens: Floats
    highs: Floats
    lows: Floats
    closes: Floats
    volumes: Floats
    variances: Floats
    ratios: Floats
    fundings: Floats
    ends: NDArray[np.int64]
    payouts: Floats
    complete: bool

    @classmethod
    def of(cls, bars: Bars, costs: Costs, delisting: float | str = 1.0) -> Tape:
        """Prepares bars for the account step.

        Args:
            bars: the market.
            costs: which of the columns are needed.
            delisting: what a position in a symbol that ends is paid out at: a fraction of the last price, or the
                extra whose last value is that fraction.

        Raises:
            DataError: a price that is not positive and finite, a negative volume, a split factor that is not
                positive, an infinite funding rate, or no volume at all while impact is to be charged; a
                payout that is not known or no fraction.
        """
        columns = [bars.open, bars.high, bars.low, bars.close]
        missing, price, volume = survey(
            bars.open.ravel(), bars.high.ravel(), bars.low.ravel(), bars.close.ravel(), bars.volume.ravel()
        )
        for name, position in (("open/high/low/close", price), ("volume", volume)):
            if position >= 0:
                t, s = divmod(position, len(bars.symbols))
                rule = "positive and finite" if name != "volume" else "finite and not negative, or NaN"
                values = [float(c[t, s]) for c in (columns if name != "volume" else [bars.volume])]
                where = f"row {t} ({bars.time[t]}), symbol {bars.symbols[s]}"
                raise DataError(f"bars.{name}", f"must be {rule} at {where}", values)
        ends = np.searchsorted(bars.time, bars.listing[:, 1], side="right") - 1
        if missing or (ends < len(bars) - 1).any():
            # A bar with some of its prices is no bar, as Bars.present says, nor is one after the symbol's end; the
            # step then asks one price only.
            absent = ~(bars.present & bars.listed)
            for k, column in enumerate(columns):
                columns[k] = np.where(absent, np.nan, column)
                columns[k].flags.writeable = False
        ratios = variances = fundings = nothing()
        if "adjustment" in bars.extras:
            ratios = np.empty(bars.shape)
            bad = _ratios(bars.extras["adjustment"], ratios)
            if bad >= 0:
                t, s = divmod(bad, len(bars.symbols))
                raise DataError(
                    "bars.adjustment",
                    f"must be positive and finite, or NaN, at row {t}, symbol {bars.symbols[s]}",
                    float(bars.extras["adjustment"][t, s]),
                )
            ratios.flags.writeable = False
        if costs.impact_coefficient > 0.0:
            unknown = np.isnan(bars.volume).all(axis=0)
            if unknown.any():
                raise DataError(
                    "costs.impact_coefficient",
                    f"must be 0 for {bars.symbols[int(unknown.argmax())]}, whose bars have no volume",
                    costs.impact_coefficient,
                )
            variances = np.empty(bars.shape)
            _variances(columns[3], ratios, 2.0 / (costs.impact_span + 1.0), variances)
            variances.flags.writeable = False
        if costs.funding and "funding_rate" in bars.extras:
            fundings = bars.extras["funding_rate"]
            if np.isinf(fundings).any():
                t, s = divmod(int(np.isinf(fundings).argmax()), len(bars.symbols))
                raise DataError("bars.funding_rate", f"must be finite or NaN at row {t}", float(fundings[t, s]))
        opens, highs, lows, closes = columns
        return cls(
            bars.time.view(np.int64),
            opens,
            highs,
            lows,
            closes,
            bars.volume,
            variances,
            ratios,
            fundings,
            ends,
            payouts(bars, delisting),
            missing == 0,
        )

    def at(self, t: int) -> Tape:
        """Returns bar ``t`` and the one before it, as views: all that the account step reads to step to bar ``t``."""
        first = max(t - 1, 0)
        rows = slice(first, t + 1)
        return Tape(
            self.stamps[rows],
            self.opens[rows],
            self.highs[rows],
            self.lows[rows],
            self.closes[rows],
            self.volumes[rows],
            self.variances[rows],
            self.ratios[rows],
            self.fundings[rows],
            self.ends - first,
            self.payouts,
            self.complete,
        )


def payouts(bars: Bars, delisting: float | str) -> Floats:
    """Returns (symbol,) the fraction of its last price that a symbol is paid out at when it ends."""
    if not isinstance(delisting, str):
        return np.full(len(bars.symbols), delisting)
    column = bars.extras.get(delisting)
    if column is None:
        known = ", ".join(bars.extras) or "none"
        raise ConfigError("market.delisting", f"must be a number or an extra of the bars (there: {known})", delisting)
    fractions = np.ones(len(bars.symbols))
    ended = ~np.isnat(bars.listing[:, 1]) & (bars.listing[:, 1] >= bars.time[0]) & (bars.listing[:, 1] < bars.time[-1])
    for s in np.flatnonzero(ended):
        values = column[~np.isnan(column[:, s]), s]
        if len(values) == 0 or not 0.0 <= values[-1] <= MOST_PAID:
            value = float(values[-1]) if len(values) else None
            rule = f"must hold the fraction of the last price, 0 to {MOST_PAID:g}, for {bars.symbols[s]}, which ends"
            raise DataError(f"bars.{delisting}", rule, value)
        fractions[s] = values[-1]
    return fractions


@jit
def _carry_marks(closes: Floats, present: NDArray[np.bool_], factors: Floats, out: Floats) -> None:
    for s in range(closes.shape[1]):
        last = np.nan
        factor = np.nan
        for t in range(closes.shape[0]):
            if factors.shape[0] > 0:
                now = factors[t, s]
                if now == now:
                    if factor == factor and now != factor:
                        last /= now / factor
                    factor = now
            if present[t, s]:
                last = closes[t, s]
            out[t, s] = last


def marks(bars: Bars) -> Floats:
    """Returns (time, symbol) closes; a missing bar keeps the last known one, divided by the splits since."""
    if bars.present.all():
        return bars.close
    out = np.empty(bars.shape)
    _carry_marks(bars.close, bars.present, bars.extras.get("adjustment", np.empty((0, 0))), out)
    return out
