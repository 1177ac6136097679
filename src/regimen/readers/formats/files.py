"""Opens a data file of any supported container and format and returns its columns, not yet understood."""

from __future__ import annotations

import gzip
import io
import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from regimen.arrow import data_errors
from regimen.bars import DataConfig
from regimen.errors import DataError
from regimen.memory import ran_out
from regimen.readers.formats.bounds import (
    BoundedStream,
    bounded_members,
    counted,
    require_bounded,
    require_bounded_feather,
    require_bounded_parquet,
    require_bounded_text,
)
from regimen.readers.formats.foreign import refuse_foreign

TEXT = (".csv", ".txt", ".tsv", ".data")
PARQUET = (".parquet", ".pq")
FEATHER = (".feather", ".arrow", ".ipc")
JSON = (".json", ".jsonl", ".ndjson")
FORMATS = (*TEXT, *PARQUET, *FEATHER, *JSON)
_PIECE = 16 << 20


@dataclass(frozen=True)
class Content:
    """The columns of a file.

    Attributes:
        names: one for each column; None when the file has no header.
        columns: pyarrow arrays (chunked or not), all of one length.
        name: the file's own name, or the archive member's.
        source: what messages call the file.
        delimiter: of a text file.
        arrays: whether the rows are JSON arrays.
        metadata: what `Bars.write` left in the file.
        tickers: whose price each column is, where columns are named by price and ticker; "" for all of them.
        symbol: the one ticker whose columns these are.
        notes: what was assumed in reading it.
        zone_needed: why stamps without a zone are not taken for UTC; empty when they may be.
    """

    names: tuple[str, ...] | None
    columns: tuple[Any, ...]
    name: str
    source: str
    delimiter: str = ""
    arrays: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)
    tickers: tuple[str, ...] = ()
    symbol: str = ""
    notes: tuple[str, ...] = ()
    zone_needed: str = ""

    def __len__(self) -> int:
        return len(self.columns[0]) if self.columns else 0


def _suffix(name: str) -> str:
    return Path(name.lower()).suffix


def _stored(path: Path, config: DataConfig) -> tuple[bytes | Path, str]:
    """Returns the bytes of the file inside any container (or the path itself), and the inner name."""
    lower = path.name.lower()
    try:
        if lower.endswith((".tar.gz", ".tgz", ".tar")):
            with _unpacked_tar(path) as unpacked:
                stream: Any = BoundedStream(unpacked, path.name)
                tar = tarfile.TarFile(fileobj=stream)
                files = {item.name: item for item in bounded_members(tar, path.name)}
                chosen = _member(tuple(item for item in files if not _is_litter(item)), config, path.name)
                return _whole(tar.extractfile(files[chosen]), files[chosen].size), chosen
        if lower.endswith(".zip"):
            with zipfile.ZipFile(path) as archive:
                names = tuple(item.filename for item in archive.infolist() if not item.is_dir())
                names = tuple(item for item in names if not _is_litter(item))
                chosen = _member(names, config, path.name)
                size = archive.getinfo(chosen).file_size
                require_bounded(size, path.name)
                with archive.open(chosen) as opened:
                    return _whole(opened, size), chosen
        if lower.endswith(".gz"):
            with gzip.open(path) as unpacked:
                size = counted(unpacked, path.name)
                unpacked.seek(0)
                return _whole(unpacked, size), path.name[:-3]
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        zlib.error,
        lzma.LZMAError,
        struct.error,
        EOFError,
        gzip.BadGzipFile,
        NotImplementedError,
    ) as error:
        raise DataError(path.name, f"must be a whole archive, but it is damaged or cut off ({error})") from None
    except RuntimeError:
        raise DataError(path.name, "must not be encrypted") from None
    return path, path.name


def _unpacked_tar(path: Path) -> Any:
    """Opens the tar inside, whether it is packed or only called so."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if packed else path.open("rb")


def _is_litter(name: str) -> bool:
    """Whether an archive's member is what macOS and Windows leave beside the files."""
    parts = Path(name).parts
    return "__MACOSX" in parts or parts[-1].startswith("._") or parts[-1] in (".DS_Store", "Thumbs.db", "desktop.ini")


def _whole(opened: Any, size: int) -> bytes:
    """Reads ``size`` bytes in pieces, so that a size that is not true takes no memory."""
    parts = []
    while size > 0 and (part := opened.read(min(size, _PIECE))):
        parts.append(part)
        size -= len(part)
    opened.read(1)  # at the end a zip archive compares its checksum
    return b"".join(parts)


def _member(names: tuple[str, ...], config: DataConfig, archive: str) -> str:
    if config.member is not None:
        if config.member not in names:
            raise DataError(
                "data.member",
                f"must be one of the files of {archive}: {', '.join(names[:20])}",
                config.member,
            )
        return config.member
    if not names:
        raise DataError(archive, "must hold a file")
    if len(names) != 1:
        listed = ", ".join(names[:20])
        raise DataError(archive, f"holds {len(names)} files; set data.member to choose one", listed)
    return names[0]


def read_content(config: DataConfig, path_text: str) -> Content:
    """Reads one file.

    Raises:
        DataError: the file is missing, empty, damaged, of an unknown format, or an archive with several
            files.
    """
    from regimen.readers.formats.text import read_text

    try:
        path = Path(path_text).expanduser()
        if not path.is_file():
            raise DataError("data.path", "must be an existing file", path_text)
        stored, name = _stored(path, config)
        size = stored.stat().st_size if isinstance(stored, Path) else len(stored)
        suffix = _suffix(name)
        refuse_foreign(path_text if isinstance(stored, Path) else name)
        if suffix not in FORMATS:
            raise DataError("data.path", f"must end in one of {' '.join(FORMATS)} (plain or .gz .zip .tar.gz)", name)
        if size == 0:
            raise DataError(path.name, "must not be empty")
        if suffix in PARQUET or suffix in FEATHER:
            return _read_arrow(stored, name, path.name, parquet=suffix in PARQUET)
        data = stored.read_bytes() if isinstance(stored, Path) else stored
    except OSError as error:
        raise DataError("data.path", f"must be readable ({error.strerror or error})", path_text) from None
    except (ValueError, RuntimeError) as error:  # a NUL byte, or a home that does not exist
        raise DataError("data.path", f"must be a usable path ({error})", path_text) from None
    if suffix in JSON or data[:64].lstrip()[:1] in (b"{", b"["):
        from regimen.readers.formats.jsontext import read_json

        return read_json(data, name, path.name)
    return read_text(data, name, path.name, config)


def _read_arrow(stored: bytes | Path, name: str, source: str, parquet: bool) -> Content:
    try:
        table = _read_parquet(stored, source) if parquet else _read_feather(stored, source)
        table.validate(full=True)  # a text outside its buffer would end the process
    except MemoryError as error:
        asked = re.search(r"size (\d+)", str(error))
        require_bounded(int(asked[1]) if asked else 0, source)  # it is the file that asks for a petabyte
        raise
    except data_errors(OSError, ValueError) as error:
        if ran_out(error):
            raise
        kind = "Parquet" if parquet else "Feather"
        raise DataError(source, f"must be a whole {kind} file, but it is damaged or cut off ({error})") from None
    if table.num_rows == 0:
        raise DataError(source, "must hold at least one row")
    return Content(
        names=tuple(table.column_names),
        columns=tuple(table.columns),
        name=name,
        source=source,
        metadata=description_of(table),
    )


def description_of(table: Any) -> dict[str, Any]:
    """Returns what `Bars.write` left in the schema of a pyarrow table; nothing where there is none."""
    import json

    left = (table.schema.metadata or {}).get(b"regimen")
    try:
        metadata = json.loads(left) if left else {}
    except ValueError:
        return {}
    return metadata if isinstance(metadata, dict) else {}


def _read_parquet(stored: bytes | Path, source: str) -> Any:
    """Reads a table whose size is known before; texts stay written once each, however often they occur."""
    import pyarrow as pa
    import pyarrow.parquet

    opened: Any = str(stored) if isinstance(stored, Path) else io.BytesIO(stored)
    metadata = pyarrow.parquet.ParquetFile(opened).metadata
    require_bounded_parquet(metadata, source)
    texts = [each.name for each in metadata.schema.to_arrow_schema() if each.type in (pa.string(), pa.large_string())]
    table = pyarrow.parquet.ParquetFile(opened, read_dictionary=texts).read()
    for column in table.columns:
        require_bounded_text(column, source)
    return table


def _read_feather(stored: bytes | Path, source: str) -> Any:
    """Reads a table whose number of rows is known before; files of the format's first version are not packed."""
    import pyarrow as pa
    import pyarrow.dataset
    import pyarrow.feather
    import pyarrow.fs

    form = pyarrow.dataset.IpcFileFormat()
    try:
        if isinstance(stored, Path):
            fragment = form.make_fragment(str(stored), pyarrow.fs.LocalFileSystem())
        else:
            fragment = form.make_fragment(pa.py_buffer(stored))
        require_bounded_feather(fragment, source)
    except data_errors():
        pass  # the reader says what is wrong with it
    table = pyarrow.feather.read_table(str(stored) if isinstance(stored, Path) else pa.BufferReader(stored))
    for column in table.columns:
        require_bounded_text(column, source)
    return table
