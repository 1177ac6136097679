"""`regimen prove`: agents on markets whose best policy is known."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from regimen.cli.arguments import WHERE, Where
from regimen.cli.screen.lines import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from regimen.proving import Result


def prove(
    agents: Annotated[
        list[str] | None,
        typer.Option(
            "--agent",
            help="only this agent, one with a method added (sac+icm), or your own, FILE.py:NAME; may be repeated",
            show_default=False,
        ),
    ] = None,
    markets: Annotated[
        list[str] | None, typer.Option("--market", help="only this market; may be repeated", show_default=False)
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", help="seeds of each agent on each market")] = 10,
    steps: Annotated[
        int | None,
        typer.Option("--steps", help="environment steps that an agent of your own learns from", show_default=False),
    ] = None,
    compute: Where = WHERE,
    fast: Annotated[bool, typer.Option("--fast", help="quick markets only, few steps, lower demands, 2 seeds")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print every seed's numbers as JSON")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="print the table as Markdown")] = False,
) -> None:
    """Train every agent on markets with a known optimum and print score = (J − J_base)/(J* − J_base).

    Exits 1 when a demand is missed.

    Example: regimen prove --agent ppo --market ou --seeds 3 --compute processes:2

    Example: regimen prove --agent my_agent.py:MyAgent --market hysteresis --seeds 3 --steps 200000
    """
    from regimen.cli.screen.progress import progress_bar, working

    with working("agents"):
        from regimen.proving import experiments_of, in_percent, installed, prove
        from regimen.proving.table import document, markdown
        from regimen.work import Compute

    where = Compute.parse(compute)
    chosen = experiments_of(agents or (), markets or (), fast, steps)
    seeds = min(seeds, 2) if fast else seeds
    if not agents:  # whoever names an agent is told what it needs; whoever wants all gets those that are there
        chosen, lacking = installed(chosen)
        for name, rule in lacking.items():
            say(f"skipped: {name}: {rule}", error=True)
    with progress_bar() as advance, where.mapper() as mapper:
        results = prove(chosen, seeds, in_percent(advance, chosen, seeds), mapper)
    if as_json:
        print(json.dumps(document(results), indent=1, allow_nan=False))
    elif as_markdown:
        say(markdown(results))
    else:
        _show(results)
    if not all(result.met for result in results):
        raise typer.Exit(1)


def _show(results: Sequence[Result]) -> None:
    from regimen.cli.screen.sentences import print_sentence
    from regimen.cli.screen.tables import print_table
    from regimen.cli.screen.terminal import console
    from regimen.proving.table import HEADINGS, missed, rows

    screen = console()
    lines = rows(results)
    styles = ["bold red" if row[-1] == "NO" else "" for row in lines]
    print_table(HEADINGS, lines, words=("agent", "market", "mode", "also"), styles=styles)
    for sentence in missed(results):
        print_sentence(screen, f"{sentence}.", label="Missed", style="bold red")
    if all(result.met for result in results):
        screen.print("Every demand is met.")
