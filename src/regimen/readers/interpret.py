"""Gives a file's columns their meaning: `Content` in, `RawTable` out. Nothing is repaired here."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from regimen.bars import PRICES, Calendar, CalendarName, DataConfig, RawTable
from regimen.errors import DataError
from regimen.readers.cells import numbers_of, shows_comma, symbols_of
from regimen.readers.formats.files import Content
from regimen.readers.kinds import refuse_other_kinds
from regimen.readers.roles import ARRAYS, BINANCE, LAST, Roles, effective_names, example_columns, plain, resolve
from regimen.readers.spelling import columns_option
from regimen.readers.times.clock import Clock
from regimen.readers.times.ends import from_ends
from regimen.readers.wide import refuse_symbols, wide_table
from regimen.spans import bar_span, span

BINARY_NOISE = 1e-10
"""Relative distance below which a price is a whole number: 128431.00000000001 is one."""


def interpret(content: Content, config: DataConfig) -> RawTable:
    """Parses times and numbers.

    Raises:
        DataError: the file holds no bars, a column is missing or ambiguous, or a cell is not what its column
            says.
    """
    own = content.metadata.get("format") == 1
    if not isinstance(config.columns, tuple) and not own and config.layout != "wide":
        refuse_other_kinds(content)
    names = effective_names(content.names, len(content.columns), config, content.source)
    zone_needed = ""
    notes = list(content.notes)
    if names is None:
        names, config, zone_needed, assumed = _headerless(content, config)
        notes += assumed
    else:
        zone_needed = _own_clock(names) or content.zone_needed
    roles = _own_roles(names, content) if own else resolve(names, config, content.source)
    if "close" in roles.prices and plain(names[roles.prices["close"]]) in LAST:
        notes.append(f"the close is read from the column {names[roles.prices['close']]}")
    wide = config.layout == "wide"
    if not wide:
        refuse_symbols(names, roles, content, config)
    codes, symbols = (None, ()) if wide else symbols_of(content, config, roles, len(content.columns[roles.time]))
    clock = Clock(config, content.source, codes)
    time = clock.read(
        content.columns[roles.time],
        None if roles.clock is None else content.columns[roles.clock],
        zone_needed,
    )
    notes += clock.assumptions
    if roles.ignored:
        notes.append(f"columns not read: {', '.join(roles.ignored)} (data.keep keeps them as extras)")
    if codes is None:
        return selected(_started(wide_table(content, config, roles, time, notes), config), config, named=True)

    thousands = bool(content.delimiter) and config.decimal == "," and shows_comma(content.columns)

    def number(position: int) -> NDArray[np.float64]:
        return numbers_of(content.columns[position], names[position], content.source, config.decimal, thousands)

    columns = _prices(content, config, roles, names, number)
    count = len(time)
    if roles.volume is None:
        columns["volume"] = np.full(count, np.nan)
        notes.append("there is no volume column: the volume is NaN")
    else:
        columns["volume"] = number(roles.volume)
    for name, position in roles.extras.items():
        columns[name] = number(position)
    if config.price_scale is not None:
        for name in (*PRICES, "adj_close", "bid", "ask"):
            if name in columns:
                columns[name] = columns[name] * config.price_scale
    elif roles.prices.keys() >= set(PRICES):
        _refuse_scaled(columns, content)
    table = RawTable(
        time=time,
        symbol=codes,
        symbols=symbols,
        columns=columns,
        rows=np.arange(count),
        source=content.source,
        assumptions=tuple(notes),
        **_own_metadata(content, config),
    )
    return selected(_started(table, config), config, named=roles.symbol is not None)


def _own_clock(names: tuple[str, ...]) -> str:
    """Says why the clock of a form with a header is not UTC; empty when nothing says so."""
    if any(name.strip().upper() == "<PER>" for name in names):
        return "Stooq's files do not say which clock they carry"
    if any(name.strip().upper() == "<DATE>" for name in names):
        return "MetaTrader writes the broker's clock, which is rarely UTC (often EET/EEST: Europe/Athens)"
    clocks = [name for name in names if plain(name) in ("local_time", "time_eet")]
    return f"the column {clocks[0].strip()} names a clock that is not UTC (EET/EEST is Europe/Athens)" if clocks else ""


def _own_roles(names: tuple[str, ...], content: Content) -> Roles:
    """Returns the columns that `Bars.write` wrote, by their exact names."""
    place = {name: position for position, name in enumerate(names)}
    try:
        return Roles(
            time=place["timestamp"],
            clock=None,
            symbol=place["symbol"],
            prices={name: place[name] for name in PRICES},
            volume=place["volume"],
            extras={str(name): place[name] for name in content.metadata["extras"]},
        )
    except (KeyError, TypeError):
        raise DataError(content.source, "must keep the columns that were written with it") from None


def _own_metadata(content: Content, config: DataConfig) -> dict[str, Any]:
    """What `Bars.write` left: bar length, calendar and bars a year, unless the config says otherwise."""
    length = bar_span(config.bar_length, "data.bar_length") if config.bar_length else None
    left = content.metadata
    try:
        if left.get("format") != 1:
            return {"bar_length": length}
        name, session_bars, *day_end = left["calendar"]
        kept, written = Calendar(name, float(session_bars), *day_end), int(left["bar_length"])
        yearly = float(left.get("periods_per_year", "nan"))
        if name not in get_args(CalendarName) or not 0.0 < kept.session_bars < math.inf or not 10**6 <= written < 2**62:
            raise ValueError
        if kept.day_end not in (None, *range(24)) or yearly <= 0.0 or math.isinf(yearly):
            raise ValueError
        return {
            "grid": True,
            "bar_length": length or written,
            "calendar": None if config.calendar else kept,
            "periods_per_year": math.nan if config.calendar or length else yearly,
        }
    except (KeyError, TypeError, ValueError, OverflowError):
        raise DataError(content.source, "must keep the description that was written with it whole") from None


def _whole(value: Any) -> Any:
    """Returns an epoch that was written as a float (ccxt, pandas) as the integer that it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _headerless(content: Content, config: DataConfig) -> tuple[tuple[str, ...], DataConfig, str, list[str]]:
    """Returns the column names of the headerless forms whose order is known, and what they need."""
    width = len(content.columns)
    first = [_whole(column[0].as_py()) for column in content.columns]
    stamp = str(first[0])
    if width == 12 and re.fullmatch(r"\d{13}|\d{16}", stamp) and re.fullmatch(r"\d{13}|\d{16}", str(first[6])):
        return BINANCE, config, "", ["no header: read as Binance klines (12 columns)"]
    if content.arrays and width == 6 and re.fullmatch(r"\d{10}|\d{13}|\d{16}|\d{19}", stamp):
        note = "no header: read as time, open, high, low, close, volume (set data.columns to change this)"
        return ARRAYS, config, "", [note]
    if width == 6 and content.delimiter == ";" and re.fullmatch(r"\d{8} \d{6}", stamp):
        why = (
            "files of this form carry EST without daylight saving (HistData: data.zone=-05:00), or UTC with the ends "
            "of the bars (NinjaTrader: data.zone=+00:00 data.stamp=end)"
        )
        note = "no header: read as HistData or NinjaTrader (time; open; high; low; close; volume)"
        return ARRAYS, config, why, [note]
    if width == 6 and re.fullmatch(r"\d{8} \d{2}:\d{2}", stamp):
        why = "LEAN writes the exchange's clock (America/New_York for US stocks, UTC for crypto)"
        return ARRAYS, config, why, ["no header: read as LEAN (time, open, high, low, close, volume)"]
    if width == 7 and re.fullmatch(r"\d{4}\.\d\d\.\d\d", stamp) and re.match(r"\d\d?:\d\d", str(first[1])):
        why = "files of this form carry the broker's clock (MetaTrader, often Europe/Athens) or EST (HistData, -05:00)"
        note = "no header: read as MetaTrader (date, time, open, high, low, close, volume)"
        return ("date", *ARRAYS), config, why, [note]
    named = re.search(r"(?<!\d)((?:19|20)\d{2})(\d{2})(\d{2})_", content.name)
    if width == 6 and named and stamp.isdigit() and int(stamp[:9]) < 86_400_000:
        day = f"{named[1]}-{named[2]}-{named[3]}"
        update = {"time_unit": "ms_of_day", "date": config.date or day}
        why = "LEAN writes the exchange's clock (America/New_York for US stocks, UTC for crypto)"
        note = f"no header: read as LEAN (ms of the day, open, high, low, close, volume) of {update['date']}"
        return ARRAYS, config.model_copy(update=update), why, [note]
    shown = ", ".join(str(value) for value in first[:12])
    order = columns_option([*ARRAYS, *(f"other{number}" for number in range(len(ARRAYS) + 1, width + 1))][:width])
    rule = f"has no header, and the order of its columns is unknown; give it, as in {order}"
    raise DataError(content.source, rule, shown)


def _prices(
    content: Content,
    config: DataConfig,
    roles: Roles,
    names: tuple[str, ...],
    number: Callable[[int], NDArray[np.float64]],
) -> dict[str, NDArray[np.float64]]:
    missing = [name for name in PRICES if name not in roles.prices]
    if config.close_only:
        if "close" not in roles.prices:
            raise DataError(
                content.source,
                f"must have a close; {example_columns(names)} names them, for example",
                ", ".join(names[:30]),
            )
        # The other three wait for the order of time; see `closes`.
        return dict.fromkeys(PRICES, number(roles.prices["close"]))
    if missing == ["open", "high", "low"]:
        raise DataError(
            content.source,
            "holds closes only; data.close_only=true builds bars from them (open = previous close)",
        )
    if len(missing) == 4:
        rule = (
            "must have open, high, low, close; data.layout=wide data.close_only=true reads one column of closes for "
            f"each symbol, {example_columns(names)} names the columns"
        )
        raise DataError(content.source, rule, ", ".join(names[:30]))
    if missing:
        raise DataError(
            content.source,
            f"must have {' and '.join(missing)}; {example_columns(names)} names them, for example",
            ", ".join(names[:30]),
        )
    return {name: number(roles.prices[name]) for name in PRICES}


def _started(table: RawTable, config: DataConfig) -> RawTable:
    return from_ends(table) if config.stamp == "end" else table


def selected(table: RawTable, config: DataConfig, named: bool) -> RawTable:
    """Keeps what ``data.symbols``, ``start``, ``end`` and ``vault`` leave of a table whose stamps are starts."""
    if named and config.symbols:
        unknown = [name for name in config.symbols if name not in table.symbols]
        if unknown:
            listed = ", ".join(table.symbols[:30])
            raise DataError("data.symbols", f"must be symbols of {table.source}: {listed}", unknown[0])
        place = np.full(len(table.symbols), -1, dtype=np.int32)
        for position, name in enumerate(config.symbols):
            place[table.symbols.index(name)] = position
        codes = place[table.symbol]
        table = replace(table.take(codes >= 0), symbol=codes[codes >= 0], symbols=tuple(config.symbols))
    keep = np.ones(len(table), dtype=np.bool_)
    for name, value in (("start", config.start), ("end", config.end)):
        if value is None:
            continue
        try:
            edge = int(np.datetime64(value.removesuffix("Z"), "ns").astype(np.int64))
        except ValueError:
            raise DataError(f"data.{name}", "must be an ISO date or time in UTC", value) from None
        keep &= (table.time >= edge) if name == "start" else (table.time < edge)
    if config.vault is not None and keep.any():
        keep &= table.time <= table.time[keep].max() - span(config.vault, "data.vault")
        if not keep.any():
            raise DataError("data.vault", f"must leave bars before it; those of {table.source} span less", config.vault)
    return table if keep.all() else table.take(keep)


def _refuse_scaled(columns: dict[str, NDArray[np.float64]], content: Content) -> None:
    """Whole prices of a thousand and more in every row may be scaled integers: only the user knows."""
    close = columns["close"]
    if len(close) < 5 or not np.nanmax(close[:1000], initial=0.0) >= 1000:
        return
    for rows in (slice(1000), slice(None)):  # the first rows tell nearly always
        with np.errstate(invalid="ignore"):
            prices = np.stack([columns[name][rows] for name in PRICES])
            if (np.abs(prices - np.rint(prices)) > BINARY_NOISE * prices).any():
                return
    raise DataError(
        content.source,
        "has whole numbers for every price, which may be scaled; set data.price_scale "
        "(0.0001 for LEAN stocks, 1 when they are prices)",
        float(close[0]),
    )
