"""`regimen simulate-operations`: a live account through simulated weeks in which everything goes wrong."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from regimen.cli.screen.lines import say

if TYPE_CHECKING:
    from regimen.live.operations import Operations


def simulate_operations(
    days: Annotated[int, typer.Option("--days", help="days of the market, hourly bars")] = 1000,
    seed: Annotated[int, typer.Option("--seed", help="of the first life; the others follow it")] = 0,
    life: Annotated[int, typer.Option("--life", help="days of one life")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="print the counts as JSON")] = False,
) -> None:
    """Run a live account through kills, failing disks, wrong bars and two leaders; name the first seed that breaks it.

    Exits 1 when an invariant breaks. The same seed and the same days of a life give the same life.

    Example: regimen simulate-operations --days 10000

    Example: regimen simulate-operations --seed 4711 --days 30 --life 30
    """
    from regimen.cli.screen.progress import progress_bar, working

    with working("engine"):
        from regimen.live.operations import simulate_operations as simulated

    with progress_bar() as advance:
        operations = simulated(days, seed, life=life, progress=lambda over, all_: advance(over, all_, "days"))
    if as_json:
        import json

        print(json.dumps(asdict(operations), indent=1))
    else:
        _show(operations)
    if operations.seed is not None:
        raise typer.Exit(1)


def _show(operations: Operations) -> None:
    from regimen.cli.screen.sentences import print_sentence
    from regimen.cli.screen.tables import print_table
    from regimen.cli.screen.terminal import console

    screen = console()
    rows = [(name, f"{count:,}") for name, count in operations.happened.items()]
    print_table(("what happened", "times"), rows, words=("what happened",))
    print_sentence(screen, f"{operations.days:,} days in {operations.lives:,} lives, {operations.bars:,} decisions.")
    if operations.seed is None:
        print_sentence(screen, "No invariant is broken.")
        return
    for line in operations.events:
        say(line)
    again = (
        f"regimen simulate-operations --seed {operations.seed} --days {operations.length} --life {operations.length}"
    )
    print_sentence(screen, f"Seed {operations.seed}: {operations.broken}.", label="Broken", style="bold red")
    print_sentence(screen, f"`{again}` lives it again.")
