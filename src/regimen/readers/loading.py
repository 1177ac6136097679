"""From a `DataConfig` to `Bars`: read, interpret, repair what the config asks for, check, arrange."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from regimen.bars import DAY, MEMORY, Bars, DataConfig, RawTable, RepairsConfig, pivot
from regimen.bars.checks import CheckReport, Ordered, find_all, repair
from regimen.errors import DataError, RegimenError
from regimen.readers.closes import fill_from_close
from regimen.readers.extras import join_extras
from regimen.readers.factors import with_adjustment
from regimen.readers.formats import path_exists
from regimen.readers.formats.files import Content
from regimen.readers.frames import bars_content, frame_content
from regimen.readers.panel import read_table, table_of
from regimen.readers.samples import sample_path
from regimen.readers.spelling import keywords
from regimen.reprs import short
from regimen.spans import bar_span

_LENIENT = RepairsConfig(
    sort=True,
    duplicates="keep_first",
    nan_rows="drop",
    nonpositive="drop",
    ohlc="widen",
    negative_volume="nan",
    swapped_volume="keep",
    splits="keep",
    relisted="keep",
)


@dataclass(frozen=True)
class Loaded:
    """Bars and what was found, assumed and repaired on the way to them."""

    bars: Bars
    report: CheckReport

    def __repr__(self) -> str:
        return short(self, repr(self.bars))


def load(config: DataConfig) -> Bars:
    """Returns the bars that a config describes.

    Raises:
        DataError: the file cannot be read or understood, or a check refuses it.
    """
    return load_with_report(config).bars


def load_with_report(config: DataConfig) -> Loaded:
    """Like `load`, together with the findings, the repairs and the assumptions that a run records."""
    return _accepted(*_read(config))


def _accepted(bars: Bars | None, report: CheckReport) -> Loaded:
    report.raise_if_refused()
    assert bars is not None
    return Loaded(bars, report)


def load_frame(frame: object, options: Mapping[str, Any]) -> Bars:
    """Returns the bars of a frame that is in memory, by the same rules, checks and repairs as those of a file.

    Args:
        frame: of pandas, or of whatever has an Arrow stream.
        options: fields of `DataConfig`, but for those that only files have.

    Raises:
        ConfigError: an option does not exist, is one of files, or breaks its rule.
        DataError: it is no frame, cannot be understood, or a check refuses it.
    """
    with _keyword_arguments():
        content, config = frame_content(frame, options)
        return _accepted(*_read(config, content)).bars


def load_bars(bars: Bars, options: Mapping[str, Any]) -> Bars:
    """Returns bars that are in memory after the checks, the repairs and all else that their file would go through.

    Args:
        bars: from whatever source.
        options: fields of `DataConfig`, but for those that only files have.

    Raises:
        ConfigError: an option does not exist, is one of files, or breaks its rule.
        DataError: a check refuses them.
    """
    with _keyword_arguments():
        return _accepted(*_read(DataConfig.in_memory(**options), bars_content(bars, bars.source))).bars


@contextmanager
def _keyword_arguments() -> Iterator[None]:
    """Names options in errors as whoever calls from Python writes them."""
    try:
        yield
    except RegimenError as error:
        raise error.in_words(keywords) from error.__cause__


def file_name(bars: Bars) -> str:
    """Returns the name of the file that keeps bars: the first 16 digits of their fingerprint, ``.parquet``."""
    return f"{bars.fingerprint[:16]}.parquet"


def read_back(path: str) -> Bars:
    """Returns the bars of a file that `Bars.write` wrote, whatever the checks would say of them.

    Raises:
        DataError: the file is missing, damaged, or was written by something else.
    """
    config = DataConfig.of(path=path)
    table = read_table(config, path)
    if table.bar_length is None or table.calendar is None:
        raise DataError(table.source, "must be a file that Bars.write wrote")
    return pivot(table, table.bar_length, table.calendar)


def load_as_is(config: DataConfig) -> Bars:
    """Returns the bars of a file that the checks may refuse: to know its markets by, and never to trade.

    Faulty rows are dropped, jumps stay; other files that the config joins are left out.

    Raises:
        DataError: the file cannot be read or understood.
    """
    rows, _ = _prepared(config.model_copy(update={"repairs": _LENIENT, "extras": {}, "adjust": None}))
    return pivot(rows.table, rows.bar_length, rows.calendar)


def check(config: DataConfig) -> CheckReport:
    """Returns what is wrong with the data after the config's repairs; a finding never raises.

    All that `load` does is done, so what training would refuse is refused here, with the same line.

    Raises:
        DataError: the file, or one of `data.extras`, cannot be read or understood.
        ConfigError: the bars cannot be resampled as the config says.
    """
    return _read(config)[1]


def _read(config: DataConfig, content: Content | None = None) -> tuple[Bars | None, CheckReport]:
    """Returns the bars, joined with their extras and resampled, and what was found; no bars that a finding refuses.

    Args:
        config: what is said about the columns.
        content: the columns; those of the config's file unless given.
    """
    rows, report = _prepared(config, content)
    if report.refused:
        return None, report
    bars = pivot(rows.table, rows.bar_length, rows.calendar)
    if config.extras:
        length = bar_span(config.resample, "data.resample") if config.resample else bars.bar_length
        bars, notes, findings = join_extras(bars, config.extras, length)
        report = replace(
            report,
            findings=(*report.findings, *findings),
            assumptions=(*report.assumptions, *notes),
        )
    if config.resample is not None:
        bars = bars.resample(config.resample)
        if len(bars) < 2:
            raise DataError("data.resample", "must leave at least two bars", config.resample)
    if config.periods_per_year is not None:
        bars = replace(bars, periods_per_year=config.periods_per_year)
    return bars, report


def _calendar_note(rows: Ordered, config: DataConfig) -> tuple[str, ...]:
    """Says that the calendar rests on stamps between which no whole Saturday lies."""
    part = int(rows.bar_length < DAY)  # the first and the last day may be cut
    first, last = int(rows.time.min()) // DAY + part, int(rows.time.max()) // DAY - part
    saturdays = (last + 5) // 7 - (first + 4) // 7
    if config.calendar is not None or rows.table.calendar is not None or saturdays > 0:
        return ()
    return (
        f"the data hold no whole Saturday, so the calendar is read as {rows.calendar.name}; set data.calendar if not",
    )


def _table(config: DataConfig, content: Content | None) -> RawTable:
    if config.bars is not None:
        content = bars_content(config.bars, file_name(config.bars))
    if content is not None:
        return table_of(content, config)
    if config.path == MEMORY and not path_exists(MEMORY):
        raise DataError("data.path", "stood for bars in memory; name a file that Bars.write wrote of them", MEMORY)
    return read_table(config, str(sample_path(config.sample)) if config.sample else str(config.path))


def _prepared(config: DataConfig, content: Content | None = None) -> tuple[Ordered, CheckReport]:
    with np.errstate(all="ignore"):  # numbers that overflow are what the checks look for
        table = _table(config, content)
        if config.close_only:
            table = fill_from_close(table)
        table = with_adjustment(table, config)
        table, applied = repair(table, config)
        if config.close_only and applied:
            table = fill_from_close(table)  # a removed row must not remain the next one's open
        rows = Ordered.of(table, config)
        findings = find_all(rows, config)
    report = CheckReport(
        source=table.source,
        rows=len(table),
        symbols=table.symbols,
        start=str(np.datetime64(int(table.time.min()), "ns")),
        end=str(np.datetime64(int(table.time.max()), "ns")),
        bar_length=rows.bar_length,
        calendar=rows.calendar.name,
        periods_per_year=config.periods_per_year or rows.periods_per_year,
        findings=findings,
        applied=applied,
        assumptions=(*table.assumptions, *_calendar_note(rows, config)),
    )
    return rows, report
