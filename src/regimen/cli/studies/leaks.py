"""`regimen leaks`: poison the future of a config and see whether the past changes."""

from __future__ import annotations

import json
import shlex
from typing import Annotated

import typer


def leaks(
    file: Annotated[
        str | None,
        typer.Argument(metavar="FILE", help="YAML file of the run; or bars, as for train", show_default=False),
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE", help="overrides such as data.path=x.parquet")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", metavar="NAME", help="a model; your own: FILE.py:NAME", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the findings as JSON")] = False,
) -> None:
    """Replace everything after a cut by noise, and cut off the past; report each feature, label, scaler and policy.

    Exits 1 when anything before the cut changed, or when code of your own reads the bars in their file.

    Example: regimen leaks examples/btc-1h.yaml data.path=btcusdt-1h.parquet

    Example: regimen leaks btcusdt-1h.parquet --model my_model.py:MyModel
    """
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
