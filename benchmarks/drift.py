"""How often drift alarms ring on markets that never change, and how often they find a volatility that doubles.

    python benchmarks/drift.py [--markets N] [--months M ...] [--kinds KIND ...] [--file FILE]

Markets are hourly; a month is 720 bars. M months are the training slice, twelve more follow. Watched are the sixty
columns of the standard set and the two of `market_columns`. The textbook's alarms beside it, on the first five
markets: PSI > .2 with ten bins in any column, and Kolmogorov-Smirnov with p < .05 / columns in any column.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from regimen.bars import Bars
from regimen.features import FeatureSet
from regimen.monitoring import MARKET_COLUMNS, DriftConfig, DriftReference, market_columns
from regimen.monitoring.drift.bins import binned, counted, padded, psi, quantile_edges
from regimen.simulators import MartingaleConfig, Regime, RegimeMarketConfig

Floats = NDArray[np.float64]

BITCOIN = Path(__file__).parents[2] / "shared" / "data" / "crypto" / "btcusdt-1h-binance-spot.parquet"
FEATURES = FeatureSet.standard()
NAMES = (*FEATURES.names, *MARKET_COLUMNS)
MONTH, LIVE, TEXTBOOK = 720, 12, 5
KINDS = {
    "garch": "GARCH(1, 1), Student-t with 6 degrees of freedom, persistence .98",
    "regimes": "five regimes, from a range to crises, GJR-GARCH-t in each",
    "independent": "independent normal returns",
}


def simulated(kind: str, volatility: float, bars: int, seed: int) -> Bars:
    """Returns a market that never changes."""
    if kind == "independent":
        return MartingaleConfig(volatility=volatility).simulate(bars, seed).bars
    if kind == "regimes":
        return RegimeMarketConfig(volatility=volatility).simulate(bars, seed).bars
    one = (Regime(name="one", duration=100.0),)
    config = RegimeMarketConfig(
        regimes=one, exits=((0.0,),), news=0.05, leverage=0.0, memory=0.93, tail=6.0, volatility=volatility
    )
    return config.simulate(bars, seed).bars


def doubled(kind: str, bars: Bars, cut: int, seed: int) -> Bars:
    """Returns the market with twice the volatility from bar ``cut`` on, its last bar two months later."""
    count = cut + 2 * MONTH
    wild = simulated(kind, 0.012, count, seed)
    scale = bars.close[cut - 1, 0] / wild.close[cut - 1, 0]

    def joined(name: str, factor: float) -> Floats:
        return np.concatenate([getattr(bars, name)[:cut, 0], factor * getattr(wild, name)[cut:, 0]])

    prices = {name: joined(name, scale) for name in ("open", "high", "low", "close")}
    return Bars.from_arrays(
        bars.time[:count], **prices, volume=joined("volume", 1.0), calendar=bars.calendar, checked=False
    )


def watched(bars: Bars) -> Floats:
    """Returns the rows (time, column) of features and market columns once the features are warm."""
    previous = np.concatenate([bars.close[:1], bars.close[:-1]])
    market = market_columns(previous, bars.high, bars.low, bars.close)
    rows = np.concatenate([FEATURES.compute(bars).values, market], axis=2)[:, 0]
    return rows[FEATURES.warmup + 1 :]


def months_rung(reference: DriftReference, rows: Floats) -> NDArray[np.bool_]:
    """Returns for each month whether it rang at any of its checks."""
    bells, count = reference.statistics(rows) > reference.threshold, reference.config.checks
    return np.array([bells[k : k + count].any() for k in range(0, len(bells) - count + 1, count)])


def textbook(train: Floats, months: list[Floats]) -> tuple[float, float]:
    """Returns the share of months in which PSI > .2 and Kolmogorov-Smirnov ring in some column."""
    edges = padded(quantile_edges(train, 10), 10)
    whole = counted(binned(train, edges), 11)
    index = [psi(counted(binned(month, edges), 11), whole).max() > 0.2 for month in months]
    smirnov = [
        min(ks_2samp(train[:, j], month[:, j]).pvalue for j in range(train.shape[1])) < 0.05 / train.shape[1]
        for month in months
    ]
    return float(np.mean(index)), float(np.mean(smirnov))


def unheld(train: Floats) -> DriftReference:
    """Returns a reference whose windows are compared with a slice that they are part of, as is usual."""
    config = DriftConfig(window=MONTH, checks=1)
    reference = DriftReference.of(train, NAMES, config)
    months = np.stack([counted(binned(part, reference.edges), 11) for part in np.split(train, len(train) // MONTH)])
    distances = psi(months, months.sum(axis=0)) + config.bins / MONTH
    usual = np.exp(np.log(distances).mean(axis=0))
    return dataclasses.replace(
        reference, usual=usual, threshold=float(np.quantile((distances / usual).max(axis=1), 0.95))
    )


def measure(kind: str, months: int, markets: int) -> None:
    """Prints what the alarms do on one kind of market."""
    warm = FEATURES.warmup + 1
    cut = warm + months * MONTH
    names = ("four checks a month", "one check a month", "that threshold, 48 checks", "windows not held out")
    rung: dict[str, list[float]] = {name: [] for name in names}
    found: dict[str, list[NDArray[np.bool_]]] = {name: [] for name in names[:2]}
    books: list[tuple[float, float]] = []
    start = time.perf_counter()
    for seed in range(markets):
        bars = simulated(kind, 0.006, cut + (LIVE + 1) * MONTH, seed)
        rows = watched(bars)
        train, live = rows[: months * MONTH], rows[months * MONTH :]
        wild = watched(doubled(kind, bars, cut, seed))[months * MONTH :]
        often = DriftReference.of(train, NAMES, DriftConfig(window=MONTH))
        once = DriftReference.of(train, NAMES, DriftConfig(window=MONTH, checks=1))
        # the first checks of a month look at the month before too: with four a month, a month more of rows
        rung[names[0]].append(months_rung(often, live).mean())
        rung[names[1]].append(months_rung(once, live[: LIVE * MONTH]).mean())
        for name, reference in zip(names, (often, once), strict=False):
            found[name].append(reference.statistics(wild) > reference.threshold)
        if seed < TEXTBOOK:
            every = DriftReference.of(train, NAMES, DriftConfig(window=MONTH, checks=48))
            every = dataclasses.replace(every, threshold=once.threshold)
            rung[names[2]].append(months_rung(every, live).mean())
            rung[names[3]].append(months_rung(unheld(train), live[: LIVE * MONTH]).mean())
            books.append(textbook(train, np.split(live[: LIVE * MONTH], LIVE)))
    print(f"\n{KINDS[kind]}; {months} months of training, {markets} markets of {LIVE} months")
    for place, label in enumerate(("PSI > .2 in any column", "Kolmogorov-Smirnov, Bonferroni")):
        print(f"  {label:34} {np.mean([book[place] for book in books]):7.1%} of months ring")
    for name, shares in rung.items():
        error = np.std(shares, ddof=1) / np.sqrt(len(shares))
        text = f"  {name:34} {np.mean(shares):7.1%} of months ring (± {error:.1%}, {len(shares)} markets)"
        if name in found:
            first = np.mean([each[0] for each in found[name]])
            later = np.mean([each.any() for each in found[name]])
            text += f"; twice the volatility found {first:.1%} at the first full window, {later:.1%} in two months"
        print(text)
    print(f"  {(time.perf_counter() - start) / markets:.2f} s a market")


def real(file: Path, months: int) -> None:
    """Prints in how many months after each training slice the market is not as it was in it."""
    rows = watched(Bars.read(file))
    shares = []
    for start in range(0, len(rows) - (months + LIVE) * MONTH, 3 * MONTH):
        train, live = np.split(rows[start : start + (months + LIVE) * MONTH], [months * MONTH])
        shares.append(months_rung(DriftReference.of(train, NAMES, DriftConfig(window=MONTH)), live).mean())
    print(f"\n{file.stem}: {months} months of training, {len(shares)} slices: {np.mean(shares):.1%} of months ring")


def main() -> None:
    """Measures and prints."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--markets", type=int, default=200)
    options.add_argument("--months", type=int, nargs="+", default=[24])
    options.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    options.add_argument("--file", type=Path, default=BITCOIN)
    given = options.parse_args()
    rows = np.random.default_rng(0).standard_normal((MONTH * 24, len(NAMES)))
    reference = DriftReference.of(rows, NAMES, DriftConfig(window=MONTH))
    state, start = reference.initial(), time.perf_counter()
    for row in rows[:MONTH]:
        state = reference.observe(state, row)
    print(f"a row of {len(NAMES)} columns: {(time.perf_counter() - start) / MONTH * 1e6:.1f} µs")
    for kind in given.kinds:
        for months in given.months:
            measure(kind, months, given.markets)
    if given.file.is_file():
        for months in given.months:
            real(given.file, months)


if __name__ == "__main__":
    main()
