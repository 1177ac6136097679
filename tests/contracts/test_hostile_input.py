"""Whatever comes in, at any door: it is taken, or it is refused in one printable line. Nothing else.

Each kind of input has a recipe that makes one from a number, so that a fault is repeated by its kind and number:
``python tests/contracts/test_hostile_input.py cells 4711``. A range (``cells 0 150000``) prints every fault in it.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import math
import os
import random
import shutil
import sys
import tarfile
import tempfile
import traceback
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from regimen.bars import Bars
from regimen.cli.app import main
from regimen.errors import RegimenError
from regimen.execution import Costs, Ledger, Market
from regimen.features import FeatureSet
from regimen.records.config import load_config, resolve
from regimen.replay.storage import read_trajectories
from regimen.settings import apply_overrides
from regimen.tensorfile import read_tensors, write_tensors

NAMES = [
    "timestamp", "date", "time", "open", "high", "low", "close", "volume", "symbol", "adj_close",
    "unix", "bid", "ask", "price", "x", "funding_rate", "Last",
]  # fmt: skip
TEXTS = [
    "", " ", "-", "NaN", "inf", "-inf", "1e308", "-1e308", "1e-320", "abc", "0", "-1", "-0.0", "9" * 25, "9" * 400,
    "1_000", "١٢٣", "１２３", "1２.５", "²", "0x1F", "0b1", "1e5", "1E+400", "1,5", "1.234,5", "1,234.5", "$5", "5K",
    "5%", "(5)", "--5", "+", ".", "1.", ".5", "1970-01-01", "2024-01-01", "2024-13-45", "01/02/2020", "13/01/2020",
    "20240101", "240101", "2024-01-01T00:00:00Z", "2024-01-01 00:00:00+25:00", "9999-12-31", "0000-00-00", "1e9",
    "1700000000", "1700000000000", "1700000000000000000", "170000000０", "1_700_000_000", "1700000000.5", "24:00", "T",
    "\x1b[2J", "\u202e", "\x00", "\n", "\r", '"', "'", ",", ";", "\t", "é", "日本", "\ufeff", "null", "true", "{}",
    "[]",
]  # fmt: skip
"""Cells, words and values that readers of numbers and times stumble over."""
OPTIONS: list[dict[str, Any]] = [
    {}, {}, {}, {"day_first": True}, {"close_only": True}, {"volume_column": "none"}, {"header": False},
    {"decimal": ","},
    {"time_unit": "ms"}, {"time_unit": "ms_of_day", "date": "2024-01-01"}, {"time_format": "%d%m%y"},
    {"time_format": "%Q"},
    {"zone": "Europe/Berlin"}, {"zone": "-05:00"}, {"stamp": "end"}, {"layout": "wide", "close_only": True},
    {"bar_length": "1h"}, {"resample": "4h"}, {"price_scale": 1e300}, {"keep": ["x"]}, {"adjust": "adj_close"},
    {"repairs": {"sort": True, "duplicates": "drop", "nan_rows": "drop", "nonpositive": "drop", "ohlc": "widen",
                 "negative_volume": "nan", "splits": "adjust", "relisted": "cut_before", "unfinished_last": "drop"}},
    {"symbols": ["A"]}, {"start": "2024-01-01", "end": "2024-01-02"}, {"delimiter": ";"}, {"columns": {"close": "x"}},
]  # fmt: skip
CONFIG = """
name: tiny
data: {path: a.csv, zone: UTC, repairs: {sort: true}, keep: [x], extras: {funding_rate: b.csv}, start: 2024-01-01}
features: {kind: indicators, columns: [rsi_14, return_5d]}
labels: {kind: fixed_horizon, horizon: 4}
splits: {train: 300, test: 150}
model: {kind: logistic}
training: {epochs: 2, batch_size: 64}
exposure: {dead_band: 0.0}
market: {costs: {commission_bps: 1.0}, initial_cash: 1000.0, leverage: 2}
judge: {bootstrap_draws: 200}
tracking: none
"""
KEYS = [
    "name", "seed", "seeds", "data", "data.path", "data.extras", "data.extras.f", "data.columns", "data.symbols",
    "data.zone", "data.start", "features", "features.columns", "features.kind", "labels", "labels.kind",
    "labels.horizon", "splits", "splits.train", "model", "model.kind", "model.x", "training", "training.epochs",
    "training.learning_rate", "exposure", "market", "market.costs", "market.costs.commission_bps",
    "market.initial_cash", "market.leverage", "judge", "tracking", "environment", "scaler", "scaler.clip", "nothing",
    "a.b.c.d", "..", ".", "''", "seed.",
]  # fmt: skip


def _value(chance: random.Random, deep: int = 0) -> Any:
    """A plain value of any type."""
    pick = chance.randrange(12 if deep < 3 else 9)
    if pick == 9:
        return [_value(chance, deep + 1) for _ in range(chance.randrange(4))]
    if pick in (10, 11):
        return {chance.choice([*NAMES, "kind", 1, None, True, ""]): _value(chance, deep + 1) for _ in range(pick - 8)}
    return chance.choice([
        None, True, chance.choice(TEXTS), chance.randint(-5, 5), chance.uniform(-9, 9), 10**chance.randrange(30), 1e300,
        1e-300, math.inf, -math.inf, math.nan, 2**63, b"\xff", chance.choice(NAMES), "x" * 10**chance.randrange(5),
    ])  # fmt: skip


def _written(chance: random.Random) -> str:
    """A value as a config or an override writes it."""
    pick = chance.randrange(9)
    if pick == 0:
        depth = chance.choice([5, 60, 10_000])
        return chance.choice("[{") * depth + chance.choice(["", "]" * depth])
    if pick == 1:
        return chance.choice(
            [
                "!!int x",
                "!!bool x",
                "!!timestamp x",
                "!!binary x",
                "!!set {a}",
                "&a [*a]",
                "*a",
                "<<",
                "{<<: 1}",
                "!!omap [a: 1]",
                "!!python/name:os.system",
                "? a",
                "=",
                "{1: 2}",
                "{[a]: 1}",
                "%d",
                "@",
                "`",
                "1:30",
            ]
        )
    return chance.choice(TEXTS) if pick < 4 else json.dumps(_value(chance), default=str)  # fmt: skip


def _frame(chance: random.Random, count: int = 12) -> pd.DataFrame:
    """Sound bars, of one symbol or two."""
    close = 10.0 + np.arange(count) % 3
    frame = pd.DataFrame({
        "timestamp": pd.date_range(
            "2024-01-01", periods=count, freq=chance.choice(["1h", "1D"]), tz=chance.choice([None, "UTC"])
        ),
        "open": close, "high": close + 0.5, "low": close - 0.5, "close": close, "volume": 5.5,
    })  # fmt: skip
    if chance.random() < 0.2:
        frame = pd.concat([frame.assign(symbol="A"), frame.assign(symbol="B")], ignore_index=True)
    return frame


def cells(chance: random.Random, folder: Path) -> None:
    """Text with odd cells, names, rows and separators."""
    frame = _frame(chance)
    rows = [list(frame.columns), *frame.astype(str).to_numpy().tolist()]
    if chance.random() < 0.15:
        column = chance.randrange(len(rows[0]))
        text = chance.choice(TEXTS)
        for row in rows[1:]:
            row[column] = text
    for _ in range(chance.randrange(4)):
        row = chance.choice(rows)
        row[chance.randrange(len(row))] = chance.choice([*TEXTS, *NAMES])
    if chance.random() < 0.2:
        chance.choice(rows).append("1")
    mark = chance.choice(",,,;\t| ")
    text = chance.choice(["\n", "\r\n", "\r"]).join(mark.join(row) for row in rows[chance.random() < 0.1 :])
    data = text.encode(chance.choice(["utf-8", "utf-8", "utf-8-sig", "utf-16"]), errors="replace")
    path = folder / f"a.{chance.choice(['csv', 'txt', 'tsv', 'json'])}"
    path.write_bytes(data)
    Bars.read(path, **chance.choice(OPTIONS))


def _odd_column(chance: random.Random, count: int) -> Any:
    """A column of a type that no bar has, or of values that none has."""
    whole = [chance.choice([0, 1, -1, 2**62, 20240101, 1_700_000_000, 1_700_000_000_000]) for _ in range(count)]
    kinds: list[Callable[[], Any]] = [
        lambda: pa.array([[1.0]] * count), lambda: pa.array([b"x"] * count), lambda: pa.array([{"a": 1}] * count),
        lambda: pa.array([b"1700000000"] * count, pa.large_binary()), lambda: pa.nulls(count),
        lambda: pa.array([True] * count),
        lambda: pa.array([b"abcd"] * count, pa.binary(4)), lambda: pa.array(whole),
        lambda: pa.array(whole, pa.duration("s")),
        lambda: pa.array([1] * count, pa.time32("s")), lambda: pa.array([1] * count, pa.decimal128(30, 2)),
        lambda: pa.array([value % 2**40 for value in whole], pa.timestamp("s", chance.choice([None, "Asia/Tokyo"]))),
        lambda: pa.array([chance.choice(TEXTS) for _ in range(count)]),
        lambda: pa.array([chance.choice(TEXTS)] * count).dictionary_encode(),
        lambda: pa.array([chance.choice(TEXTS)] * count, pa.large_string()),
        lambda: pa.array([chance.choice(TEXTS)] * count, pa.string_view()),
        lambda: pa.array([1] * count, pa.date32()),
        lambda: pa.array([chance.choice([math.inf, math.nan, 1e300, 5e-324, -1.0])] * count),
        lambda: pa.array([1] * count, pa.uint64()), lambda: pa.array([0.5] * count, pa.float16()),
        lambda: pa.array([[]] * count, pa.list_(pa.string())),
        lambda: pa.array([[("a", 1)]] * count, pa.map_(pa.string(), pa.int64())),
        lambda: pa.array([1.0] * count).dictionary_encode(),
    ]  # fmt: skip
    return chance.choice(kinds)()


def _packed(chance: random.Random, path: Path, data: bytes) -> Path:
    """The same bytes in a container, or as they are."""
    pick = chance.choice(["", "", ".gz", ".zip", ".tar.gz", ".tar"])
    target = path.with_name(path.name + pick)
    if pick == ".gz":
        data = gzip.compress(data, 1)
    elif pick == ".zip":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", chance.choice([0, 8, 12, 14])) as archive:
            archive.writestr(path.name, data)
        data = packed.getvalue()
    elif pick:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz" if pick == ".tar.gz" else "w") as archive:
            entry = tarfile.TarInfo(path.name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
        data = bz2.compress(packed.getvalue()) if chance.random() < 0.05 else packed.getvalue()
    target.write_bytes(data)
    return target


def _damaged(chance: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randrange(4)):
        if changed:
            changed[chance.randrange(len(changed))] = chance.randrange(256)
    if chance.random() < 0.1:
        del changed[chance.randrange(len(changed) + 1) :]
    if chance.random() < 0.1:
        place = chance.randrange(len(changed) + 1)
        changed[place:place] = chance.randbytes(chance.randrange(9))
    return bytes(changed)


def files(chance: random.Random, folder: Path) -> None:
    """Every format and container: odd types, odd values, damaged bytes."""
    frame = _frame(chance)
    kind = chance.choice(["parquet", "parquet", "feather", "feather", "json", "jsonl", "csv", "arrow", "h5"])
    path = folder / f"a.{kind}"
    if kind in ("parquet", "feather", "arrow"):
        table = pa.Table.from_pandas(frame, preserve_index=False)
        for _ in range(chance.randrange(3)):
            place = chance.randrange(table.num_columns)
            table = table.set_column(place, table.column_names[place], _odd_column(chance, len(frame)))
        write = pyarrow.parquet.write_table if kind == "parquet" else pyarrow.feather.write_feather
        if chance.random() < 0.1:
            table = table.slice(0, chance.randrange(2))
        write(table, path)
    elif kind.startswith("json"):
        rows = json.loads(
            frame.to_json(orient=chance.choice(["records", "split", "columns", "index", "values"]), date_format="iso")
        )
        if chance.random() < 0.5:
            rows = _value(chance) if chance.random() < 0.2 else _with_odd_leaf(chance, rows)
        text = json.dumps(rows, default=str)
        if kind == "jsonl" and isinstance(rows, list):
            text = "\n".join(json.dumps(row, default=str) for row in rows)
        path.write_text("[" * 10 ** chance.randrange(6) + text if chance.random() < 0.05 else text)
    else:
        path.write_text(frame.to_csv(index=False))
    data = path.read_bytes()
    if chance.random() < 0.4:
        data = _damaged(chance, data)
    path = _packed(chance, path, data)
    if chance.random() < 0.3:
        path.write_bytes(_damaged(chance, path.read_bytes()))
    Bars.read(path, **chance.choice(OPTIONS))


def _with_odd_leaf(chance: random.Random, rows: Any) -> Any:
    if isinstance(rows, (list, dict)) and rows and chance.random() < 0.9:
        key = chance.choice(range(len(rows)) if isinstance(rows, list) else list(rows))
        rows[key] = _with_odd_leaf(chance, rows[key])
        return rows
    return _value(chance)


def metadata(chance: random.Random, folder: Path) -> None:
    """The description that our own Parquet files carry, with values of any kind."""
    path = folder / "own.parquet"
    frame = _frame(chance)
    frame["timestamp"] = frame["timestamp"].dt.tz_localize(None)
    frame = frame.drop_duplicates("timestamp")
    stamps = frame["timestamp"].to_numpy()
    Bars.from_arrays(
        stamps, **{name: frame[name] for name in ("open", "high", "low", "close", "volume")}, checked=False
    ).write(path)
    table = pyarrow.parquet.read_table(path)
    left = json.loads(table.schema.metadata[b"regimen"])
    for _ in range(1 + chance.randrange(2)):
        value = chance.choice([0, -1, 1, 2**40, 2**70, -0.5, "0", _value(chance)])
        key = chance.choice([*left, "more"])
        if isinstance(left.get(key), list) and left[key] and chance.random() < 0.6:
            left[key][chance.randrange(len(left[key]))] = value
        else:
            left[key] = value
        if chance.random() < 0.1:
            del left[key]
    if chance.random() < 0.2:
        place = chance.randrange(table.num_columns)
        table = table.set_column(place, table.column_names[place], _odd_column(chance, len(table)))
    text = json.dumps(left, default=str)
    text = chance.choice(TEXTS) if chance.random() < 0.05 else text
    pyarrow.parquet.write_table(table.replace_schema_metadata({"regimen": text.encode(errors="replace")}), path)
    found = Bars.read(path, **chance.choice(OPTIONS))
    assert found.bar_length > 0
    assert math.isfinite(found.periods_per_year)


def yaml_configs(chance: random.Random, folder: Path) -> None:
    """Config files with values, keys and lines of any kind."""
    lines = CONFIG.strip().split("\n")
    for _ in range(1 + chance.randrange(3)):
        place = chance.randrange(len(lines))
        pick = chance.randrange(5)
        if pick == 0:
            lines[place] = f"{lines[place].partition(':')[0]}: {_written(chance)}"
        elif pick == 1:
            lines[place] = lines[place].replace(chance.choice("{}:,[]"), chance.choice(TEXTS), 1)
        elif pick == 2:
            lines.insert(place, f"{chance.choice([*KEYS, *TEXTS])}: {_written(chance)}")
        elif pick == 3:
            words = lines[place].split(" ")
            words[chance.randrange(len(words))] = _written(chance)
            lines[place] = " ".join(words)
        else:
            lines[place] = "".join(chance.sample(lines[place], len(lines[place])))
    path = folder / "run.yaml"
    data = "\n".join(lines).encode(errors="surrogatepass")
    path.write_bytes(_damaged(chance, data) if chance.random() < 0.2 else data)
    load_config(path).to_yaml()


def overrides(chance: random.Random, _folder: Path) -> None:
    """``key=value`` words, and plain values given from Python."""
    words = [
        f"{chance.choice([*KEYS, chance.choice(TEXTS)])}{chance.choice(['=', '=', '=', '', '=='])}{_written(chance)}"
        for _ in range(1 + chance.randrange(3))
    ]
    values = apply_overrides({"data": {"path": "a.csv"}}, words)
    if chance.random() < 0.3:
        values[chance.choice(KEYS[:4])] = _value(chance)
    resolve(values).to_yaml()


def arguments(chance: random.Random, folder: Path) -> None:
    """Command lines of commands that do not train; what they print must be printable, too."""
    path = folder / chance.choice(["a.csv", "\x1b[2J.csv", "b é.csv"])
    path.write_text(_frame(chance).to_csv(index=False))
    commands = [
        ["data", "check"], ["data", "convert"], ["data", "fingerprint"], ["features"], ["train", "--dry-run"],
        ["resume"], ["report"],
        ["reproduce"], ["backtest"], ["leaks"], ["runs", "list"], ["runs", "show"], ["runs", "trials"],
        ["runs", "compare"], ["nothing"], [],
    ]  # fmt: skip
    words = list(chance.choice(commands))
    for _ in range(chance.randrange(4)):
        pick = chance.randrange(7)
        words.append(
            str(path) if pick < 2
            else f"{chance.choice(KEYS)}={_written(chance)[:50_000]}" if pick < 4
            else chance.choice(["--json", "--runs", "--model", "logistic", "-c", "--out", "--help", "--", "-", "--xyz"])
            if pick == 4
            else chance.choice(TEXTS) if pick == 5
            else chance.choice("x-=[/~") * 10 ** chance.randrange(6)
        )  # fmt: skip
    if words[:1] == ["train"] and "--dry-run" not in words:
        words.append("--dry-run")
    kept, home = (sys.stdout, sys.stderr), Path.cwd()
    stream = io.TextIOWrapper(io.BytesIO(), encoding=chance.choice(["utf-8", "ascii", "latin-1"]), write_through=True)
    sys.stdout = sys.stderr = stream
    os.chdir(folder)
    try:
        main(words)
    except SystemExit as end:
        code = end.code
    finally:
        sys.stdout, sys.stderr = kept
        os.chdir(home)
    assert code in (0, 1, 2), (code, words)
    text = stream.buffer.getvalue().decode(stream.encoding if stream.encoding != "regimen-terminal" else "ascii")  # type: ignore[attr-defined]
    assert text.replace("\n", "").isprintable(), (words, text[:500])
    assert code != 2 or text.count("\n") <= 2 or words == [] or "Usage:" in text, (words, text[:500])


def pushes(chance: random.Random, _folder: Path) -> None:
    """Bars of a live feed; one that is refused leaves no trace."""
    odd: list[Any] = [
        math.inf,
        -math.inf,
        math.nan,
        0.0,
        -0.0,
        -1.0,
        5e-324,
        1e308,
        None,
        "1_000",
        10**400,
        True,
        np.float32(2.0),
        [1.0],
        1j,
    ]
    stream, twin = (FeatureSet.indicators().select(["rsi_7", "obv", "return_1d"]).stream(("A", "B")) for _ in range(2))
    for t in range(6):
        bar: list[Any] = [10.0 + t % 2, 12.0, 9.0, 10.5, 5.0]
        time: Any = t
        if chance.random() < 0.7:
            bar[chance.randrange(5)] = chance.choice(odd)
        if chance.random() < 0.2:
            time = chance.choice(
                [
                    None,
                    -1,
                    2**63,
                    2**200,
                    1.5,
                    "2024",
                    np.datetime64("NaT"),
                    np.datetime64(5, "Y"),
                    np.datetime64(10**12, "D"),
                ]
            )
        symbol = chance.choice(["A", "A", "B", None, 5, "C"])
        extras = chance.choice([None, {}, {"funding_rate": math.inf}, {"x": None}])
        before = stream.state_dict()
        try:
            row = stream.push(time, *bar, symbol=symbol, extras=extras)  # type: ignore[arg-type]
        except RegimenError:
            assert all(before[name].tobytes() == array.tobytes() for name, array in stream.state_dict().items())
            continue
        assert row.tobytes() == twin.push(time, *bar, symbol=symbol, extras=extras).tobytes()  # type: ignore[arg-type]
        assert not np.isinf(row).any() or max(map(abs, bar)) > 1e100 or min(map(abs, bar)) < 1e-100


def saved(chance: random.Random, folder: Path) -> None:
    """What this program has written itself, damaged or with other values in it."""
    import torch

    if chance.random() < 0.4:
        write_tensors(folder / "a.safetensors", {"w": torch.ones(3)}, {"kind": "x", "n": 1})
        path = folder / "a.safetensors"
        path.write_bytes(_damaged(chance, path.read_bytes()))
        if chance.random() < 0.5:
            read_tensors(path)
        else:
            read_trajectories(path)
        return
    close = np.linspace(10, 12, 30)
    bars = Bars.from_arrays(
        np.datetime64("2020-01-01") + np.arange(30), open=close, high=close, low=close, close=close, checked=False
    )
    Market(costs=Costs(commission_bps=1.0)).backtest(bars, np.ones((30, 1))).write(folder / "ledger")
    path = chance.choice(sorted((folder / "ledger").iterdir()))
    if path.suffix == ".json" and chance.random() < 0.7:
        path.write_text(json.dumps(_with_odd_leaf(chance, json.loads(path.read_text())), default=str))
    else:
        path.write_bytes(_damaged(chance, path.read_bytes()))
    Ledger.read(folder / "ledger")


KINDS: dict[str, tuple[Callable[[random.Random, Path], None], int, int]] = {
    "cells": (cells, 60, 150_000),
    "files": (files, 60, 80_000),
    "metadata": (metadata, 30, 30_000),
    "yaml_configs": (yaml_configs, 40, 50_000),
    "overrides": (overrides, 40, 50_000),
    "arguments": (arguments, 40, 20_000),
    "pushes": (pushes, 20, 30_000),
    "saved": (saved, 30, 20_000),
}
"""The recipe of each kind, how many inputs the quick run makes and how many the slow one: 430,000."""


def one(kind: str, number: int) -> str:
    """Makes one input and offers it; returns the refusal, or nothing where it was taken."""
    folder = Path(tempfile.mkdtemp())
    try:
        KINDS[kind][0](random.Random(f"{kind} {number}"), folder)
    except RegimenError as error:
        line = str(error)
        assert line.isprintable(), line
        assert len(line) < 1500, line
        return line
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return ""


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_taken_or_refused_in_one_line(kind: str) -> None:
    answers = [one(kind, number) for number in range(KINDS[kind][1])]
    assert any(answers) or kind in ("arguments", "pushes")


@pytest.mark.slow
@pytest.mark.timeout(20_000)
@pytest.mark.parametrize("kind", KINDS)
def test_so_are_hundreds_of_thousands(kind: str) -> None:
    for number in range(KINDS[kind][2]):
        one(kind, number)


if __name__ == "__main__":
    import warnings

    warnings.simplefilter("error")
    kind, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else int(sys.argv[2]) + 1
    faults = number = 0
    for number in range(first, last):
        try:
            one(kind, number)
        except KeyboardInterrupt:
            break
        except BaseException as error:  # noqa: BLE001 - whatever comes out is what is looked for
            faults += 1
            place = traceback.extract_tb(error.__traceback__)[-1]
            ours = [frame for frame in traceback.extract_tb(error.__traceback__) if "/src/regimen/" in frame.filename]
            told = (
                f"{ours[-1].filename.split('/src/')[1]}:{ours[-1].lineno}"
                if ours
                else f"{place.filename}:{place.lineno}"
            )
            print(f"{kind} {number}: {type(error).__name__} at {told}: {str(error)[:300]!r}", flush=True)
    print(f"{kind}: {number + 1 - first} inputs, {faults} faults", flush=True)
