"""How large a file may become when it is unpacked: known before, or counted while nothing is kept."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from regimen.errors import ConfigError, DataError

VARIABLE = "REGIMEN_UNPACKED_GIB"
"""The environment variable that allows more than the default; it says nothing about the data, so no config has it."""
_DEFAULT = 4.0
_GIB = 1 << 30
_CHUNK = 1 << 20
_LONGEST_HEADER = 64 << 20


def most_unpacked() -> int:
    """Returns the bytes that one file may unpack to: 4 GiB, or what ``$REGIMEN_UNPACKED_GIB`` says.

    Raises:
        ConfigError: the variable is no positive number.
    """
    text = os.environ.get(VARIABLE)
    try:
        gib = float(text) if text else _DEFAULT
    except ValueError:
        gib = 0.0
    if not 0.0 < gib < 1e6:
        raise ConfigError(VARIABLE, "must be a positive number of GiB", text)
    return int(gib * _GIB)


def require_bounded(size: int, name: str) -> None:
    """Returns when ``size`` bytes may be unpacked.

    Raises:
        DataError: they may not.
    """
    if size > most_unpacked():
        raise DataError(name, f"must unpack to at most {most_unpacked() / _GIB:g} GiB ({VARIABLE} allows more)")


def counted(stream: Any, name: str) -> int:
    """Returns how many bytes a stream unpacks to, keeping none of them.

    Raises:
        DataError: they are too many; the rest is not unpacked.
    """
    size = 0
    while chunk := stream.read(_CHUNK):
        size += len(chunk)
        require_bounded(size, name)
    return size


class BoundedStream:
    """A stream in which tarfile may move about, but not read a header of any length into memory."""

    def __init__(self, stream: Any, name: str) -> None:
        self._stream = stream
        self._name = name

    def read(self, size: int) -> bytes:
        """Returns the next ``size`` bytes."""
        if size > _LONGEST_HEADER:
            raise DataError(self._name, f"must have headers of at most {_LONGEST_HEADER >> 20} MiB")
        data: bytes = self._stream.read(size)
        return data

    def seek(self, position: int) -> int:
        """Moves to a byte counted from the start."""
        return int(self._stream.seek(position))

    def tell(self) -> int:
        """Returns where the next byte stands."""
        return int(self._stream.tell())


def bounded_members(archive: Any, name: str) -> Iterator[Any]:
    """Yields the files of a tar archive, whose sizes are added up before their bytes are passed by.

    Raises:
        DataError: all together they are too large.
    """
    size = 0
    for item in archive:
        size += max(item.size, 0)
        require_bounded(size, name)
        if item.isfile():
            yield item


def require_bounded_parquet(metadata: Any, name: str) -> None:
    """Like `require_bounded`, for the eight bytes of each value that a Parquet file's description names.

    Columns of lists have as many values as their bytes could hold. How many each column says that it has is not asked:
    pyarrow ends the process where the description of a column is damaged.
    """
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    rows = max(metadata.num_rows, sum(group.num_rows for group in groups))
    columns = [metadata.schema.column(index) for index in range(metadata.num_columns)]
    lists = any(column.max_repetition_level > 0 for column in columns)
    values = sum(group.total_byte_size for group in groups) if lists else 0
    require_bounded(8 * max(values, rows * len(columns)), name)


def require_bounded_feather(fragment: Any, name: str) -> None:
    """Like `require_bounded`, for eight bytes in each row of each column of a Feather file."""
    require_bounded(8 * fragment.count_rows(use_threads=False) * len(fragment.physical_schema), name)


def require_bounded_text(column: Any, name: str) -> None:
    """Like `require_bounded`, for a column that holds each of its texts once, when it will be written out."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type.value_type if pa.types.is_dictionary(column.type) else None
    if kind is None or not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return
    longest = [pc.max(pc.binary_length(chunk.dictionary)).as_py() or 0 for chunk in column.chunks]
    require_bounded(max(longest, default=0) * len(column), name)
