"""`regimen collapse`: why a run's policy holds."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from regimen.cli.arguments import RUNS, Run, Runs, run_name


def collapse(
    run: Run,
    twin: Annotated[
        bool, typer.Option("--twin/--no-twin", help="also let the agent learn once where tomorrow is shown")
    ] = True,
    runs: Runs = RUNS,
    as_json: Annotated[bool, typer.Option("--json", help="print the result as JSON")] = False,
) -> None:
    """Say why a run's policy holds: costs, no edge, its features, its rewards, its exploration, or its learning.

    What its columns foretell is weighed against the costs first: where no plain regression earns, holding is right.
    It is kept in the run's folder (collapse.json) and shown in its report; it is no new trial.

    Example: regimen collapse latest
    """
    from regimen.cli.screen.progress import progress_bar

    with progress_bar() as advance:
        from regimen.records import find_run
        from regimen.runs import collapse_of

        directory = find_run(run, runs)
        answer = collapse_of(directory, advance, twin=twin)
    path = directory.path / "collapse.json"
    if as_json:
        print(json.dumps({"run": str(directory.path), "file": str(path), **answer.to_dict()}, indent=1))
        return
    from regimen.cli.screen.sentences import print_sentence
    from regimen.cli.screen.tables import print_table
    from regimen.cli.screen.terminal import console
    from regimen.runs.collapse import FORECAST_HEADINGS, facts_of, forecast_rows

    print_table(("measured", "value"), facts_of(answer.evidence), words=("measured", "value"))
    print_table(FORECAST_HEADINGS, forecast_rows(answer.evidence), words=("columns",))
    screen = console()
    unit = "gross, net and break-even in basis points; ± a standard error; IC: correlation of forecast and return"
    print_sentence(screen, unit, label="Unit")
    for note in answer.notes:
        print_sentence(screen, note, label="Note")
    print_sentence(screen, answer.sentence, label="Result", style="bold")
    print_sentence(screen, str(path), label="Kept in")
    print_sentence(screen, f"regimen report {run_name(directory.path)}   (a section of it)", label="Next")
