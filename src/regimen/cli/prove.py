"""`regimen prove`: agents on markets whose best policy is known."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from regimen.cli.screen.lines import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from regimen.cli.screen.progress import Advance
    from regimen.learning import Iteration
    from regimen.proving import Experiment, Progress, Result


def prove(
    agents: Annotated[
        list[str] | None, typer.Option("--agent", help="only this agent; may be repeated", show_default=False)
    ] = None,
    markets: Annotated[
        list[str] | None, typer.Option("--market", help="only this market; may be repeated", show_default=False)
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", help="seeds of each agent on each market")] = 10,
    jobs: Annotated[int, typer.Option("--jobs", help="number of processes; the results do not depend on it")] = 1,
    fast: Annotated[bool, typer.Option("--fast", help="quick markets only, few steps, lower demands, 2 seeds")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print every seed's numbers as JSON")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="print the table as Markdown")] = False,
) -> None:
    """Train every agent on markets with a known optimum and print score = (J − J_base)/(J* − J_base).

    Exits 1 when a demand is missed.

    Example: regimen prove --agent ppo --market ou --seeds 3 --jobs 2
    """
    from regimen.cli.screen.progress import progress_bar, working

    with working("agents"):
        from regimen.proving import EXPERIMENTS, FAST, installed, prove, select
        from regimen.proving.table import document, markdown

    chosen = select(FAST if fast else EXPERIMENTS, agents or (), markets or ())
    seeds = min(seeds, 2) if fast else seeds
    if not agents:  # whoever names an agent is told what it needs; whoever wants all gets those that are there
        chosen, lacking = installed(chosen)
        for name, rule in lacking.items():
            say(f"skipped: {name}: {rule}", error=True)
    with progress_bar() as advance:
        results = prove(chosen, seeds, _reporter(advance, chosen, seeds), jobs)
    if as_json:
        print(json.dumps(document(results), indent=1, allow_nan=False))
    elif as_markdown:
        say(markdown(results))
    else:
        _show(results)
    if not all(result.met for result in results):
        raise typer.Exit(1)


def _reporter(advance: Advance, experiments: Sequence[Experiment], seeds: int) -> Progress:
    """Turns iterations of any number of runs into one bar, in percent of all steps, with the numbers of the oldest."""
    total = seeds * sum(experiment.steps for experiment in experiments)
    steps: dict[tuple[str, int], int] = {}
    running: list[tuple[str, int]] = []

    def tell(experiment: Experiment, seed: int, iteration: Iteration) -> None:
        run = (str(experiment), seed)
        if run not in steps:
            running.append(run)
        pace = (iteration.steps - steps.get(run, 0)) / iteration.seconds if iteration.seconds > 0.0 else 0.0
        steps[run] = iteration.steps
        if run == running[0]:
            message = f"{experiment}, seed {seed} · reward {iteration.reward:.3g} · entropy {iteration.entropy:.3g}"
            done = min(100, 100 * sum(steps.values()) // total)
            advance(done, 100, f"{message} · {pace / 1e3:,.0f} k steps/s")
        if iteration.steps >= iteration.total:
            running.remove(run)

    return tell


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
