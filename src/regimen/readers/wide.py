"""Files with one column of closes for each symbol, said to be so (`data.layout`) or looking like it."""

from __future__ import annotations

import re

import numpy as np

from regimen.bars import PRICES, DataConfig, RawTable
from regimen.errors import DataError
from regimen.readers.cells import numbers_of
from regimen.readers.formats.files import Content
from regimen.readers.roles import Roles
from regimen.readers.times.stamps import Stamps
from regimen.spans import bar_span

_TICKER = re.compile(r"[A-Z]{1,5}([.-][A-Z]{1,2})?")
_BOTH = ("O", "H", "L", "C", "OPEN", "LOW")
"""Names of prices that are tickers as well."""
_SAMPLE = 1000


def refuse_symbols(names: tuple[str, ...], roles: Roles, content: Content, config: DataConfig) -> None:
    """Returns unless what was taken for prices are symbols with the names O, H, L, C, V, OPEN, LOW and such.

    So they are where columns beside them are called like tickers (or V) and a price is missing, or where single
    capital letters are no open, high, low and close in most rows.

    Raises:
        DataError: they look like it, and the config says nothing of the columns.
    """
    if config.columns is not None or not all(names[at] in _BOTH for at in roles.prices.values()):
        return
    beside = [*roles.ignored, *([] if roles.volume is None else [names[roles.volume]])]
    tickers = [name for name in beside if _TICKER.fullmatch(name)]
    letters = [names[at] for at in roles.prices.values() if len(names[at]) == 1]
    partly = 0 < len(roles.prices) < 4 and tickers
    if not partly and not (len(letters) == 4 and _out_of_order(names, roles, content, config.decimal)):
        return
    rule = (
        "looks like one column of closes for each symbol; data.layout=wide data.close_only=true reads that; "
        "if it is not, set data.columns to name each column"
    )
    raise DataError(content.source, rule, ", ".join(names[:30]))


def _out_of_order(names: tuple[str, ...], roles: Roles, content: Content, decimal: str) -> bool:
    """Whether high and low do not contain open and close in most of the first rows."""
    opened, high, low, close = (
        numbers_of(
            content.columns[roles.prices[name]].slice(0, _SAMPLE), names[roles.prices[name]], content.source, decimal
        )
        for name in PRICES
    )
    with np.errstate(invalid="ignore"):
        bad = (high < np.maximum(opened, close)) | (low > np.minimum(opened, close))
    return bool(bad.mean() > 0.5)


def wide_table(content: Content, config: DataConfig, roles: Roles, time: Stamps, notes: list[str]) -> RawTable:
    """Returns the closes of every symbol under each other; see `closes` for the bars made of them.

    Raises:
        DataError: the config does not say that bars are made of closes, or there is no price.
    """
    if not config.close_only:
        rule = "holds one close a symbol; data.close_only=true builds bars from them (open = previous close)"
        raise DataError(content.source, rule)
    symbols = tuple(roles.extras)
    if not symbols:
        raise DataError(content.source, "must have a column of closes for each symbol beside the time")
    values = np.stack(
        [numbers_of(content.columns[i], name, content.source, config.decimal) for name, i in roles.extras.items()]
    )
    keep = ~np.isnan(values.ravel())
    count = len(time)
    close = values.ravel()[keep] * (config.price_scale or 1.0)
    if not keep.any():
        raise DataError(content.source, "must hold at least one price")
    return RawTable(
        time=np.tile(time, len(symbols))[keep],
        symbol=np.repeat(np.arange(len(symbols), dtype=np.int32), count)[keep],
        symbols=symbols,
        columns={**dict.fromkeys(PRICES, close), "volume": np.full(len(close), np.nan)},
        rows=np.tile(np.arange(count), len(symbols))[keep],
        source=content.source,
        assumptions=(*notes, "cells without a number are times at which the symbol has no bar"),
        bar_length=bar_span(config.bar_length, "data.bar_length") if config.bar_length else None,
    )
