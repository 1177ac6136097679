"""`regimen costs`: what a run's decisions are worth at other costs."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Annotated

import typer

from regimen.cli.arguments import RUNS, Run, Runs, run_name

if TYPE_CHECKING:
    from regimen.runs import CostLadder


def costs(
    run: Run,
    at: Annotated[str, typer.Option("--at", help="multiples of the run's costs")] = "0,1,2,5",
    runs: Runs = RUNS,
    as_json: Annotated[bool, typer.Option("--json", help="print the ladder as JSON")] = False,
) -> None:
    """Trade a run's decisions again at multiples of its costs: Sharpe ratio, return and turnover of each.

    The decisions stay; commission, spread, impact, stamp duty, borrow and financing are multiplied. It is kept in the
    run's folder (costs.json) and is no new trial: nothing is chosen.

    Example: regimen costs latest --at 0,0.5,1,3
    """
    from regimen.cli.screen.progress import progress_bar

    with progress_bar() as advance:
        from regimen.records import find_run
        from regimen.runs import cost_ladder

        directory = find_run(run, runs)
        ladder = cost_ladder(directory, _multiples(at), advance)
    path = directory.path / "costs.json"
    if as_json:
        print(json.dumps({"run": str(directory.path), "file": str(path), **ladder.to_dict()}, indent=1))
        return
    from regimen.cli.screen.sentences import print_sentence
    from regimen.cli.screen.terminal import console

    _print_table(ladder)
    screen = console()
    for note in ladder.notes:
        print_sentence(screen, note)
    print_sentence(screen, ladder.sentence, label="Result", style="bold")
    print_sentence(screen, str(path), label="Kept in")
    again = f"regimen backtest {run_name(directory.path)} market.costs=VENUE   (decided and judged anew)"
    print_sentence(screen, again, label="Next")


def _multiples(text: str) -> list[float]:
    from regimen.errors import ConfigError

    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        raise ConfigError("--at", "must be numbers with commas between them, such as 0,1,2,5", text) from None


def _print_table(ladder: CostLadder) -> None:
    from regimen.cli.screen.tables import print_table

    headings = ("costs", "net return", "Sharpe", "turnover/yr", "costs/yr", "paid")
    cells = [
        (
            f"{rung.multiple:g} ×",
            f"{rung.total_return:+.1%}" + (" ruined" if rung.ruined else ""),
            _number(rung.sharpe, ".2f"),
            _number(rung.turnover, ",.1f"),
            _number(rung.cost_drag, ".1%"),
            _number(rung.cost_paid_bps, ",.1f", " bp"),
        )
        for rung in ladder.rungs
    ]
    styles = ["bold" if rung.multiple == 1.0 else "" for rung in ladder.rungs]
    print_table(headings, cells, words=(), styles=styles)


def _number(value: float, form: str, unit: str = "") -> str:
    return f"{value:{form}}{unit}" if math.isfinite(value) else "–"
