"""Which column of a file means what: the aliases of the field, and what is refused as ambiguous."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from regimen.bars import PRICES, DataConfig
from regimen.errors import DataError
from regimen.readers.spelling import columns_option

TIME = (
    "timestamp", "time", "date", "datetime", "date_time", "ts", "t", "open_time", "opentime", "unix",
    "unix_timestamp", "unix_time", "epoch", "gmt_time", "local_time", "timestamp_utc", "time_utc",
    "datetime_utc", "utc", "dt", "bar_time", "time_open", "start_time", "candle_begin_time",
    "kline_open_time", "open_timestamp", "begin", "start_at", "starttime", "window_start",
    "time_period_start", "time_eet",
)  # fmt: skip
EPOCHS = ("unix", "unix_timestamp", "unix_time", "epoch")
INDEX = ("", "index", "unnamed:_0", "index_level_0", "level_0")
SYMBOL = (
    "symbol", "oymbol", "tic", "ticker", "instrument", "code", "asset", "pair", "stock", "name", "sym",
    "act_symbol", "security", "coin",
)  # fmt: skip
PRICE_ALIASES = {
    "open": ("open", "o", "open_price", "price_open", "openprice", "px_open"),
    "high": ("high", "h", "high_price", "price_high", "highprice", "px_high"),
    "low": ("low", "l", "low_price", "price_low", "lowprice", "px_low"),
    "close": ("close", "c", "close_price", "price_close", "closeprice", "px_close", "px_last"),
}
LAST = ("price", "close_last", "last", "latest", "last_price", "settle")
"""Names of the close (investing.com, nasdaq.com, Barchart, futures) where open, high and low stand beside them."""
EXTRAS = {
    "adj_close": ("adj_close", "adjclose", "adjusted_close", "adj_price", "close_adj"),
    "adjustment": ("adjustment",),
    "bid": ("bid", "bid_close", "close_bid", "bidclose"),
    "ask": ("ask", "ask_close", "close_ask", "askclose"),
    "funding_rate": ("funding_rate", "fundingrate", "funding", "last_funding_rate"),
    "open_interest": ("open_interest", "openinterest", "oi", "openint", "open_int"),
    "sentiment": ("sentiment", "sentiment_score"),
    "quote_volume": (
        "quote_volume",
        "quote_asset_volume",
        "quotevolume",
        "volume_quote",
        "qav",
        "quote_av",
        "volccyquote",
        "vol_ccy_quote",
    ),
    "trades": ("trades", "number_of_trades", "num_trades", "trade_count", "count", "tradecount", "n_trades"),
    "taker_buy_volume": ("taker_buy_volume", "taker_buy_base_asset_volume", "taker_buy_base", "tb_base_av"),
    "taker_buy_quote_volume": ("taker_buy_quote_volume", "taker_buy_quote_asset_volume", "tb_quote_av"),
}
VOLUME = (
    "volume",
    "vol",
    "v",
    "tickvol",
    "tick_volume",
    "tickvolume",
    "volume_base",
    "base_volume",
    "real_volume",
    "qty",
    "volccy",
    "vol_ccy",
)
_ABOUT_VOLUME = re.compile(
    r"volume_(ma|sma|ema|wma|avg|average|mean|median|std|ratio|change|chg|delta|pct|rank|zscore)\w*"
)
ARRAYS = ("time", *PRICES, "volume")
BINANCE = (
    "open_time", *PRICES, "volume", "close_time", "quote_volume", "trades",
    "taker_buy_volume", "taker_buy_quote_volume", "ignore",
)  # fmt: skip
KNOWN_ROLES = ("time", "clock", "symbol", *PRICES, "volume", "adj_close")


def plain(name: str) -> str:
    """Returns a column's name in lower case with marks removed: ``<TICKVOL>``, ``$close``, ``Adj Close``."""
    return re.sub(r"[\s./\-]+", "_", re.sub(r"[<>$\"'\[\]()%]", "", name.strip().lower())).strip("_")


@dataclass(frozen=True)
class Roles:
    """Positions of the columns by their meaning.

    Attributes:
        time, clock: the stamp, and the time of day where it stands in a column of its own.
        symbol: None for a single instrument.
        prices: open, high, low, close; only close for close-only data.
        volume: None where there is none.
        extras: named further columns.
        ignored: names of the columns that are not read.
    """

    time: int
    clock: int | None
    symbol: int | None
    prices: dict[str, int]
    volume: int | None
    extras: dict[str, int] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()


def effective_names(
    names: tuple[str, ...] | None, width: int, config: DataConfig, source: str
) -> tuple[str, ...] | None:
    """Returns the names that the config's list gives, or else the file's own."""
    if not isinstance(config.columns, tuple):
        return names
    if len(config.columns) != width:
        raise DataError("data.columns", f"must name each of the {width} columns of {source}", config.columns)
    return config.columns


def time_positions(names: tuple[str, ...] | None, width: int, config: DataConfig, source: str) -> tuple[int, ...]:
    """Returns the columns whose cells may be times and so must not be parsed as numbers too early."""
    named = effective_names(names, width, config, source)
    if named is None:
        return (0, 1) if width > 7 and width != 12 else (0,)
    mapping = config.columns if isinstance(config.columns, dict) else {}
    chosen = {column for role, column in mapping.items() if role in ("time", "clock")}
    known = (*TIME, *INDEX, "clock")
    return tuple(i for i, name in enumerate(named) if plain(name) in known or name in chosen)


def _mapped(names: tuple[str, ...], mapping: dict[str, str], source: str) -> dict[str, int]:
    positions = {}
    for role, column in mapping.items():
        if column not in names:
            raise DataError(f"data.columns.{role}", f"must be a column of {source}: {', '.join(names[:30])}", column)
        positions[role] = names.index(column)
    return positions


def example_columns(names: tuple[str, ...]) -> str:
    """Returns an option that gives the columns of unknown names, in their order, the roles that no column has."""
    roles = {"time": TIME, **PRICE_ALIASES, "volume": VOLUME}
    known = {*INDEX, *SYMBOL, *(alias for aliases in (*roles.values(), *EXTRAS.values()) for alias in aliases)}
    plains = [plain(name) for name in names]
    missing = [role for role, aliases in roles.items() if not set(plains) & set(aliases)]
    free = [name for name, spelled in zip(names, plains, strict=True) if spelled not in known]
    return columns_option(dict(zip(missing, free, strict=False)) or dict.fromkeys(missing, "NAME"))


def _only(role: str, candidates: list[int], names: tuple[str, ...], option: str = "") -> int | None:
    if len(candidates) > 1:
        listed = ", ".join(names[i] for i in candidates)
        option = option or columns_option({role: names[candidates[0]]})
        if role in ("time", "symbol") and any(names[i].isupper() for i in candidates[1:]):
            option = f"data.layout=wide to read them as closes of symbols, or {option}"
        raise DataError(f"column {role}", f"has several candidates ({listed}); set {option} to choose")
    return candidates[0] if candidates else None


def _times(plains: list[str], names: tuple[str, ...], free: list[int], wide: bool) -> tuple[int | None, int | None]:
    """Returns the positions of the stamp and of a separate time of day.

    An epoch beats a written date beside it, because an epoch has no zone to get wrong; ``date`` and ``time``
    in two columns belong together; an unnamed index counts only where nothing else is a time.
    """
    columns = [i for i in free if plains[i] in TIME]
    if wide:  # the times stand first; what is called T or TS behind them is a ticker
        return next(iter(columns or [i for i in free if plains[i] in INDEX]), None), None
    for epoch in EPOCHS:
        if epoch in plains and len(columns) > 1:
            return plains.index(epoch), None
    spelled = {plains[i]: i for i in columns}
    if set(spelled) == {"date", "time"} and len(columns) == 2:
        return spelled["date"], spelled["time"]
    if not columns:
        columns = [i for i in free if plains[i] in INDEX]
    return _only("time", columns, names), None


def resolve(names: tuple[str, ...], config: DataConfig, source: str) -> Roles:
    """Gives each column its meaning.

    Raises:
        DataError: a needed column is missing, or has several candidates that only an option can decide
            between.
    """
    mapping = config.columns if isinstance(config.columns, dict) else {}
    given = _mapped(names, mapping, source)
    plains = [plain(name) for name in names]
    free = [i for i in range(len(names)) if i not in given.values()]
    time, clock = _times(plains, names, free, config.layout == "wide") if "time" not in given else (given["time"], None)
    if config.layout != "wide" and "clock" in plains:
        clock = plains.index("clock")
    clock = given.get("clock", clock)
    if time is None:
        ends = [i for i in free if plains[i] in ("close_time", "closetime", "time_close", "end_time")]
        if ends:
            ending = columns_option({"time": names[ends[0]]})
            raise DataError(source, f"gives only the ends of its bars; set {ending} data.stamp=end")
        raise DataError(
            source,
            f"must have a time column (timestamp, date, ...); {example_columns(names)} names them, for example",
            ", ".join(names[:30]),
        )
    free = [i for i in free if i not in (time, clock)]
    if config.layout == "wide":
        return Roles(time, clock, None, {}, None, {names[i]: i for i in free if plains[i] not in INDEX})
    symbol = given.get("symbol", _only("symbol", [i for i in free if plains[i] in SYMBOL], names))
    prices = {}
    for role, aliases in PRICE_ALIASES.items():
        columns = [i for i in free if plains[i] in aliases]
        position = given.get(role, _only(role, columns, names))
        if position is not None:
            prices[role] = position
    if set(prices) == {"open", "high", "low"}:
        columns = [i for i in free if plains[i] in LAST]
        if len(columns) == 1:
            prices["close"] = columns[0]
    extras = {}
    for role, aliases in EXTRAS.items():
        position = given.get(
            role,
            _only(role, [i for i in free if plains[i] in aliases], names),
        )
        if position is not None:
            extras[role] = position
    for role, position in given.items():
        if role not in KNOWN_ROLES and role not in extras:
            extras[role] = position
    used = {time, clock, symbol, *prices.values(), *extras.values()}
    volume, others = _volume(plains, names, given, [i for i in free if i not in used], config)
    both = () if volume is None or len(others) != 1 else (plains[volume], plains[others[0]])
    if both and "quote_volume" not in extras and all(name.startswith("volume") for name in both):
        extras["quote_volume"] = others[0]  # Volume USD beside Volume BTC; counts of ticks are no money
    for name in config.keep:
        if name not in names:
            raise DataError("data.keep", f"must be columns of {source}: {', '.join(names[:30])}", name)
        extras[plain(name)] = names.index(name)
    used |= {volume, *extras.values()}
    ignored = tuple(names[i] for i in range(len(names)) if i not in used and plains[i] not in (*INDEX, "ignore"))
    return Roles(time, clock, symbol, prices, volume, extras, ignored)


def _volume(
    plains: list[str], names: tuple[str, ...], given: dict[str, int], free: list[int], config: DataConfig
) -> tuple[int | None, list[int]]:
    """Returns the volume's position, and the other candidates when an option chose between several."""
    columns = [
        i
        for i in free
        if plains[i] in VOLUME or (plains[i].startswith("volume_") and not _ABOUT_VOLUME.fullmatch(plains[i]))
    ]
    if config.volume_column == "none":
        return None, []
    if config.volume_column is not None:
        if config.volume_column not in names:
            raise DataError("data.volume_column", f"must be a column: {', '.join(names[:30])}", config.volume_column)
        chosen = names.index(config.volume_column)
    elif "volume" in given:
        chosen = given["volume"]
    else:
        only = _only("volume", columns, names, "data.volume_column")
        return only, []
    return chosen, [i for i in columns if i != chosen]
