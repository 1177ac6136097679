"""The checks of rows and their times, and the order in which all checks are run."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from regimen.bars.bars import PRICES
from regimen.bars.checks.clocks import UNZONED, showing_twice
from regimen.bars.checks.extras import impossible_extras, percent_funding
from regimen.bars.checks.feeds import repeated_rows, stale_bars, still_findings, stray_weekend
from regimen.bars.checks.ordered import Ordered, finding_at
from regimen.bars.checks.price_order import ohlc
from regimen.bars.checks.prices import price_findings
from regimen.bars.checks.report import Finding
from regimen.bars.checks.schedule import bars_a_year, flat_weekends, gaps, off_grid, off_grid_mask
from regimen.bars.checks.volumes import infinite, nan_volume, negative_volume, swapped_volume, zero_volume
from regimen.bars.config import DataConfig
from regimen.bars.listing import has_ended
from regimen.bars.table import RawTable
from regimen.errors import DataError


def disorder(rows: Ordered, _config: DataConfig) -> Finding | None:
    """Rows of a symbol that start before the row above them."""
    positions = late_rows(rows.table)
    if len(positions) == 0:
        return None
    newest_first = len(positions) >= 0.9 * (len(rows.time) - len(rows.table.symbols))
    sentence = "the rows stand newest first" if newest_first else "{count} row(s) start before the row above them"
    sentence, mend = _by_the_clock(rows, rows.table.time[positions], sentence, "data.repairs.sort=true")
    return finding_at(rows.table, "disorder", "refuse", positions, sentence, mend)


def _by_the_clock(rows: Ordered, time: NDArray[np.int64], sentence: str, mend: str) -> tuple[str, str]:
    """Times that all lie in the hour that a clock shows twice are no faulty rows: the clock is not UTC."""
    places = showing_twice(time) if UNZONED in rows.table.assumptions else ()
    if not places:
        return sentence, mend
    sentence += f", all in the hour that the clock of {places[0]} shows twice at the end of summer time"
    return sentence, f"data.zone={'|'.join(places)}"


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
    again, identical = repeated(rows)
    mend = "data.repairs.duplicates=keep_first"
    texts = _by_the_clock(rows, rows.time[again], "{count} row(s) repeat a time with the same values", mend)
    return rows.find("duplicates", "refuse", identical, *texts)


def conflicting_duplicates(rows: Ordered, _config: DataConfig) -> Finding | None:
    """Rows that repeat a time with other values."""
    again, identical = repeated(rows)
    mend = "data.repairs.duplicates=keep_first|keep_last|drop"
    texts = _by_the_clock(rows, rows.time[again], "{count} row(s) repeat a time with other values", mend)
    return rows.find("conflicting_duplicates", "refuse", again & ~identical, *texts)


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


def unfinished_mask(rows: Ordered) -> NDArray[np.bool_]:
    """Returns (sorted row,): the last row of a symbol when it was not complete at the time of the export.

    That is: it lacks some of its prices, or its stamp is off the grid, or it is one price with a volume
    below 1 % of the median of the 1,000 bars before.
    """
    mask = np.zeros(len(rows.time), dtype=np.bool_)
    ends = np.append(np.flatnonzero(~rows.same), len(rows.time) - 1)
    last = ends[rows.time[ends] > rows.time.max() - rows.bar_length]  # symbols that ended before are complete
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


def ends_early(rows: Ordered, _config: DataConfig) -> Finding | None:
    """Symbols of a panel whose last bar lies before the panel's; see `regimen.bars.listing.has_ended`."""
    if len(rows.table.symbols) == 1:
        return None
    good = np.flatnonzero(rows.good)
    times, row = np.unique(rows.time[good], return_inverse=True)
    edges = np.flatnonzero(np.diff(rows.symbol[good])) + 1
    parts = np.split(np.arange(len(good)), edges) if len(good) else []
    ended = [good[part[-1]] for part in parts if has_ended(row[part], len(times) - 1)]
    sentence = "{count} symbol(s) have their last bar before the panel ends: positions in them are then paid out at "
    sentence += "that price, or as market.delisting says"
    return rows.find("ends_early", "warn", np.array(ended, dtype=np.intp), sentence)


CHECKS: tuple[Callable[[Ordered, DataConfig], Finding | None], ...] = (
    disorder, duplicates, conflicting_duplicates, nan_rows, nonpositive, ohlc, infinite, negative_volume,
    swapped_volume, gaps, off_grid, flat_weekends, bars_a_year, nan_volume, zero_volume, unfinished_last,
    stale_bars, repeated_rows, stray_weekend, impossible_extras, percent_funding,
    ends_early,
)  # fmt: skip


def find_all(rows: Ordered, config: DataConfig) -> tuple[Finding, ...]:
    """Runs every check; the findings that refuse the data come first.

    Raises:
        DataError: there are fewer than two rows.
    """
    if len(rows.time) < 2:
        raise DataError(rows.table.source, "must hold at least two rows", len(rows.time))
    findings = [*(test(rows, config) for test in CHECKS), *price_findings(rows, config), *still_findings(rows, config)]
    kept = [finding for finding in findings if finding is not None]
    return tuple(sorted(kept, key=lambda finding: finding.severity != "refuse"))
