"""`regimen doctor`: is this installation well, and what mends it."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from regimen.cli.arguments import RUNS, Runs

_STYLES = {"ok": "", "missing": "dim", "beware": "yellow", "broken": "bold red"}


def doctor(
    runs: Runs = RUNS,
    as_json: Annotated[bool, typer.Option("--json", help="print the conditions as JSON")] = False,
) -> None:
    """Show versions, threads, caches, the folder of runs, and what is missing with the line that installs it.

    Exits 1 when something is broken; an extra that is missing breaks nothing.

    Example: regimen doctor
    """
    from regimen.cli.screen.progress import working

    with working("examining"):
        from regimen.runs import examine

        conditions = examine(runs)
    broken = [each for each in conditions if each.state == "broken"]
    if as_json:
        print(json.dumps({"well": not broken, "conditions": [each.to_dict() for each in conditions]}, indent=1))
    else:
        from regimen.cli.screen.sentences import print_sentence
        from regimen.cli.screen.terminal import console

        screen = console()
        for each in conditions:
            mark = "" if each.state == "ok" else f"{each.state}: "
            print_sentence(screen, f"{mark}{each.text}", label=f"{each.part:<18}", style=_STYLES[each.state])
            if each.cure:
                print_sentence(screen, each.cure, label=f"{'':<18}")
        verdict = f"{len(broken)} thing(s) to mend" if broken else "nothing is broken"
        print_sentence(screen, f"{verdict}.", label="Verdict", style="bold red" if broken else "bold green")
    if broken:
        raise typer.Exit(1)
