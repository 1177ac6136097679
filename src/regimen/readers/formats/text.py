"""Reads delimited text: finds comments, the delimiter and the header, then lets pyarrow parse the cells."""

from __future__ import annotations

import csv
import re

from regimen.arrow import data_errors
from regimen.bars import DataConfig
from regimen.errors import DataError
from regimen.readers.formats.files import Content
from regimen.readers.formats.footer import without_footer
from regimen.readers.roles import TIME, plain, time_positions
from regimen.readers.tickers import two_levels

_HEAD = 1 << 16
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+|\d+,\d+)([eE][+-]?\d+)?")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T].*)?|\d{8}[ T]\d.*")
_ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?)?(Z|[+-]\d\d(:?\d\d)?)?")
_MIDNIGHT = re.compile(r"[ T]00:00(:00)?[+-]\d\d(:?\d\d)?$")  # may be a date; the zone must not be lost
_SPLIT = re.compile(r"\"?[,;\t|]\"?")
_EPOCH = re.compile(r"\d{9,11}|\d{13}|\d{15,19}")
_LEVELS = ("price", "ticker")
"""What stands before a line of prices or of tickers."""
_NULLS = ["", "NaN", "nan", "NA", "N/A", "#N/A", "null", "NULL", "None", "none", "-nan", "NaT"]


def _decoded(data: bytes, source: str) -> tuple[bytes, tuple[str, ...]]:
    """Returns the text as UTF-8 without a byte-order mark (MetaTrader exports UTF-16), and what was assumed of it."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return data.decode("utf-16").encode(), ()
        except UnicodeError:
            raise DataError(source, "must be text in UTF-8, UTF-16 or Windows-1252") from None
    if data[:3] == b"\xef\xbb\xbf":
        data = data[3:]
    if b"\x00" in data[:_HEAD]:
        raise DataError(source, "must be text, but it holds NUL bytes")
    if data.isascii():
        return data, ()
    try:
        data.decode("utf-8")
        return data, ()
    except UnicodeDecodeError:
        pass
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    if re.search(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]", text[:_HEAD]):
        raise DataError(source, "must be text in UTF-8, UTF-16 or Windows-1252")
    return text.encode(), ("the text is no UTF-8 and is read as Windows-1252 (Latin-1)",)


def _is_value(cell: str) -> bool:
    return bool(_NUMBER.fullmatch(cell) or _DATE.fullmatch(cell))


def _is_numbered(cells: list[str]) -> bool:
    """Whether a line counts the columns, as pandas names those without names: ``,0,1,2``."""
    named = cells[1:] if cells[0] == "" else cells
    return len(named) > 1 and named == [str(number) for number in range(len(named))]


def _names_times(cell: str) -> bool:
    """Whether a cell is a header's first, whatever follows: tickers may be numbers (600519)."""
    return plain(cell) in ("", *TIME, *_LEVELS)


def _delimiter(lines: list[str], config: DataConfig, source: str) -> str:
    if config.delimiter is not None:
        return config.delimiter
    candidates = []
    for candidate in (",", ";", "\t", "|"):
        try:
            counts = {len(row) for row in csv.reader(lines[:20], delimiter=candidate)}
        except csv.Error:
            continue
        if min(counts, default=0) > 1:
            candidates.append((len(counts), candidate))
    if config.decimal == "," and len(candidates) > 1:  # a comma that marks decimals separates nothing
        candidates = [pair for pair in candidates if pair[1] != ","]
    candidates.sort(key=lambda pair: pair[0])
    if not candidates:
        raise DataError(
            source, "must hold cells separated by comma, semicolon, tab or bar (|); set data.delimiter for another mark"
        )
    if len(candidates) > 1 and candidates[0][0] == candidates[1][0]:
        both = " and ".join(repr(mark) for _, mark in candidates[:2])
        raise DataError(source, f"can be cut into cells in two ways ({both}); set data.delimiter to choose")
    return candidates[0][1]


def _comments(lines: list[str]) -> int:
    """Returns how many leading lines are no rows: blank, ``#``, ``sep=``, or a link (CryptoDataDownload)."""
    count = 0
    for line in lines:
        text = line.strip().lower()
        if text and not text.startswith(("#", "//", "sep=")) and "http://" not in text and "https://" not in text:
            break
        count += 1
    return count


def _header(
    names: tuple[str, ...], sample: list[list[str]], config: DataConfig, source: str
) -> tuple[tuple[str, ...], tuple[str, ...], int]:
    """Returns the names, whose they are, and how many lines they take.

    yfinance writes up to two further lines: the tickers (or the prices, where the tickers stand first), and ``Date``.
    """
    mapped = set(config.columns.values()) if isinstance(config.columns, dict) else set()
    tickers: tuple[str, ...] = ()
    taken, dated = 1, False
    leveled = names[0].lower() in ("", *_LEVELS)
    while len(sample) > taken and len(sample[taken]) == len(names):
        cells = sample[taken]
        first = cells[0].lower()
        if any(map(_is_value, cells)) and not (leveled and first in ("", *_LEVELS)):  # tickers may be numbers
            break
        if first in ("date", "datetime") and not any(cells[1:]):
            names = names if names[0] in mapped else (cells[0], *names[1:])
            dated = True
        elif not tickers and first in ("", *_LEVELS) and (levels := two_levels(names[1:], cells[1:])):
            names, tickers = (names[0], *levels[0]), ("", *levels[1])
        elif not tickers and first in _LEVELS:
            raise DataError(source, "must have each price once for each ticker, under open, high, low and close")
        else:
            break
        taken += 1
    labelled = any(line[0].lower() in _LEVELS for line in sample[:taken])
    if not (dated or labelled or len(set(tickers)) > 2):
        tickers = ()  # one word under every name may be a unit
    if tickers and names[0].lower() in _LEVELS and names[0] not in mapped:
        names = ("", *names[1:])  # the label of the names, not the name of the times
    return names, tickers, taken


def read_text(data: bytes, name: str, source: str, config: DataConfig) -> Content:
    """Reads CSV and its relatives; cells that are times stay text unless they are ISO or long epochs."""
    import pyarrow as pa
    import pyarrow.csv as pacsv

    data, notes = _decoded(data, source)
    head = data[:_HEAD].decode("utf-8", errors="ignore")
    lines = re.split(r"\r\n|\n|\r", head)
    if len(data) > _HEAD:
        lines.pop()
    skipped = _comments(lines)
    rest = [line for line in lines[skipped:] if line.strip()]
    if not rest:
        raise DataError(source, "must hold at least one row")
    last = max((at for at, line in enumerate(rest) if any(map(_is_value, _SPLIT.split(line)))), default=len(rest))
    delimiter = _delimiter(rest[: last + 1], config, source)  # words at the end say nothing of it
    try:
        sample = [[cell.strip() for cell in row] for row in csv.reader(rest[:50], delimiter=delimiter)]
    except csv.Error as error:
        raise DataError(source, f"must be delimited text ({error})") from None
    header = config.header
    if header is None:
        header = not any(map(_is_value, sample[0])) or _is_numbered(sample[0]) or _names_times(sample[0][0])
    names: tuple[str, ...] | None = tuple(sample[0]) if header else None
    width = len(sample[0])
    tickers: tuple[str, ...] = ()
    if names is not None:
        names, tickers, lines_of_header = _header(names, sample, config, source)
        skipped += lines_of_header
        sample = sample[lines_of_header:]
    if not sample:
        raise DataError(source, "must hold at least one row below its header")
    data, footer = without_footer(data, delimiter, sample[0], _is_value)
    types = {}
    for position in time_positions(names, width, config, source):
        cells = [row[position] for row in sample if len(row) > position and row[position]] or [""]
        dates = 2 * sum(bool(_MIDNIGHT.search(cell)) for cell in cells) > len(cells)  # their own zone's midnights
        if not ((_ISO.fullmatch(cells[0]) and not dates) or _EPOCH.fullmatch(cells[0])) or config.time_format:
            types[str(position)] = pa.string()
    if config.time_unit == "ms_of_day":
        types = {}
    options = pacsv.ConvertOptions(
        column_types=types,
        null_values=_NULLS,
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
        decimal_point=config.decimal,
    )
    try:
        table = pacsv.read_csv(
            pa.BufferReader(pa.py_buffer(data).slice(_offset(data, skipped))),
            read_options=pacsv.ReadOptions(column_names=[str(i) for i in range(width)], block_size=1 << 22),
            parse_options=pacsv.ParseOptions(delimiter=delimiter),
            convert_options=options,
        )
    except data_errors(ValueError, OverflowError) as error:
        match = re.search(r"Expected (\d+) columns, got (\d+)(?:: (.*))?", str(error))
        if match:
            rule = f"must have {match[1]} cells in every row, but one has {match[2]}: mend that line or take it out"
            raise DataError(source, rule, *([match[3].strip()] if match[3] else [])) from None
        raise DataError(source, f"must be delimited text ({error})") from None
    if table.num_rows == 0:
        raise DataError(source, "must hold at least one row below its header")
    if footer:
        notes = (*notes, f"text below the last row is left out: {footer}")
    return Content(names, tuple(table.columns), name, source, delimiter, tickers=tickers, notes=notes)


def _offset(data: bytes, skipped: int) -> int:
    """Returns the position of the byte after the first ``skipped`` lines."""
    position = 0
    for _ in range(skipped):
        ends = [end for end in (data.find(b"\n", position), data.find(b"\r", position)) if end >= 0]
        if not ends:
            return len(data)
        end = min(ends)
        position = end + (2 if data[end : end + 2] == b"\r\n" else 1)
    return position
