"""Repairs: only those that the config asks for, each counted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regimen.bars.bars import PRICES
from regimen.bars.checks.jumps import Jumps, relisted_rows
from regimen.bars.checks.moves import Moves
from regimen.bars.checks.ordered import Ordered
from regimen.bars.checks.price_order import look_swapped, violations
from regimen.bars.checks.prices import wide_rows
from regimen.bars.checks.report import Repair
from regimen.bars.checks.rows import late_rows, repeated, unfinished_mask
from regimen.bars.checks.volumes import overflowed, swapped_rows
from regimen.bars.checks.weekends import filled_weekends
from regimen.bars.config import DataConfig
from regimen.bars.table import RawTable


def repair(table: RawTable, config: DataConfig) -> tuple[RawTable, tuple[Repair, ...]]:
    """Applies the policies of ``data.repairs`` in a fixed order and returns what changed.

    The order: sort, unfinished_last, flat_weekends, duplicates, nan_rows, nonpositive, ohlc, negative_volume,
    swapped_volume, relisted, bad_ticks, splits, wide_ranges.
    """
    policy = config.repairs
    applied: list[Repair] = []

    def note(name: str, count: int, sentence: str) -> None:
        if count:
            applied.append(Repair(name, str(getattr(policy, name)), count, sentence.format(count=f"{count:,}")))

    if policy.sort:
        table, moved = _sorted(table)
        note("sort", moved, "{count} row(s) moved into the order of time")
    if policy.unfinished_last == "drop":
        table, count = _without(table, _to_file(Ordered.of(table, config), unfinished_mask))
        note("unfinished_last", count, "{count} unfinished last bar(s) dropped")
    if policy.flat_weekends == "drop":
        table, count = _without(table, _to_file(Ordered.of(table, config), _filled))
        note("flat_weekends", count, "{count} row(s) of weekends without a trade dropped")
    if policy.duplicates != "refuse":
        table, count = _without(table, _surplus(Ordered.of(table, config), policy.duplicates))
        note("duplicates", count, "{count} row(s) with a repeated time dropped")
    if policy.nan_rows == "drop":
        table, count = _without(table, table.missing)
        note("nan_rows", count, "{count} row(s) without four prices dropped")
    if policy.nonpositive == "drop":
        bad = np.fmin.reduce([table.columns[name] for name in PRICES]) <= 0
        table, count = _without(table, bad)
        note("nonpositive", count, "{count} row(s) with a price of zero or below dropped")
    if policy.ohlc != "refuse":
        table, count = _contained(table, policy.ohlc)
        done = "had high and low moved to contain open and close" if policy.ohlc == "widen" else "dropped"
        note("ohlc", count, "{count} row(s) with prices out of order " + done)
    if policy.negative_volume == "nan":
        bad = (table.columns["volume"] < 0) | overflowed(table.columns["volume"])
        if bad.any():
            table = table.with_columns(volume=np.where(bad, np.nan, table.columns["volume"]))
        note("negative_volume", int(bad.sum()), "{count} volume(s) below zero, infinite or overflowed set to missing")
    if policy.swapped_volume == "swap" and "quote_volume" in table.columns:
        bad = swapped_rows(dict(table.columns))
        base, quote = table.columns["volume"], table.columns["quote_volume"]
        if bad.any():
            table = table.with_columns(volume=np.where(bad, quote, base), quote_volume=np.where(bad, base, quote))
        note("swapped_volume", int(bad.sum()), "{count} row(s) had base and quote volume swapped back")
    if policy.relisted in ("cut_before", "cut_after"):
        table, count = _cut(table, config)
        note("relisted", count, "{count} row(s) of the earlier asset dropped")
    if policy.bad_ticks == "drop":
        table, count = _without_ticks(table, config)
        note("bad_ticks", count, "{count} row(s) with a price that jumped and came back dropped")
    if policy.splits == "adjust":
        table, count = _adjusted(table, config)
        note("splits", count, "{count} split(s) written into the column adjustment")
    if policy.wide_ranges == "narrow":
        table, count = _narrowed(table, config)
        note("wide_ranges", count, "{count} bar(s) had high and low moved to open and close")
    return table, tuple(applied)


def _sorted(table: RawTable) -> tuple[RawTable, int]:
    if (table.time[1:] >= table.time[:-1]).all():
        return table, 0
    order = np.lexsort((table.symbol, table.time)) if len(table.symbols) > 1 else np.argsort(table.time, kind="stable")
    late = len(late_rows(table))
    return (table.take(order), late) if late else (table, 0)


def _without(table: RawTable, bad: NDArray[np.bool_]) -> tuple[RawTable, int]:
    count = int(bad.sum())
    return (table.take(~bad), count) if count else (table, 0)


def _to_file(rows: Ordered, mask_of: object) -> NDArray[np.bool_]:
    """Takes a mask over sorted rows back to the order of the file."""
    mask = np.zeros(len(rows.time), dtype=np.bool_)
    mask[rows.order] = mask_of(rows) if callable(mask_of) else mask_of
    return mask


def _filled(rows: Ordered) -> NDArray[np.bool_]:
    return filled_weekends(rows.time, rows.columns, rows.bar_length)


def _surplus(rows: Ordered, policy: str) -> NDArray[np.bool_]:
    again, _ = repeated(rows)
    earlier = np.zeros_like(again)
    earlier[:-1] = again[1:]
    chosen = {"keep_first": again, "keep_last": earlier, "drop": again | earlier}[policy]
    return _to_file(rows, chosen)


def _contained(table: RawTable, policy: str) -> tuple[RawTable, int]:
    columns = dict(table.columns)
    bad = violations(columns)
    if not bad.any() or look_swapped(columns, bad):  # swapped columns are no fault of the rows: the check refuses them
        return table, 0
    if policy == "drop":
        return _without(table, bad)
    stacked = np.stack([table.columns[name] for name in PRICES])
    high = np.where(bad, stacked.max(axis=0), table.columns["high"])
    low = np.where(bad, stacked.min(axis=0), table.columns["low"])
    return table.with_columns(high=high, low=low), int(bad.sum())


def _cut(table: RawTable, config: DataConfig) -> tuple[RawTable, int]:
    moves = Moves.of(Ordered.of(table, config), config)
    rows, at = moves.rows, relisted_rows(moves)
    bad = np.zeros(len(table), dtype=np.bool_)
    for code in np.unique(rows.symbol[at]):
        restarts = rows.time[at[rows.symbol[at] == code]]
        mine = table.symbol == code
        if config.repairs.relisted == "cut_before":
            bad |= mine & (table.time < restarts.max())
        else:
            bad |= mine & (table.time >= restarts.min())
    return _without(table, bad)


def _without_ticks(table: RawTable, config: DataConfig) -> tuple[RawTable, int]:
    jumps = Jumps.of(Ordered.of(table, config), config)
    bad = np.zeros(len(table), dtype=np.bool_)
    bad[jumps.moves.rows.order[jumps.ticks]] = True
    return _without(table, bad)


def _adjusted(table: RawTable, config: DataConfig) -> tuple[RawTable, int]:
    """Multiplies the adjustment by each split's ratio from its row on: what is known at the row, no more."""
    jumps = Jumps.of(Ordered.of(table, config), config)
    if len(jumps.splits) == 0:
        return table, 0
    rows = jumps.steady.rows
    factor = table.columns.get("adjustment", np.ones(len(table))).copy()
    for position, units in zip(jumps.splits, jumps.ratios, strict=True):
        factor[(table.symbol == rows.symbol[position]) & (table.time >= rows.time[position])] *= units
    return table.with_columns(adjustment=factor), len(jumps.splits)


def _narrowed(table: RawTable, config: DataConfig) -> tuple[RawTable, int]:
    moves = Moves.of(Ordered.of(table, config), config)
    at = moves.rows.order[wide_rows(moves)]
    if len(at) == 0 or moves.closes_only:
        return table, 0
    high, low = table.columns["high"].copy(), table.columns["low"].copy()
    high[at] = np.maximum(table.columns["open"][at], table.columns["close"][at])
    low[at] = np.minimum(table.columns["open"][at], table.columns["close"][at])
    return table.with_columns(high=high, low=low), len(at)
