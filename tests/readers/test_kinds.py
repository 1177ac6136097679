"""Files that hold something else than bars are called by what they hold, and say what to do with them."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from regimen.bars import Bars, DataConfig
from regimen.errors import DataError
from regimen.readers import check

COUNT = 40
RANDOM = np.random.default_rng(11)
SECONDS = 1_650_000_000 + np.sort(RANDOM.integers(0, 90_000, COUNT))
PRICE = np.round(20.0 * np.exp(np.cumsum(RANDOM.normal(0.0, 1e-3, COUNT))), 4)
SIZE = np.round(RANDOM.lognormal(size=COUNT), 5)
SIDE = np.where(RANDOM.random(COUNT) < 0.5, "buy", "sell")
EIGHTS = pd.date_range("2022-04-15", periods=COUNT, freq="8h", tz="UTC")


def _zipped(path: Path, inner: str, text: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(inner, text)


def _lines(*columns: object, header: str = "") -> str:
    rows = [",".join(map(str, row)) for row in zip(*columns, strict=True)]  # type: ignore[call-overload]
    return "\n".join([header, *rows] if header else rows) + "\n"


def ticks_of_quotes(path: Path) -> None:
    stamps = pd.to_datetime(SECONDS, unit="s").strftime("%d/%m/%Y %H:%M:%S")
    path.write_text(_lines(stamps, PRICE, PRICE + 0.001, header="TIMESTAMP,BID,ASK"))


def lean_quotes(path: Path) -> None:
    """Milliseconds of the day, four prices and a size of the bid, and of the ask; no header."""
    bid, ask = [PRICE] * 4, [PRICE + 0.01] * 4
    _zipped(path, "20220415_aaausd_minute_quote.csv", _lines(np.arange(COUNT) * 60_000, *bid, SIZE, *ask, SIZE))


def trades_without_header(path: Path) -> None:
    path.write_text(_lines(SECONDS, PRICE, SIZE))


def trades_of_ccxt(path: Path) -> None:
    rows = [
        [int(second) * 1000, str(number), None, str(side), float(price), float(size), float(price * size)]
        for number, (second, side, price, size) in enumerate(zip(SECONDS, SIDE, PRICE, SIZE, strict=True))
    ]
    path.write_bytes(gzip.compress(json.dumps(rows).encode()))


def trades_with_names(path: Path) -> None:
    pd.DataFrame({"timestamp": pd.to_datetime(SECONDS, unit="s"), "price": PRICE, "size": SIZE}).to_parquet(path)


def book_of_tardis(path: Path) -> None:
    names = [
        f"{side}[{level}].{what}" for level in range(5) for side in ("asks", "bids") for what in ("price", "amount")
    ]
    levels = [PRICE + 0.01 * level if "price" in name else SIZE for level, name in enumerate(names)]
    path.write_text(_lines(SECONDS * 10**6, *levels, header=",".join(["timestamp", *names])))


def book_of_bybit(path: Path) -> None:
    """One JSON object a line: the topic, and the levels inside ``data``."""
    documents = [
        {"topic": "orderbook.500.AAAUSDT", "ts": int(second) * 1000, "data": {"b": [[str(price), "5"]], "a": []}}
        for second, price in zip(SECONDS, PRICE, strict=True)
    ]
    _zipped(path, "2022-04-15_AAAUSDT_ob500.data", "\n".join(map(json.dumps, documents)))


def book_of_levels(path: Path) -> None:
    names = [f"{side}{level}_{what}" for side in ("bid", "ask") for level in (1, 2) for what in ("price", "size")]
    pd.DataFrame({"timestamp": SECONDS * 1000, **dict.fromkeys(names, PRICE)}).to_parquet(path)


def book_of_columns(path: Path) -> None:
    frame = pd.DataFrame({"timestamp": SECONDS * 1000, "bids": [[[1.0, 2.0]]] * COUNT, "asks": [[[1.1, 2.0]]] * COUNT})
    frame.to_parquet(path)


def funding_of_binance(path: Path) -> None:
    pd.DataFrame({"timestamp": EIGHTS, "symbol": "AAAUSDT", "funding_rate": SIZE * 1e-4}).to_parquet(path)


def funding_of_freqtrade(path: Path) -> None:
    """The rates stand in the column ``open``; the other columns of a bar are zero."""
    zeros = dict.fromkeys(("high", "low", "close", "volume"), 0.0)
    pd.DataFrame({"date": EIGHTS, "open": SIZE * 1e-4}).assign(**zeros).to_feather(path)


def interest_by_day(path: Path) -> None:
    days = pd.date_range("2022-04-15", periods=COUNT)
    pd.DataFrame({"timestamp": days, "symbol": "AAA", "oi_close": SIZE * 1e6}).to_parquet(path)


def factors_of_lean(path: Path) -> None:
    path.write_text("20100104,0.9412,0.25,30.1\n20141003,0.9733,0.25,81.2\n20200828,0.98,1,124.8\n20501231,1,1,0\n")


QUOTES = "holds quotes, not bars; aggregate the mid price into bars first"
TRADES = "holds trades, not bars; aggregate them into bars first"
BOOK = "holds order book snapshots, not bars; build bars from trades, or from the mid price, first"
FUNDING = r"holds funding rates, not bars; give it beside the bars as data\.extras\.funding_rate"
OTHERS: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "ticks of bid and ask": (ticks_of_quotes, "quotes.csv", QUOTES),
    "LEAN's quotes": (lean_quotes, "20220415_quote.zip", QUOTES),
    "trades without a header": (trades_without_header, "AAAUSD.csv", TRADES),
    "ccxt's trades": (trades_of_ccxt, "AAA_USD-trades.json.gz", TRADES),
    "named trades": (trades_with_names, "trades.parquet", TRADES),
    "Tardis' book": (book_of_tardis, "book_snapshot_5.csv", BOOK),
    "Bybit's book": (book_of_bybit, "ob500.data.zip", BOOK),
    "a book of numbered levels": (book_of_levels, "lob.parquet", BOOK),
    "a book of nested levels": (book_of_columns, "book.parquet", BOOK),
    "Binance's funding": (funding_of_binance, "funding.parquet", FUNDING),
    "Freqtrade's funding": (funding_of_freqtrade, "AAA_USDT-8h-funding_rate.feather", FUNDING),
    "open interest": (interest_by_day, "oi.parquet", r"holds open interest, not bars; .*data\.extras\.open_interest"),
    "LEAN's factors": (factors_of_lean, "aaa.csv", r"is a LEAN factor file, not bars; .* as data\.adjust"),
}


@pytest.mark.parametrize("kind", sorted(OTHERS))
def test_another_kind_is_refused_by_its_name(kind: str, tmp_path: Path) -> None:
    write, name, sentence = OTHERS[kind]
    write(tmp_path / name)
    for read in (Bars.read, lambda path: check(DataConfig(path=str(path)))):
        with pytest.raises(DataError, match=sentence) as caught:
            read(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_bars_beside_quotes_and_funding_are_bars(tmp_path: Path) -> None:
    """What a bar carries besides its prices makes it no other kind."""
    hours = pd.date_range("2022-04-15", periods=COUNT, freq="1h", tz="UTC")
    prices = {"open": PRICE, "high": PRICE + 0.1, "low": PRICE - 0.1, "close": PRICE, "volume": SIZE}
    frame = pd.DataFrame({"date": hours, **prices, "bid": PRICE - 0.01, "ask": PRICE + 0.01})
    frame.assign(funding_rate=1e-4, open_interest=SIZE).to_parquet(tmp_path / "a.parquet")
    bars = Bars.read(tmp_path / "a.parquet")
    assert set(bars.extras) == {"bid", "ask", "funding_rate", "open_interest"}
    np.testing.assert_array_equal(bars.close[:, 0], PRICE)
