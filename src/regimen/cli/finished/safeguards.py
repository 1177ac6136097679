"""`regimen safeguards`: what each limit would have cost and saved in a run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from regimen.cli.arguments import RUNS, Run, Runs

if TYPE_CHECKING:
    from regimen.runs import GuardedRun

_READ = (
    "Return and drawdown are those without that limit, all others as they are; cost is the return without it less that "
    "with it, saved the same of the deepest drawdown."
)


def safeguards(
    run: Run,
    limits: Annotated[
        list[str] | None, typer.Option("--set", help="a limit at another value, or null for none; repeatable")
    ] = None,
    runs: Runs = RUNS,
    as_json: Annotated[bool, typer.Option("--json", help="print the table as JSON")] = False,
) -> None:
    """Trade a run's targets behind limits, and again without each of those that acted: what each cost and saved.

    The limits are those that the run was traded behind, or the defaults where it had none. Nothing is fitted, and it is
    no new trial: nothing is chosen.

    Example: regimen safeguards latest --set daily_loss=0.01 --set position=null
    """
    from regimen.cli.screen.progress import progress_bar

    with progress_bar() as advance:
        from regimen.records import find_run
        from regimen.runs import safeguards_of

        directory = find_run(run, runs)
        guarded = safeguards_of(directory, limits or [], advance)
    if as_json:
        print(json.dumps({"run": str(directory.path), **guarded.to_dict()}, indent=1))
        return
    from regimen.cli.screen.sentences import print_sentence
    from regimen.cli.screen.terminal import console

    _print_table(guarded)
    screen = console()
    print_sentence(screen, _READ)
    for note in guarded.notes:
        print_sentence(screen, note)
    print_sentence(screen, guarded.sentence, label="Result", style="bold")
    if not guarded.trained:
        print_sentence(screen, "a config with `safeguards: default` is judged behind its limits", label="Next")


def _print_table(guarded: GuardedRun) -> None:
    from regimen.cli.screen.tables import print_table
    from regimen.runs.guarding import row_of

    headings = ("limit", "at", "bars", "targets", "return", "drawdown", "cost", "saved")
    rows = [row_of(effect) for effect in guarded.effects.effects]
    print_table(headings, rows, words=("limit",), styles=["" if e.bars else "dim" for e in guarded.effects.effects])
