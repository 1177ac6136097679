"""`regimen backtest`: a trained policy on bars that it was not trained on."""

from __future__ import annotations

from typing import Annotated

import typer

from regimen.cli.arguments import RUNS, Opens, Run, Runs
from regimen.cli.screen.lines import say


def backtest(
    run: Run,
    bars: Annotated[
        str | None,
        typer.Option("--bars", help="data file; the run's own data when left out", show_default=False),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE", help="overrides of data, market and preference, e.g. data.day_first=true"),
    ] = None,
    runs: Runs = RUNS,
    opens: Opens = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the judgement as JSON")] = False,
) -> None:
    """Run a trained policy on other bars or under other costs, judge it, and keep the result in the run's folder.

    Each bar is decided by the newest model that was trained before it; bars before the first one are not traded.

    Example: regimen backtest latest --bars other.parquet market.costs.commission_bps=5
    """
    from regimen.cli.screen.progress import progress_bar

    with progress_bar() as advance:
        from regimen.cli.screen.verdict import print_judgement
        from regimen.records import find_run
        from regimen.runs import backtest_run

        directory = find_run(run, runs)
        lost = directory.trials.lost()
        if lost:
            say(lost, error=True)
        folder, judgement = backtest_run(directory, bars, overrides or [], advance)
    print_judgement(judgement, as_json=as_json, run=folder, report=folder / "report.html", opens=opens)
