"""The four crises of `regimen.augment` beside the real ones: what the data say, what the code has, what paths show.

Run ``regimen bench crises -- --data ../shared/data [--draws 200]``.

The first table measures the real stretches, which is where the figures in ``augment/crises/templates.py`` come from:
between the two dates, the deepest fall by closes. The second measures that many paths of each template by the same
function, and says how far the worst of them is from the template.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from regimen.augment.crises import TEMPLATES, TemplateName
from regimen.augment.crises.falls import deepest_fall, jumps_of
from regimen.augment.crises.mechanisms import crisis
from regimen.seeding import generator

BTC, MINUTES = "crypto/btcusdt-1h-binance-spot.parquet", "crypto/btcusdt-1m-binance-spot.parquet"
COINS = "panel/binance-hourly-close-wide.parquet"
WHERE: dict[TemplateName, tuple[str, str, str, str, str]] = {
    "covid-2020": (BTC, "close", "2020-03-05", "2020-03-17", BTC),
    "luna-2022": (COINS, "LUNAUSDT", "2022-05-04", "2022-05-12", BTC),
    "ftx-2022": (BTC, "close", "2022-11-04", "2022-11-13", BTC),
    "flash-crash": (MINUTES, "close", "2021-12-04 04:00", "2021-12-04 08:00", MINUTES),
}
"""File, column, from and until when the fall is looked for, and the file whose turnover is measured."""
MONTH = pd.Timedelta("30D")


def read(data: Path, file: str) -> pd.DataFrame:
    """A file by its timestamps."""
    return pd.read_parquet(data / file).set_index("timestamp")


def correlation(data: Path, name: TemplateName, peak: pd.Timestamp, trough: pd.Timestamp) -> float:
    """Mean correlation of hourly log returns between two coins; of the three days around a crash of minutes."""
    if name == "covid-2020":
        files = (BTC, "crypto/bnbusdt-1h-binance-spot.parquet")
        closes = pd.concat([read(data, file).close for file in files], axis=1)
    else:
        closes = read(data, COINS)
    if name == "flash-crash":
        peak, trough = peak.floor("D") - pd.Timedelta("1D"), peak.floor("D") + pd.Timedelta("47h")
    returns = np.log(closes[peak:trough]).diff().dropna(axis=1, how="all").dropna()
    matrix = returns.corr().to_numpy()
    return float(matrix[np.triu_indices(len(matrix), 1)].mean())


def measured(data: Path, name: TemplateName) -> str:
    """One line of what a real crisis was."""
    file, column, first, end, traded = WHERE[name]
    close = read(data, file)[column]
    start, stop = (int(close.index.searchsorted(pd.Timestamp(each, tz="UTC"))) for each in (first, end))
    values = close.to_numpy()[start : stop + 500]
    fall = deepest_fall(values, until=stop - start)
    peak, trough = close.index[start + fall.peak], close.index[start + fall.trough]
    jumps = jumps_of(np.diff(np.log(values[fall.peak : fall.trough + 1])))
    money = read(data, traded).eval("close * volume")
    turnover = money[peak:trough].iloc[:-1].mean() / money[peak - MONTH : peak].iloc[:-1].mean()
    return (
        f"{fall.steps:5d} {fall.drawdown:9.4f} {fall.volatility:11.4f} {fall.rebound:8.2f} {turnover:9.1f}"
        f" {correlation(data, name, peak, trough):12.2f}   "
        + " ".join(f"{each:8.4f}" for each in jumps)
        + f"   {peak:%Y-%m-%d %H:%M} to {trough:%Y-%m-%d %H:%M}"
    )


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=200)
    given = parser.parse_args()
    head = "steps  drawdown  volatility  rebound  turnover  correlation   jumps: rate, mean, deviation, quiet"
    print(f"{'':20s}{head}")
    for name, template in TEMPLATES.items():
        print(f"{name:12s} real   {measured(given.data, name)}")
        jumps = " ".join(f"{each:8.4f}" for each in template.jumps)
        print(
            f"{'':12s} code   {template.steps:5d} {template.drawdown:9.4f} {template.volatility:11.4f}"
            f" {template.rebound:8.2f} {template.turnover:9.1f} {template.correlation:12.2f}   {jumps}"
        )
    print(f"\n{given.draws} paths of each, relative to the template: mean (lowest to highest)")
    for name, template in TEMPLATES.items():
        rows = []
        for draw in range(given.draws):
            log = np.cumsum(crisis(generator(draw), template)[:, 0])
            fall = deepest_fall(np.exp(np.concatenate([[0.0], log])))
            figures = fall.steps / template.steps, fall.drawdown / template.drawdown
            rows.append([*figures, fall.volatility / template.volatility])
        table = np.array(rows)
        words = [
            f"{what} {mean:.3f} ({low:.3f} to {high:.3f})"
            for what, mean, low, high in zip(
                ("duration", "drawdown", "volatility"), table.mean(0), table.min(0), table.max(0), strict=True
            )
        ]
        print(f"{name:12s} {', '.join(words)}")


if __name__ == "__main__":
    main()
