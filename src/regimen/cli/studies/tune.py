"""`regimen tune`: search a config's space inside its training span, and judge the best on what no trial saw."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regimen.cli.arguments import RUNS, WHERE, Opens, Out, Runs, Where, require_one_source
from regimen.cli.screen.browser import open_page

if TYPE_CHECKING:
    from regimen.reporting.search import Search

_TRIALS = 50
_SHOWN = 20


def tune(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="YAML file of a run, with or without a section search")],
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE", help="overrides such as search.sampler=random")
    ] = None,
    trials: Annotated[
        int, typer.Option("--trials", min=1, help="trials in all, those that are there included")
    ] = _TRIALS,
    resume: Annotated[bool, typer.Option("--resume", help="go on with the study that is there")] = False,
    revive: Annotated[
        int | None,
        typer.Option("--revive", metavar="TRIAL", help="train a trial that was stopped early to its end"),
    ] = None,
    runs: Runs = RUNS,
    compute: Where = WHERE,
    out: Out = None,
    opens: Opens = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Search a config's space on bars before its first test span, then train the best and judge it on the test spans.

    The section search of the file names parameters, objectives and the sampler; without a space, the model has a small
    one of its own. Each trial is in the trial ledger before it runs, and the verdict is deflated by all of them. A
    search that was stopped, by Ctrl-C or kill -9, goes on with --resume: with the same trials and the same bytes.

    Example: regimen tune examples/tune-btc-1h.yaml --trials 8 data.path=btcusdt-1h.parquet

    Example: regimen tune btc.yaml --trials 50 --resume --compute processes:2
    """
    from regimen.cli.screen.progress import progress_bar, working

    with working("config"):
        from regimen.runs.search import read_search

        require_one_source(overrides or [])
        values, search = read_search(file, overrides or [])
    with progress_bar() as advance:
        from regimen.reporting.search import write
        from regimen.runs.search import tune as run_search
        from regimen.work import Compute

        try:
            with Compute.parse(compute).mapper() as mapper:
                outcome = run_search(
                    values, search, runs, advance, trials=trials, resume=resume, revived=revive, mapper=mapper
                )
        except KeyboardInterrupt:
            raise KeyboardInterrupt("", f"regimen tune {file} --resume") from None
        page = out or runs / f"tune-{outcome.name}" / "search.html"
        write(outcome, page)
    if as_json:
        print(json.dumps({**outcome.to_dict(), "page": str(page)}, indent=1, allow_nan=False))
    else:
        _show(outcome, runs, page)
    if opens:
        open_page(page)


def _show(search: Search, runs: Path, page: Path) -> None:
    """Prints the trials, what each parameter mattered, the verdict, and where the page is."""
    from regimen.cli.screen.sentences import print_sentence
    from regimen.cli.screen.tables import print_table
    from regimen.cli.screen.terminal import console
    from regimen.reporting.search import sensitivity_table, trial_table

    screen = console()
    rows = trial_table(search)
    for table, shown in ((rows, _SHOWN), (sensitivity_table(search), None)):
        if table:
            cells = [list(row.values()) for row in table[:shown]]
            print_table(tuple(table[0]), cells, words=("", "settings", "parameter", "values"))
    if len(rows) > _SHOWN:
        print_sentence(screen, f"{len(rows) - _SHOWN} more trials are on the page.", label="Note", dim=True)
    print_sentence(screen, search.words, label="Search", style="bold")
    if search.sentence:
        print_sentence(screen, search.sentence, label="Verdict", style="bold")
    counted = f"{search.counted:,} trials on this series are recorded; the verdict is deflated by all of them."
    print_sentence(screen, counted, label="Trials", dim=True)
    for note in search.notes:
        print_sentence(screen, note, label="Note")
    print_sentence(screen, str(page), label="Page")
    print_sentence(screen, f"regimen report {runs / str(search.run)}", label="Next")
