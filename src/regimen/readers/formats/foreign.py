"""Formats that are not read, and the one line of a shell that makes a file of them that is."""

from __future__ import annotations

import shlex
from pathlib import PurePath

from regimen.errors import DataError
from regimen.readers.spelling import shell_word

_SHEET = ("a spreadsheet", "import pandas; pandas.read_excel({path!r}).to_csv({csv!r}, index=False)")
_PICKLE = ("a pickle", "import pandas; pandas.read_pickle({path!r}).to_parquet({parquet!r})")
_HDF5 = ("an HDF5 file", "import pandas; pandas.read_hdf({path!r}).to_parquet({parquet!r})")
_PYTHON = {
    ".xlsx": _SHEET,
    ".xls": _SHEET,
    ".ods": _SHEET,
    ".pkl": _PICKLE,
    ".pickle": _PICKLE,
    ".h5": _HDF5,
    ".hdf5": _HDF5,
    ".hdf": _HDF5,
    ".orc": ("an ORC file", "import pandas; pandas.read_orc({path!r}).to_parquet({parquet!r})"),
    ".dta": ("a Stata file", "import pandas; pandas.read_stata({path!r}).to_parquet({parquet!r})"),
}
"""By ending: what it is, and Python that writes another file."""
_SHELL = {
    ".bz2": ("packed with bzip2", "bunzip2 -k {path}"),
    ".xz": ("packed with xz", "unxz -k {path}"),
    ".zst": ("packed with zstd", "zstd -d {path}"),
    ".7z": ("packed with 7-Zip", "7z x {path}"),
    ".rar": ("packed with RAR", "unrar x {path}"),
    ".duckdb": ("a DuckDB database", "duckdb {path} \"COPY (FROM bars) TO 'bars.parquet'\" (bars: the table)"),
    ".db": ("a database", "sqlite3 -header -csv {path} 'SELECT * FROM bars' > bars.csv (bars: the table)"),
    ".sqlite": ("a database", "sqlite3 -header -csv {path} 'SELECT * FROM bars' > bars.csv (bars: the table)"),
    ".sqlite3": ("a database", "sqlite3 -header -csv {path} 'SELECT * FROM bars' > bars.csv (bars: the table)"),
}
"""By ending: what it is, and a command that writes another file."""


def refuse_foreign(path_text: str) -> None:
    """Returns when a file's ending is none of a format that is known and not read.

    Raises:
        DataError: it is; the line says what writes the file anew.
    """
    path = PurePath(path_text)
    ending = path.suffix.lower()
    if ending in _PYTHON:
        kind, code = _PYTHON[ending]
        written = {suffix: str(path.with_suffix(f".{suffix}")) for suffix in ("csv", "parquet")}
        command = f"python -c {shell_word(code.format(path=path_text, **written))}"
    elif ending in _SHELL:
        kind, command = _SHELL[ending]
        command = command.format(path=shlex.quote(path_text))
    else:
        return
    raise DataError(path.name, f"is {kind}, which is not read; convert it: {command}")
