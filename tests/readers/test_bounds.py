"""Bombs: files of a few kilobytes that would unpack to gigabytes are refused in little memory and time."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from regimen.arrow import data_errors
from regimen.bars import Bars
from regimen.errors import ConfigError, DataError
from regimen.readers.formats.bounds import VARIABLE, BoundedStream, most_unpacked

MIB = 1 << 20
SIZE = 64 * MIB
"""What the bombs unpack to, under a limit that is set to 16 MiB."""
NUMBERS = ("timestamp", "open", "high", "low", "close", "volume")


def _gz(path: Path) -> None:
    with gzip.open(path, "wb") as file:
        for _ in range(SIZE // MIB):
            file.write(b"0" * MIB)


def _gz_of_many_parts(path: Path) -> None:
    """The size at the end of the file is that of its last part, which is empty."""
    _gz(path)
    path.write_bytes(path.read_bytes() + gzip.compress(b""))


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.csv", "w") as file:
        for _ in range(SIZE // MIB):
            file.write(b"0" * MIB)


def _tar(path: Path, name: str = "a.csv") -> None:
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        entry = tarfile.TarInfo(name)
        entry.size = SIZE
        archive.addfile(entry, io.BytesIO(b"0" * SIZE))


def _tar_of_a_header(path: Path) -> None:
    """The size belongs to a header, which is read into memory before any file is named."""
    entry = tarfile.TarInfo("a.csv")
    entry.type, entry.size = tarfile.XHDTYPE, 2 * SIZE
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(entry.tobuf(tarfile.GNU_FORMAT))
        for _ in range(2 * SIZE // MIB):
            file.write(b"0" * MIB)


def _table() -> pa.Table:
    return pa.table({name: np.zeros(SIZE // 8 // len(NUMBERS)) for name in NUMBERS})


def _parquet(path: Path) -> None:
    pyarrow.parquet.write_table(_table(), path, compression="zstd")


def _parquet_of_texts(path: Path) -> None:
    """One text of a megabyte, written once for all rows."""
    text = pa.DictionaryArray.from_arrays(pa.array(np.zeros(SIZE // MIB, dtype=np.int32)), pa.array(["x" * MIB]))
    pyarrow.parquet.write_table(pa.table({"timestamp": text, "close": np.ones(len(text))}), path)


def _feather(path: Path) -> None:
    pyarrow.feather.write_feather(_table(), path, compression="zstd")


def _feather_of_texts(path: Path) -> None:
    text = pa.DictionaryArray.from_arrays(pa.array(np.zeros(SIZE // MIB, dtype=np.int32)), pa.array(["x" * MIB]))
    pyarrow.feather.write_feather(pa.table({"timestamp": text, "close": np.ones(len(text))}), path)


BOMBS: dict[str, Callable[[Path], None]] = {
    "a.csv.gz": _gz,
    "b.csv.gz": _gz_of_many_parts,
    "a.zip": _zip,
    "a.tar.gz": _tar,
    "a.tgz": _tar_of_a_header,
    "a.parquet": _parquet,
    "b.parquet": _parquet_of_texts,
    "a.feather": _feather,
    "b.feather": _feather_of_texts,
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    BOMBS[name](tmp_path / name)
    monkeypatch.setenv(VARIABLE, str(16 / 1024))
    told = (
        "headers of at most 64 MiB" if name == "a.tgz" else rf"must unpack to at most 0.015625 GiB \({VARIABLE} allows"
    )
    with pytest.raises(DataError, match=told):
        Bars.read(tmp_path / name)


def test_what_is_within_the_limit_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "timestamp,open,high,low,close\n" + "".join(f"2024-01-{day:02d},1.5,2.5,1,2.5\n" for day in range(1, 29))
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode()[:100]) + gzip.compress(text.encode()[100:]))
    monkeypatch.setenv(VARIABLE, str(len(text) / 2**30))
    assert len(Bars.read(tmp_path / "a.csv.gz")) == 28
    monkeypatch.setenv(VARIABLE, str((len(text) - 1) / 2**30))
    with pytest.raises(DataError, match="must unpack to at most"):
        Bars.read(tmp_path / "a.csv.gz")


@pytest.mark.parametrize("text", ["much", "0", "-1", "nan", "inf", "1e300"])
def test_the_variable_is_a_number_of_gib(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(ConfigError, match=VARIABLE):
        most_unpacked()


def test_the_default_is_four_gib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert most_unpacked() == 4 << 30


def test_a_stream_without_end_is_left() -> None:
    with pytest.raises(DataError, match="headers of at most 64 MiB"):
        BoundedStream(io.BytesIO(b"x"), "a.tar").read(1 << 40)


def test_a_damaged_length_is_no_lack_of_memory(tmp_path: Path) -> None:
    """The length of the first packed column, eight bytes before its values, says a petabyte."""
    path = tmp_path / "a.feather"
    _feather(path)
    data = path.read_bytes()
    length = (SIZE // 8 // len(NUMBERS)) % 65536 * 8
    for size in (65536 * 8, length):
        data = data.replace(
            size.to_bytes(8, "little") + b"\x28\xb5\x2f\xfd", (1 << 50).to_bytes(8, "little") + b"\x28\xb5\x2f\xfd"
        )
    path.write_bytes(data)
    with pytest.raises(DataError, match="must"):
        Bars.read(path)


def test_no_complaint_about_data_is_one_about_memory() -> None:
    assert pa.ArrowInvalid in data_errors()
    assert not any(issubclass(pa.ArrowMemoryError, kind) for kind in data_errors(ValueError))


_UNDER_A_LIMIT = """
import resource, sys
from regimen.cli.app import main
from regimen.bars import Bars
Bars.read(sys.argv[3])  # pyarrow's threads have their stacks
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + int(sys.argv[1]),) * 2)
main(["data", "check", sys.argv[2]])
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the process's size is read from Linux's /proc")
@pytest.mark.parametrize("name", ["a.parquet", "a.feather", "a.csv.gz", "a.zip", "a.tar.gz", "a.csv"])
def test_memory_that_runs_out_is_said_as_that(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if name == "a.csv":
        path.write_bytes(b"timestamp,open,high,low,close,volume\n" + b"2024-01-01,1.5,2.5,1.5,2.5,1\n" * (SIZE // 30))
    else:
        BOMBS[name](path)
    small = tmp_path / ("small.parquet" if name == "a.parquet" else "small.feather")
    stamps = np.datetime64("2024-01-01") + np.arange(9) * np.timedelta64(1, "D")
    table = pa.table({"timestamp": stamps, **{each: np.full(9, 2.5) for each in NUMBERS[1:]}})
    (pyarrow.parquet.write_table if name == "a.parquet" else pyarrow.feather.write_feather)(table, small)
    command = [sys.executable, "-c", _UNDER_A_LIMIT, str(SIZE // 8), str(path), str(small)]
    environment = {**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=60)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.startswith("error: memory: not enough for this command")
    assert done.stderr.count("\n") == 1
