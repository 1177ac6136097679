"""`regimen data`: look at a file of bars before anything is trained on it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regimen.cli.arguments import require_one_source
from regimen.cli.screen.lines import say

if TYPE_CHECKING:
    from regimen.bars import CheckReport, DataConfig

app = typer.Typer(help="Check, convert and fingerprint market data.", no_args_is_help=True, rich_markup_mode=None)

_File = Annotated[
    str,
    typer.Argument(
        help="CSV, TXT, Parquet, Feather or JSON, plain or in gz, zip, tar.gz; or a folder of one file per symbol",
        show_default=False,
    ),
]
_Options = Annotated[
    list[str] | None,
    typer.Argument(metavar="KEY=VALUE", help="fields of data, e.g. day_first=true repairs.sort=true"),
]
_Json = Annotated[bool, typer.Option("--json", help="print JSON")]


def _config(file: str, options: list[str] | None) -> DataConfig:
    from regimen.bars import DataConfig
    from regimen.settings import apply_overrides

    require_one_source(options or [])
    values = apply_overrides({"path": file}, [option.removeprefix("data.") for option in options or []])
    return DataConfig.of(**values)


@app.command(short_help="count what is wrong with a file")
def check(file: _File, options: _Options = None, as_json: _Json = False) -> None:
    """Count what is wrong with a file and show the first bad rows; exit 1 when training would refuse it.

    FILE may also be the YAML of a run: then its features, labels and splits are computed on the bars as well.

    Example: regimen data check btc-1m.csv zone=UTC repairs.sort=true

    Example: regimen data check examples/btc-1h.yaml data.path=btcusdt-1h.parquet
    """
    from regimen.cli.screen.progress import working

    with working("checking"):
        report = _check_run(file, options) if _is_run(file) else _check_file(file, options)
    if as_json:
        typer.echo(json.dumps(report.to_dict(), indent=2))
    else:
        _print(report, file, options or [])
    if report.refused:
        raise typer.Exit(1)


def _check_file(file: str, options: list[str] | None) -> CheckReport:
    from regimen.readers import check as check_bars

    return check_bars(_config(file, options))


def _check_run(file: str, options: list[str] | None) -> CheckReport:
    """Prepares a run as training would, up to the first fit; what training would refuse is raised."""
    from regimen.readers import check as check_bars
    from regimen.records import load_config
    from regimen.runs.prepare import prepare

    config = load_config(Path(file), options or [])
    report = check_bars(config.data)
    return report if report.refused else prepare(config).loaded.report


def _print(report: CheckReport, file: str, options: list[str]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    from regimen.cli.screen.sentences import print_sentence
    from regimen.cli.screen.terminal import console
    from regimen.spans import in_words

    screen = console()
    symbols = f"{len(report.symbols)} symbols" if len(report.symbols) > 1 else report.symbols[0]
    start, end = (stamp.removesuffix(".000000000").replace("T", " ") for stamp in (report.start, report.end))
    print_sentence(
        screen,
        f"{report.source}: {report.rows:,} rows of {in_words(report.bar_length)}, {symbols}, "
        f"{start} to {end} UTC, calendar {report.calendar}, {report.periods_per_year:,.6g} bars a year",
    )
    for text in report.assumptions:
        print_sentence(screen, f"  assumed: {text}")
    for repair in report.applied:
        print_sentence(screen, f"  repaired ({repair.name}={repair.policy}): {repair.sentence}")
    if report.findings:
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        table.add_column("finding", no_wrap=True)
        table.add_column("severity", no_wrap=True)
        table.add_column("count", justify="right", no_wrap=True)
        table.add_column("what, and the first rows (counted from 0)", overflow="fold")
        for finding in report.findings:
            rows = ", ".join(f"{row} ({stamp})" for row, stamp in zip(finding.rows, finding.stamps, strict=True))
            rows = f"\nrows {rows}" if rows else ""
            colour = "red" if finding.severity == "refuse" else "yellow"
            mend = f"\naccepted with {finding.repair}" if finding.repair else ""
            table.add_row(
                finding.name,
                f"[{colour}]{finding.severity}[/{colour}]",
                f"{finding.count:,}",
                escape(f"{finding.sentence}{rows}{mend}"),
            )
        screen.print(table)
    print_sentence(screen, report.sentence)
    if not report.refused:  # else the sentence says what would be accepted
        print_sentence(screen, _training(file, options), label="Next")


def _training(file: str, options: list[str]) -> str:
    """The command that trains on what was checked, with the same options."""
    keys = options if _is_run(file) else [f"data.{option.removeprefix('data.')}" for option in options]
    return shlex.join(["regimen", "train", file, *keys])


def _is_run(file: str) -> bool:
    return file.lower().endswith((".yaml", ".yml"))


@app.command(short_help="write the bars that training would see as Parquet")
def convert(
    file: _File,
    target: Annotated[Path, typer.Argument(help="the .parquet file to write")],
    options: _Options = None,
    as_json: _Json = False,
) -> None:
    """Write the bars that training would see (repaired, sliced, resampled) as Parquet; it reads back equal.

    Example: regimen data convert btc-1m.csv btc-4h.parquet resample=4h
    """
    from regimen.cli.screen.progress import working

    with working("converting"):
        from regimen.readers import load_with_report

        loaded = load_with_report(_config(file, options))
        loaded.bars.write(target)
    done = [repair.sentence for repair in loaded.report.applied]
    if as_json:
        bars = {"path": str(target), "bars": len(loaded.bars), "symbols": len(loaded.bars.symbols)}
        typer.echo(json.dumps({**bars, "fingerprint": loaded.bars.fingerprint, "applied": done}, indent=2))
        return
    for sentence in done:
        say(f"repaired: {sentence}")
    count, width = loaded.bars.shape
    say(f"{target}: {count:,} bars of {width} symbol(s), fingerprint {loaded.bars.fingerprint}")


@app.command(short_help="SHA-256 of the content, whatever the file format")
def fingerprint(file: _File, options: _Options = None, as_json: _Json = False) -> None:
    """Print the SHA-256 of the content: the same bars give the same value in any file format.

    Example: regimen data fingerprint btc-1m.parquet
    """
    from regimen.cli.screen.progress import working

    with working("reading"):
        from regimen.readers import load

        bars = load(_config(file, options))
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "path": file,
                    "fingerprint": bars.fingerprint,
                    "bars": len(bars),
                    "symbols": list(bars.symbols),
                }
            )
        )
    else:
        say(bars.fingerprint)
