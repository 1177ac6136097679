"""`regimen validate`: a run's config trained on every choice of folds, traded along every path, and judged."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from regimen.cli.arguments import RUNS, WHERE, Run, Runs, Where, run_name

if TYPE_CHECKING:
    from regimen.runs.validation import Validation


def validate(
    run: Run,
    folds: Annotated[int, typer.Option("--folds", min=2, help="folds that the bars are cut into")] = 10,
    tested: Annotated[int, typer.Option("--tested", min=1, help="folds that each split holds out")] = 2,
    seeds: Annotated[
        int | None, typer.Option("--seeds", min=1, help="seeds of each split; the run's own", show_default=False)
    ] = None,
    compute: Where = WHERE,
    runs: Runs = RUNS,
    as_json: Annotated[bool, typer.Option("--json", help="print the result as JSON")] = False,
) -> None:
    """Train a run's config on every choice of folds, trade every path through them, and judge the paths.

    Combinatorial purged cross-validation: 10 folds of which 2 are held out are 45 trainings a seed and 9 paths. Every
    fit is kept as it is made, so the same command goes on where it was stopped; each is counted in the trial ledger.
    Most models learn from bars later than those they decide: the paths are no track record. The result is kept in
    the run's folder (validation.json); the report shows it.

    Example: regimen validate latest --seeds 3 --compute processes:2

    Example: regimen validate latest --folds 6 --json
    """
    from regimen.cli.screen.progress import progress_bar

    with progress_bar() as advance:
        from regimen.records import find_run
        from regimen.runs import validate_run
        from regimen.work import Compute

        where, directory = Compute.parse(compute), find_run(run, runs)
        validation = validate_run(directory, advance, folds=folds, tested=tested, seeds=seeds, compute=where)
    path = directory.path / "validation.json"
    if as_json:
        print(json.dumps({"run": str(directory.path), "file": str(path), **validation.to_dict()}, indent=1))
        return
    from regimen.cli.screen.sentences import print_sentence
    from regimen.cli.screen.terminal import console

    screen = console()
    _print(validation)
    for note in validation.notes:
        print_sentence(screen, note, label="Note")
    if validation.selection is not None:
        print_sentence(screen, validation.selection.sentence, label="Trials")
    print_sentence(screen, validation.sentence, label="Result", style="bold")
    print_sentence(screen, str(path), label="Kept in")
    print_sentence(screen, f"regimen report {run_name(directory.path)}   (the paths as a fan)", label="Next")


def _print(validation: Validation) -> None:
    """Prints the distribution over paths and seeds, and each path."""
    from regimen.cli.screen.tables import print_table
    from regimen.runs.validation import PATHS, REGIMES, path_cells, regime_cells, spread_cells

    over = f"{len(validation.paths)} paths × seeds"
    print_table((over, ""), spread_cells(validation), words=(over,))
    print_table(PATHS, path_cells(validation.paths), words=(PATHS[0], PATHS[-1]))
    for regimes in validation.regimes:
        states = f"middle path: {regimes.title[0].lower()}{regimes.title[1:]}"
        print_table((states, *REGIMES[1:]), regime_cells(regimes), words=(states,))
