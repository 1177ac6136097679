"""`regimen leaks`: poison the future of a config and see whether the past changes."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer

from regimen.cli.arguments import RUNS, Runs


def leaks(
    file: Annotated[
        str | None,
        typer.Argument(metavar="FILE|RUN", help="YAML file, or bars, as for train; or a run", show_default=False),
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE", help="overrides such as data.path=x.parquet")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", metavar="NAME", help="a model; your own: FILE.py:NAME", show_default=False),
    ] = None,
    runs: Runs = RUNS,
    as_json: Annotated[bool, typer.Option("--json", help="print the findings as JSON")] = False,
) -> None:
    """Replace everything after a cut by noise, and cut off the past; report each feature, label, scaler and policy.

    Of a finished run: ask its policies bar by bar, as if live, and fit windows again on data that end with them; all
    must be as the run wrote it.

    Exits 1 when anything before the cut changed or anything differs, or when code of your own reads the bars in their
    file.

    Example: regimen leaks examples/btc-1h.yaml data.path=btcusdt-1h.parquet

    Example: regimen leaks btcusdt-1h.parquet --model my_model.py:MyModel

    Example: regimen leaks latest
    """
    if file is not None and _is_run(file, runs):
        _check_run(file, runs, [*(overrides or []), *([] if model is None else ["--model"])], as_json)
        return
    words = [*([] if file is None else [file]), *(overrides or [])]
    from regimen.cli.screen.progress import progress_bar
    from regimen.cli.screen.sentences import print_sentence
    from regimen.cli.screen.tables import print_table
    from regimen.cli.screen.terminal import console

    with progress_bar() as advance:
        from regimen.cli.train import resolved_config
        from regimen.runs import find_run_leaks

        report = find_run_leaks(resolved_config(model, None, words), advance)
    if as_json:
        print(json.dumps(report.to_dict(), indent=1, allow_nan=False))
    else:
        screen = console()
        cells = [
            (
                row.kind,
                row.name,
                row.verdict,
                "–" if row.memory is None else f"{row.memory:,}",
                "–" if row.verdict == "clean" or row.first_row < 0 else str(row.first_row),
                "–" if row.verdict == "clean" else f"{row.change:.3g}",
            )
            for row in report.rows
        ]
        styles = [{"clean": "", "unbounded": "yellow"}.get(row.verdict, "bold red") for row in report.rows]
        headings = ("part", "name", "verdict", "memory", "first changed bar", "largest change")
        print_table(headings, cells, words=("part", "name", "verdict"), styles=styles)
        for failure in report.failures:
            print_sentence(screen, f"{failure.sentence}.", label="Fails", style="bold red")
        for beware in report.warnings:
            print_sentence(screen, f"{beware.sentence}.", label="Beware", style="bold yellow")
        if report.passed:
            cuts = ", ".join(f"{cut:,}" for cut in report.cuts)
            edges = ", ".join(f"{edge:,}" for edge in report.edges)
            print_sentence(
                screen,
                f"bars from {cuts} on were poisoned, and those after the boundaries at {edges}; "
                "nothing before them changed.",
                label="No leak",
                style="bold green",
            )
            named = [] if model is None else ["--model", model]
            print_sentence(screen, shlex.join(["regimen", "train", *words, *named]), label="Next")
    if not report.passed:
        raise typer.Exit(1)


def _is_run(word: str, runs: Path) -> bool:
    """Whether a word names a run, and no file of a config or of bars."""
    if "=" in word or Path(word).is_file():
        return False
    return (
        word == "latest" or (Path(word) / "manifest.json").exists() or (not Path(word).exists() and _is_id(word, runs))
    )


def _is_id(word: str, runs: Path) -> bool:
    return Path(word).name == word and any(runs.glob(f"{word}*/manifest.json"))


def _check_run(word: str, runs: Path, more: list[str], as_json: bool) -> None:
    """Checks a finished run as if it were live, and prints what came out."""
    from regimen.cli.screen.progress import progress_bar
    from regimen.cli.screen.sentences import print_sentence
    from regimen.cli.screen.tables import print_table
    from regimen.cli.screen.terminal import console
    from regimen.errors import ConfigError

    if more:
        raise ConfigError("command line", "takes nothing beside a run, whose config is fixed", more[0])
    with progress_bar() as advance:
        from regimen.records import find_run
        from regimen.runs import live_checks

        directory = find_run(word, runs)
        outcome = live_checks(directory, advance)
    if as_json:
        print(json.dumps(outcome.to_dict(), indent=1))
    else:
        screen = console()
        cells = [
            (
                check.name,
                f"{check.compared:,}",
                "–" if not check.differing else f"{check.differing:,}",
                check.first or "–",
            )
            for check in outcome.checks
        ]
        styles = ["bold red" if check.differing else "" for check in outcome.checks]
        print_table(
            ("what the run wrote", "compared", "differ", "first"), cells, words=("what the run wrote",), styles=styles
        )
        for failure in outcome.failures:
            print_sentence(screen, f"{failure.sentence}.", label="Fails", style="bold red")
        for note in outcome.notes:
            print_sentence(screen, note, label="Note")
        if outcome.passed:
            text = "bar by bar, and on data that end earlier, everything is as the run wrote it."
            print_sentence(screen, text, label="As live", style="bold green")
            config = shlex.quote(str(directory.path / "config.yaml"))
            print_sentence(screen, f"regimen leaks {config}   (the same config on a poisoned future)", label="Next")
    if not outcome.passed:
        raise typer.Exit(1)
