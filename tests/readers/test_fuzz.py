"""Whatever a file holds: bars, or one line that says what is wrong with it. Nothing else."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regimen.bars import Bars
from regimen.errors import RegimenError

ENDINGS = [
    ".csv",
    ".txt",
    ".tsv",
    ".json",
    ".jsonl",
    ".parquet",
    ".feather",
    ".csv.gz",
    ".json.gz",
    ".zip",
    ".tar.gz",
    ".tgz",
    ".gz",
    ".h5",
    ".data",
    ".pq",
    ".arrow",
]
FUZZ = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
CELLS = st.one_of(
    st.sampled_from(
        ["", "NaN", "inf", "-inf", "1e308", "1e-320", "abc", "2020-01-01", "01/02/2020", "0", "-1", "9" * 25]
    ),
    st.floats(allow_nan=True).map(str),
    st.integers(-(10**20), 10**20).map(str),
    st.datetimes().map(str),
    st.text(max_size=6),
)
NAMES = st.sampled_from(
    [
        "timestamp",
        "date",
        "time",
        "open",
        "high",
        "low",
        "close",
        "volume",
        "symbol",
        "adj_close",
        "unix",
        "Volume_USD",
        "bid",
        "ask",
        "price",
        "x",
        "funding_rate",
        "tic",
    ]
)


SOUND: dict[str, bytes] = {}
"""Filled by the first example."""


def _only_bars_or_a_line(path: Path, **options: object) -> None:
    try:
        found: object = Bars.read(path, **options)
    except RegimenError as error:
        found = error
    assert isinstance(found, Bars) or "\n" not in str(found)


@given(ending=st.sampled_from(ENDINGS), data=st.binary(max_size=300))
@FUZZ
def test_random_bytes(tmp_path: Path, ending: str, data: bytes) -> None:
    path = tmp_path / f"a{ending}"
    path.write_bytes(data)
    _only_bars_or_a_line(path)


@given(data=st.binary(max_size=200), ending=st.sampled_from([".csv", ".json", ".parquet"]))
@FUZZ
def test_random_bytes_in_sound_containers(tmp_path: Path, data: bytes, ending: str) -> None:
    (tmp_path / f"a{ending}.gz").write_bytes(gzip.compress(data))
    _only_bars_or_a_line(tmp_path / f"a{ending}.gz")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"a{ending}", data)
    (tmp_path / "a.zip").write_bytes(packed.getvalue())
    _only_bars_or_a_line(tmp_path / "a.zip")


@given(
    header=st.lists(NAMES, min_size=1, max_size=8),
    rows=st.lists(st.lists(CELLS, min_size=1, max_size=8), max_size=8),
    separator=st.sampled_from([",", ";", "\t"]),
    options=st.sampled_from(
        [{}, {"day_first": True}, {"close_only": True}, {"volume_column": "none"}, {"header": False}]
    ),
)
@FUZZ
def test_random_tables(
    tmp_path: Path, header: list[str], rows: list[list[str]], separator: str, options: dict[str, object]
) -> None:
    text = "\n".join(separator.join(row) for row in [header, *rows])
    (tmp_path / "a.csv").write_bytes(text.encode("utf-8", errors="surrogatepass"))
    _only_bars_or_a_line(tmp_path / "a.csv", **options)


NUMBERS = st.one_of(st.floats(), st.sampled_from([0.0, -1.0, 1.0, 1e300, 5e-324, 100.0]))


@given(
    cells=st.lists(
        st.tuples(st.integers(-5, 30), NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=12
    ),
    kept=st.booleans(),
)
@FUZZ
def test_random_bars_with_every_repair(tmp_path: Path, cells: list[tuple[float, ...]], kept: bool) -> None:
    rows = [f"2024-01-{1 + (cell[0] % 28):02d},{','.join(str(value) for value in cell[1:])}" for cell in cells]
    (tmp_path / "a.csv").write_text("date,open,high,low,close,volume\n" + "\n".join(rows))
    repairs = {
        "sort": True,
        "duplicates": "drop" if kept else "keep_last",
        "nan_rows": "drop",
        "nonpositive": "drop",
        "ohlc": "widen",
        "negative_volume": "nan",
        "splits": "adjust" if kept else "keep",
        "relisted": "cut_before" if kept else "keep",
        "unfinished_last": "drop",
    }
    _only_bars_or_a_line(tmp_path / "a.csv", repairs=repairs)


@given(
    text=st.recursive(
        st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=4)),
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NAMES, inner, max_size=4)),
        max_leaves=20,
    )
)
@FUZZ
def test_random_json(tmp_path: Path, text: object) -> None:
    import json

    (tmp_path / "a.json").write_text(json.dumps(text))
    _only_bars_or_a_line(tmp_path / "a.json")


def _whole_files(folder: Path) -> dict[str, bytes]:
    """Small sound files of each container."""
    import tarfile

    import pandas as pd

    time = pd.date_range("2024-01-01", periods=40, freq="1h", tz="UTC")
    frame = pd.DataFrame({"date": time, "open": 10.5, "high": 11.5, "low": 9.5, "close": 10.5, "volume": 1.0})
    frame.to_parquet(folder / "a.parquet")
    frame.to_feather(folder / "a.feather")
    text = frame.to_csv(index=False).encode()
    (folder / "a.csv.gz").write_bytes(gzip.compress(text))
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", text)
    with tarfile.open(folder / "a.tar.gz", "w:gz") as packed:
        entry = tarfile.TarInfo("a.csv")
        entry.size = len(text)
        packed.addfile(entry, io.BytesIO(text))
    Bars.read(folder / "a.zip").write(folder / "own.parquet")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@given(pick=st.integers(0, 5), spots=st.lists(st.tuples(st.floats(0, 1), st.integers(1, 255)), min_size=1, max_size=4))
@settings(FUZZ, max_examples=300)
def test_flipped_bytes_in_sound_files(
    tmp_path_factory: pytest.TempPathFactory, pick: int, spots: list[tuple[float, int]]
) -> None:
    if not SOUND:
        SOUND.update(_whole_files(tmp_path_factory.mktemp("sound")))
    name = sorted(SOUND)[pick]
    data = bytearray(SOUND[name])
    for place, mask in spots:
        data[int(place * (len(data) - 1))] ^= mask
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(bytes(data))
    _only_bars_or_a_line(path)
