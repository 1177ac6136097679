"""`regimen ablate`: what each method of a config is worth."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regimen.cli.arguments import RUNS, WHERE, Opens, Out, Runs, Where, require_one_source
from regimen.cli.screen.browser import open_page

if TYPE_CHECKING:
    from regimen.reporting.ablation import Ablation
    from regimen.runs.ablation import PlannedArm

_SEEDS = 8


def ablate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="YAML file of a run with methods in it")],
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE", help="overrides such as training.epochs=5")
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="paired seeds of each run")] = _SEEDS,
    by: Annotated[
        str | None,
        typer.Option("--by", metavar="MEASURE", help="what decides: skill, sharpe, ...", show_default=False),
    ] = None,
    only_alone: Annotated[bool, typer.Option("--alone", help="leave out all, and all but each")] = False,
    runs: Runs = RUNS,
    compute: Where = WHERE,
    out: Out = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="list the runs that it takes and stop")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="print the tables as Markdown")] = False,
    opens: Opens = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Train a config without its methods, with each alone, with all, and with all but each; say what each is worth.

    Methods are the members of preprocess, augment and training.recipes, and whatever of calibration, intervals,
    novelty, band, labels.weights and the training's own switches is not as it is by default. A run that is finished
    already is not trained again.

    Example: regimen ablate examples/ablation-btc-1h.yaml data.path=btcusdt-1h.parquet

    Example: regimen ablate btc.yaml --seeds 4 training.epochs=5 --dry-run
    """
    from regimen.cli.screen.progress import progress_bar, working

    with working("config"):
        from regimen.records import load_config

        require_one_source(overrides or [])
        config = load_config(file, overrides or [])
    if dry_run:
        from regimen.runs.ablation import plan

        _list(plan(config, seeds, runs, only_alone=only_alone), runs, as_json)
        return
    with progress_bar() as advance:
        from regimen.reporting.ablation import write
        from regimen.runs.ablation import ablate as run_ablation
        from regimen.work import Compute

        try:
            with Compute.parse(compute).mapper() as mapper:
                ablation = run_ablation(config, runs, advance, seeds=seeds, by=by, only_alone=only_alone, mapper=mapper)
        except KeyboardInterrupt:  # which names the run that was stopped: it is one of many
            raise KeyboardInterrupt("", f"regimen ablate {file} with the same options") from None
        page = out or runs / f"ablation-{config.name}.html"
        write(ablation, page)
    if as_json:
        print(json.dumps({**ablation.to_dict(), "page": str(page)}, indent=1, allow_nan=False))
    elif as_markdown:
        from regimen.cli.screen.lines import say, with_blanks
        from regimen.reporting.ablation import markdown

        say(with_blanks(markdown(ablation)))
    else:
        _show(ablation, page)
    if opens:
        open_page(page)


def _list(arms: Sequence[PlannedArm], runs: Path, as_json: bool) -> None:
    """Prints the runs of an ablation, and which of them are there."""
    from regimen.runs.ablation import run_of

    rows = []
    for arm in arms:
        there = run_of(arm.config, runs)
        status = "to be trained" if there is None else there.status
        rows.append({"methods": arm.label, "run": "" if there is None else there.id, "status": status})
    if as_json:
        print(json.dumps({"runs": rows}, indent=1))
        return
    from regimen.cli.screen.tables import print_table

    print_table(tuple(rows[0]), [list(row.values()) for row in rows], words=tuple(rows[0]))


def _show(ablation: Ablation, page: Path) -> None:
    """Prints the tables, what each method is worth, and where the page is."""
    from regimen.cli.screen.sentences import print_sentence
    from regimen.cli.screen.tables import print_table
    from regimen.cli.screen.terminal import console
    from regimen.reporting.ablation import table, worth_table

    screen = console()
    for rows in (table(ablation), worth_table(ablation)):
        print_table(tuple(rows[0]), [list(row.values()) for row in rows], words=("methods", "method", "where"))
    for worth in (*ablation.verdicts, *ablation.besides):
        print_sentence(screen, worth.sentence)
    print_sentence(screen, ablation.sentence, label="Result", style="bold")
    print_sentence(screen, ablation.rule, label="Rule", dim=True)
    for note in ablation.notes:
        print_sentence(screen, note, label="Note")
    print_sentence(screen, str(page), label="Page")
