"""The checks of rows and their times, and the order in which all checks are run."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from regimen.bars.bars import PRICES
from regimen.bars.calendar import DAY
from regimen.bars.config import DataConfig
from regimen.bars.feed_checks import repeated_rows, stale_bars, still_findings, stray_weekend
from regimen.bars.ordered import Ordered, finding_at
from regimen.bars.price_checks import price_findings
from regimen.bars.price_order import ohlc
from regimen.bars.report import Finding
from regimen.bars.spans import spoken
from regimen.bars.table import RawTable
from regimen.bars.volume_checks import nan_volume, negative_volume, swapped_volume, zero_volume
from regimen.errors import DataError


def disorder(rows: Ordered, _config: DataConfig) -> Finding | None:
    """Rows of a symbol that start before the row above them."""
    positions = late_rows(rows.table)
    if len(positions) == 0:
        return None
    newest_first = len(positions) >= 0.9 * (len(rows.time) - len(rows.table.symbols))
    sentence = "the rows stand newest first" if newest_first else "{count} row(s) start before the row above them"
    return finding_at(rows.table, "disorder", "refuse", positions, sentence, "data.repairs.sort=true")


def late_rows(table: RawTable) -> NDArray[np.intp]:
    """Returns the positions of rows that start before the symbol's row above them."""
    if len(table.symbols) == 1:
        return np.flatnonzero(table.time[1:] < table.time[:-1]) + 1
    grouped = np.argsort(table.symbol, kind="stable")
    time, symbol = table.time[grouped], table.symbol[grouped]
    return np.asarray(grouped[1:][(time[1:] < time[:-1]) & (symbol[1:] == symbol[:-1])])


def repeated(rows: Ordered) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Returns masks of sorted rows that repeat the symbol and time before: all, and the identical ones."""
    again = np.zeros(len(rows.time), dtype=np.bool_)
    again[1:] = rows.same & (rows.time[1:] == rows.time[:-1])
    identical = again.copy()
    if again.any():
        at = np.flatnonzero(again)
        for values in rows.columns.values():
            now, before = values[at], values[at - 1]
            identical[at] &= (now == before) | (np.isnan(now) & np.isnan(before))
    return again, identical


def duplicates(rows: Ordered, _config: DataConfig) -> Finding | None:
    """Rows that repeat the row before them wholly."""
    _, identical = repeated(rows)
    sentence = "{count} row(s) repeat a time with the same values"
    return rows.find("duplicates", "refuse", identical, sentence, "data.repairs.duplicates=keep_first")


def conflicting_duplicates(rows: Ordered, _config: DataConfig) -> Finding | None:
    """Rows that repeat a time with other values."""
    again, identical = repeated(rows)
    sentence = "{count} row(s) repeat a time with other values"
    return rows.find(
        "conflicting_duplicates",
        "refuse",
        again & ~identical,
        sentence,
        "data.repairs.duplicates=keep_first|keep_last|drop",
    )


def nan_rows(rows: Ordered, _config: DataConfig) -> Finding | None:
    """Rows without four finite prices."""
    missing = rows.table.missing
    if not missing.any():
        return None
    whole = sum(np.isnan(rows.table.columns[name][missing]).astype(int) for name in PRICES) == 4
    sentence = f"{{count}} row(s) lack a price ({int(np.sum(whole)):,} of them all four)"
    positions = np.flatnonzero(missing)
    return finding_at(rows.table, "nan_rows", "refuse", positions, sentence, "data.repairs.nan_rows=drop")


def nonpositive(rows: Ordered, _config: DataConfig) -> Finding | None:
    """Rows with a price of zero or below."""
    if rows.good.all():
        return None
    lowest = np.fmin.reduce([rows.columns[name] for name in PRICES])
    bad = lowest <= 0
    if not bad.any():
        return None
    sentence = f"{{count}} row(s) have a price of zero or below (lowest {np.nanmin(lowest):g})"
    return rows.find("nonpositive", "refuse", bad, sentence, "data.repairs.nonpositive=drop")


def gaps(rows: Ordered, _config: DataConfig) -> Finding | None:
    """Holes inside a symbol's series that its calendar does not explain.

    ``24/7``: every missing bar. ``24/5`` and intraday ``sessions``: not a closure that recurs at its time of
    day on at least 5 % of the days, nor a weekend of at most 56 hours, nor a night with at most one weekday
    missing. Daily ``sessions``: two or more weekdays in a row without a bar.
    """
    step = rows.time[1:] - rows.time[:-1]
    length = rows.bar_length
    holes = np.flatnonzero((step > length) & rows.same)
    if rows.calendar.name != "24/7" and len(holes):
        holes = holes[~_closed(rows, holes)]
    if len(holes) == 0:
        return None
    widths = step[holes]
    worst = holes[widths.argmax()]
    at = str(np.datetime64(int(rows.time[worst]), "ns")).split(".")[0].replace("T", " ")
    missing = int(widths.sum() // length) - len(holes)
    longest = spoken(int(widths.max()))
    sentence = f"{{count}} hole(s), about {missing:,} bar(s) missing; the longest is {longest} after {at}"
    return rows.find("gaps", "warn", holes + 1, sentence)


def _closed(rows: Ordered, holes: NDArray[np.intp]) -> NDArray[np.bool_]:
    start, stop = rows.time[holes], rows.time[holes + 1]
    first, last = (start // DAY).astype("datetime64[D]"), (stop // DAY).astype("datetime64[D]")
    skipped = np.busday_count(first + 1, last)
    if rows.bar_length >= DAY:
        usual = max(1, rows.bar_length // DAY * 5 // 7)
        return np.asarray(skipped <= usual)
    kind = np.stack([start % DAY, stop - start], axis=1)
    _, inverse, counts = np.unique(kind, axis=0, return_inverse=True, return_counts=True)
    days = max(1, len(np.unique(rows.time[:: max(1, DAY // rows.bar_length // 4)] // DAY)))
    recurring = counts[inverse.ravel()] >= max(3.0, 0.05 * days * len(rows.table.symbols))
    if rows.calendar.name == "24/5":
        saturday = ((last - first).astype(int) >= 1) & (
            np.is_busday(first + 1, weekmask="0000010") | np.is_busday(last, weekmask="0000011")
        )
        return np.asarray(recurring | (saturday & (stop - start <= 56 * DAY // 24)))
    return np.asarray(recurring | ((last > first) & (skipped <= 1)))


def off_grid_mask(rows: Ordered) -> NDArray[np.bool_]:
    """Returns (sorted row,): whether a stamp is off the grid that most stamps share.

    Outside 24/7 a tenth of the stamps makes a grid of its own: bars of four hours or a day that follow an
    exchange's clock move by an hour with its summer time.
    """
    if rows.bar_length > 7 * DAY:
        return np.zeros(len(rows.time), dtype=np.bool_)
    phase = rows.time % rows.bar_length
    if (phase == phase[0]).all():
        return np.zeros(len(rows.time), dtype=np.bool_)
    found, counts = np.unique(phase, return_counts=True)
    least = counts.max() if rows.calendar.name == "24/7" else min(counts.max(), len(phase) / 10)
    return np.asarray(~np.isin(phase, found[counts >= least]))


def off_grid(rows: Ordered, _config: DataConfig) -> Finding | None:
    """Stamps that are not a whole number of bars away from the others."""
    sentence = f"{{count}} stamp(s) are off the grid of {spoken(rows.bar_length)}"
    return rows.find("off_grid", "warn", off_grid_mask(rows), sentence)


def unfinished_mask(rows: Ordered) -> NDArray[np.bool_]:
    """Returns (sorted row,): the last row of a series when it was not complete at the time of the export.

    That is: it lacks some of its prices, or its stamp is off the grid, or it is one price with a volume
    below 1 % of the median of the 1,000 bars before.
    """
    mask = np.zeros(len(rows.time), dtype=np.bool_)
    last = (
        np.flatnonzero(rows.time == rows.time.max()) if len(rows.table.symbols) > 1 else np.array([len(rows.time) - 1])
    )
    grid = off_grid_mask(rows)
    for position in last:
        prices = np.array([rows.columns[name][position] for name in PRICES])
        volume = rows.columns["volume"]
        before = volume[max(0, position - 1000) : position][
            rows.symbol[max(0, position - 1000) : position] == rows.symbol[position]
        ]
        usual = float(np.median(before)) if len(before) and np.isfinite(before).all() else 0.0
        partial = 0 < np.isnan(prices).sum() < 4
        faint = len(set(prices.tolist())) == 1 and 0 < volume[position] < 0.01 * usual
        mask[position] = partial or grid[position] or faint
    return mask


def unfinished_last(rows: Ordered, _config: DataConfig) -> Finding | None:
    """A last bar that was still being made when the file was written."""
    sentence = "the last bar looks unfinished"
    return rows.find("unfinished_last", "warn", unfinished_mask(rows), sentence, "data.repairs.unfinished_last=drop")


CHECKS: tuple[Callable[[Ordered, DataConfig], Finding | None], ...] = (
    disorder, duplicates, conflicting_duplicates, nan_rows, nonpositive, ohlc, negative_volume,
    swapped_volume, gaps, off_grid, nan_volume, zero_volume, unfinished_last,
    stale_bars, repeated_rows, stray_weekend,
)  # fmt: skip


def find_all(rows: Ordered, config: DataConfig) -> tuple[Finding, ...]:
    """Runs every check; the findings that refuse the data come first.

    Raises:
        DataError: there are fewer than two rows.
    """
    if len(rows.time) < 2:
        raise DataError(rows.table.source, "must hold at least two rows", len(rows.time))
    found = [*(test(rows, config) for test in CHECKS), *price_findings(rows, config), *still_findings(rows, config)]
    kept = [finding for finding in found if finding is not None]
    return tuple(sorted(kept, key=lambda finding: finding.severity != "refuse"))
