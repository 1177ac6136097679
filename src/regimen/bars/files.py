"""Opens a data file of any supported container and format and returns its columns, not yet understood."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from regimen.bars.config import DataConfig
from regimen.bars.foreign import refuse_foreign
from regimen.errors import DataError

TEXT = (".csv", ".txt", ".tsv", ".data")
PARQUET = (".parquet", ".pq")
FEATHER = (".feather", ".arrow", ".ipc")
JSON = (".json", ".jsonl", ".ndjson")
FORMATS = (*TEXT, *PARQUET, *FEATHER, *JSON)
_MOST_UNPACKED = 4 << 30


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

    def __len__(self) -> int:
        return len(self.columns[0]) if self.columns else 0


def _suffix(name: str) -> str:
    return Path(name.lower()).suffix


def _stored(path: Path, config: DataConfig) -> tuple[bytes | Path, str]:
    """Returns the bytes of the file inside any container (or the path itself), and the inner name."""
    lower = path.name.lower()
    try:
        if lower.endswith((".tar.gz", ".tgz", ".tar")):
            with tarfile.open(path) as archive:
                files = {item.name: item for item in archive.getmembers() if item.isfile()}
                chosen = _member(tuple(item for item in files if not _is_litter(item)), config, path.name)
                opened = archive.extractfile(files[chosen])
                return _limited(opened, path.name), chosen
        if lower.endswith(".zip"):
            with zipfile.ZipFile(path) as archive:
                names = tuple(item.filename for item in archive.infolist() if not item.is_dir())
                names = tuple(item for item in names if not _is_litter(item))
                chosen = _member(names, config, path.name)
                with archive.open(chosen) as opened:
                    return _limited(opened, path.name), chosen
        if lower.endswith(".gz"):
            with gzip.open(path) as unpacked:
                return _limited(unpacked, path.name), path.name[:-3]
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        zlib.error,
        EOFError,
        gzip.BadGzipFile,
        NotImplementedError,
    ) as error:
        raise DataError(path.name, f"must be a whole archive, but it is damaged or cut off ({error})") from None
    except RuntimeError:
        raise DataError(path.name, "must not be encrypted") from None
    return path, path.name


def _is_litter(name: str) -> bool:
    """Whether an archive's member is what macOS and Windows leave beside the files."""
    parts = Path(name).parts
    return "__MACOSX" in parts or parts[-1].startswith("._") or parts[-1] in (".DS_Store", "Thumbs.db", "desktop.ini")


def _limited(opened: Any, name: str) -> bytes:
    data: bytes = opened.read(_MOST_UNPACKED + 1)
    if len(data) > _MOST_UNPACKED:
        raise DataError(name, "must unpack to at most 4 GiB")
    return data


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
        raise DataError(archive, f"holds {len(names)} files; data.member says which to read", listed)
    return names[0]


def read_content(config: DataConfig, path_text: str) -> Content:
    """Reads one file.

    Raises:
        DataError: the file is missing, empty, damaged, of an unknown format, or an archive with several
            files.
    """
    from regimen.bars.text import read_text

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
        from regimen.bars.jsontext import read_json

        return read_json(data, name, path.name)
    return read_text(data, name, path.name, config)


def _read_arrow(stored: bytes | Path, name: str, source: str, parquet: bool) -> Content:
    import json

    import pyarrow as pa
    import pyarrow.feather
    import pyarrow.parquet

    opened: Any = str(stored) if isinstance(stored, Path) else io.BytesIO(stored)
    try:
        if parquet:
            table = pyarrow.parquet.ParquetFile(opened).read()
        else:
            table = pyarrow.feather.read_table(opened)
    except (pa.ArrowException, OSError, ValueError) as error:
        kind = "Parquet" if parquet else "Feather"
        raise DataError(source, f"must be a whole {kind} file, but it is damaged or cut off ({error})") from None
    if table.num_rows == 0:
        raise DataError(source, "must hold at least one row")
    left = (table.schema.metadata or {}).get(b"regimen")
    try:
        metadata = json.loads(left) if left else {}
    except ValueError:
        metadata = {}
    return Content(
        names=tuple(table.column_names),
        columns=tuple(table.columns),
        name=name,
        source=source,
        metadata=metadata if isinstance(metadata, dict) else {},
    )
