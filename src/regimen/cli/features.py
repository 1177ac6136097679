"""`regimen features`: the causal columns of a file, as a table or a Parquet file."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from regimen.bars import Bars
    from regimen.features import FeatureFrame, FeatureSet


def features(
    bars: Annotated[Path, typer.Argument(help="data file", show_default=False)],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE", help="overrides of data and features, e.g. features.kind=indicators"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Parquet file to write: timestamp, symbol, a column each"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the summary as JSON")] = False,
) -> None:
    """Compute a feature set on every bar of a file and summarise each column; row t uses bars up to t only.

    Example: regimen features btc-1m.parquet features.kind=indicators -o features.parquet
    """
    from regimen.cli.screen.progress import working

    with working("features"):
        loaded, chosen, frame, seconds = _computed(bars, overrides or [])
        if output is not None:
            _write(frame, output)
    import numpy as np

    group_of = {name: group for group, names in chosen.groups.items() for name in names}
    rows = []
    for number, name in enumerate(frame.names):
        column = frame.values[:, :, number]
        finite = column[np.isfinite(column)]
        numbers: tuple[float | None, ...] = (None,) * 5
        if len(finite):
            numbers = tuple(map(float, (finite.mean(), finite.std(), *np.quantile(finite, [0.01, 0.5, 0.99]))))
        rows.append((name, group_of[name], len(finite), numbers))
    heads = ("column", "group", "known", "mean", "sd", "1 %", "median", "99 %")
    if as_json:
        columns = [dict(zip(heads, (*row, *numbers), strict=True)) for *row, numbers in rows]
        print(
            json.dumps(
                {"bars": len(loaded), "seconds": seconds, "hash": chosen.hash, "columns": columns},
                indent=1,
                allow_nan=False,
            )
        )
        return
    from regimen.cli.screen.sentences import print_sentence
    from regimen.cli.screen.tables import print_table
    from regimen.cli.screen.terminal import console

    cells = [[name, group, f"{known:,}", *_figures(numbers)] for name, group, known, numbers in rows]
    print_table(heads, cells, words=("column", "group"))
    screen = console()
    print_sentence(
        screen,
        f"{len(frame.names)} columns × {len(loaded):,} bars × {len(loaded.symbols)} symbol(s) in {seconds:.2f} s; "
        f"warm after {chosen.warmup} bars" + (f"; written to {output}" if output else "") + ".",
    )
    for function in chosen.functions:
        words = "a function of a whole frame: not causal by construction. It was examined, and no look-ahead was found."
        print_sentence(screen, f"{', '.join(function.names)} is {words}", label="Beware", style="bold yellow")


def _figures(numbers: Sequence[float | None]) -> list[str]:
    """Mean, standard deviation and quantiles of a column, to two digits of its standard deviation."""
    deviation = numbers[1]
    if deviation is None or not 1e-4 < deviation < 1e6:
        return ["–" if value is None else f"{value:.3g}" for value in numbers]
    places = max(0, 1 - math.floor(math.log10(deviation)))
    return ["–" if value is None else f"{round(value, places) + 0.0:.{places}f}" for value in numbers]


def _computed(bars: Path, overrides: list[str]) -> tuple[Bars, FeatureSet, FeatureFrame, float]:
    """Bars, feature set, its columns on them, and how many seconds these took."""
    import time

    from regimen.bars import DataConfig
    from regimen.errors import ConfigError
    from regimen.features import FeaturesConfig
    from regimen.readers import load
    from regimen.settings import apply_overrides, validated

    values = apply_overrides({"data": {"path": str(bars)}, "features": {}}, overrides)
    unknown = sorted(set(values) - {"data", "features"})
    if unknown:
        raise ConfigError("override", "must begin with data. or features.", unknown[0])
    loaded = load(validated(DataConfig, values["data"], "data."))
    chosen = validated(FeaturesConfig, values["features"], "features.").build()
    started = time.perf_counter()
    frame = chosen.compute(loaded)
    return loaded, chosen, frame, time.perf_counter() - started


def _write(frame: FeatureFrame, path: Path) -> None:
    """Writes the columns as Parquet, whole or not at all: one row per bar and symbol, symbols within a bar."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from regimen.errors import RunError
    from regimen.files import replacing

    times, symbols, columns = frame.values.shape
    stamps = np.repeat(np.asarray(frame.time), symbols)
    table = {
        "timestamp": pa.array(stamps, type=pa.timestamp("ns")).cast(pa.timestamp("ns", tz="UTC")),
        "symbol": pa.array(np.tile(np.array(frame.symbols, dtype=object), times)),
        **{name: frame.values[:, :, k].reshape(-1) for k, name in zip(range(columns), frame.names, strict=True)},
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as neighbour:
            pq.write_table(pa.table(table), neighbour)
    except OSError as error:
        raise RunError("--output", f"must be a writable file ({error.strerror or error})", str(path)) from None
