"""`regimen leaks`: poison the future of a config and see whether the past changes."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer


def leaks(
    config: Annotated[Path, typer.Argument(help="YAML file of the run", show_default=False)],
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE", help="overrides such as data.path=x.parquet")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the findings as JSON")] = False,
) -> None:
    """Replace everything after a cut by noise, and cut off the past; report each feature, label, scaler and policy.

    Exits 1 when anything before the cut changed.

    Example: regimen leaks examples/btc-1h.yaml data.path=btcusdt-1h.parquet
    """
    from regimen.cli.screen.progress import progress_bar
    from regimen.cli.screen.sentences import print_sentence
    from regimen.cli.screen.tables import print_table
    from regimen.cli.screen.terminal import console

    with progress_bar() as advance:
        from regimen.records import load_config
        from regimen.runs import find_run_leaks

        report = find_run_leaks(load_config(config, overrides or []), advance)
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
        for row in report.leaks:
            print_sentence(screen, f"{row.sentence}.", label="Fails", style="bold red")
        for beware in [each.sentence for each in report.unbounded] + [each.sentence for each in report.tables]:
            print_sentence(screen, f"{beware}.", label="Beware", style="bold yellow")
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
            print_sentence(screen, shlex.join(["regimen", "train", str(config), *(overrides or [])]), label="Next")
    if report.leaks:
        raise typer.Exit(1)
