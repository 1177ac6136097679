"""`regimen stress`: what is left of a run's accuracy under attack, and what it earned in turbulence and crises."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from regimen.cli.arguments import RUNS, Run, Runs, run_name

if TYPE_CHECKING:
    from regimen.runs.stress import Certified, ImaginedCrisis, Spell, Stress


def stress(
    run: Run,
    epsilons: Annotated[
        str, typer.Option("--epsilons", help="how far a feature is moved, in units of the scaled features")
    ] = "0.01,0.03,0.1,0.3",
    group: Annotated[
        list[str] | None, typer.Option("--group", help="NAME=SHARE of epsilon for the features of a group; repeatable")
    ] = None,
    rows: Annotated[int, typer.Option("--rows", help="most rows that are attacked, evenly spread")] = 1000,
    certified: Annotated[int, typer.Option("--certified", help="most of them that are certified; 0: none")] = 200,
    sigma: Annotated[float, typer.Option("--sigma", help="noise of the certificate, in the same units")] = 0.25,
    draws: Annotated[int, typer.Option("--draws", help="paths of each crisis that did not happen; 0: none")] = 3,
    runs: Runs = RUNS,
    as_json: Annotated[bool, typer.Option("--json", help="print the result as JSON")] = False,
) -> None:
    """Attack a run's model on its out of sample rows, and split what it earned by regime and crisis.

    Nothing is fitted or decided again, and it is no new trial. It is kept in the run's folder (stress.json); the report
    shows it.

    Example: regimen stress latest --epsilons 0.05,0.1 --group volume=0
    """
    from regimen.cli.screen.progress import progress_bar

    with progress_bar() as advance:
        from regimen.records import find_run
        from regimen.runs import stress_of

        directory = find_run(run, runs)
        ladder, shares = _numbers(epsilons), _shares(group or [])
        measured = stress_of(
            directory,
            advance,
            epsilons=ladder,
            rows=rows,
            certified=certified,
            sigma=sigma,
            draws=draws,
            shares=shares,
        )
    path = directory.path / "stress.json"
    if as_json:
        print(json.dumps({"run": str(directory.path), "file": str(path), **measured.to_dict()}, indent=1))
        return
    from regimen.cli.screen.sentences import print_sentence
    from regimen.cli.screen.terminal import console

    screen = console()
    if measured.attacks:
        _print_attacks(measured)
    if measured.certified is not None:
        _print_certificate(measured.certified)
    _print_spells("regime", measured.regimes)
    if measured.episodes:
        _print_spells("crisis", measured.episodes)
    if measured.imagined:
        _print_imagined(measured.imagined)
    print_sentence(screen, "profit and loss after costs as a share of the equity at the start", label="P&L")
    for note in measured.notes:
        print_sentence(screen, note, label="Note")
    print_sentence(screen, measured.sentence, label="Result", style="bold")
    print_sentence(screen, str(path), label="Kept in")
    print_sentence(screen, f"regimen report {run_name(directory.path)}   (a picture of it)", label="Next")


def _numbers(text: str) -> list[float]:
    from regimen.errors import ConfigError

    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        raise ConfigError("--epsilons", "must be numbers with commas between them, such as 0.01,0.1", text) from None


def _shares(words: Sequence[str]) -> dict[str, float]:
    from regimen.errors import ConfigError

    try:
        return {name: float(share) for name, _, share in (word.partition("=") for word in words)}
    except ValueError:
        raise ConfigError("--group", "must be NAME=SHARE, such as volume=0.5", " ".join(words)) from None


def _print_attacks(stress: Stress) -> None:
    from regimen.cli.screen.tables import print_table

    cells = [
        (each.name, f"{stress.clean:.1%}", *(f"{share:.1%}" for share in each.accuracy)) for each in stress.attacks
    ]
    headings = ("attack: still right", "clean", *(f"ε={epsilon:g}" for epsilon in stress.epsilons))
    styles = ["bold" if each.name == "all" else "" for each in stress.attacks]
    print_table(headings, cells, words=headings[:1], styles=styles)


def _print_certificate(certified: Certified) -> None:
    from regimen.cli.screen.tables import print_table

    headings = ("noisy copies", "abstained", "right", *(f"r={radius:.3g}" for radius in certified.radii[1:]))
    shares = (certified.abstained, *certified.accuracy)
    cells = (f"certified, σ={certified.sigma:g}", *(f"{share:.1%}" for share in shares))
    print_table(headings, [cells], words=headings[:1])


def _print_spells(what: str, spells: Sequence[Spell]) -> None:
    from regimen.cli.screen.tables import print_table

    cells = [
        (
            each.name,
            f"{each.bars:,}",
            f"{each.pnl:+.1%}",
            f"{each.market:+.1%}",
            f"{each.sharpe:.2f}" if each.sharpe == each.sharpe else "–",
            f"{each.drawdown:.1%}",
        )
        for each in spells
    ]
    headings = (what, "bars", "P&L", "prices", "Sharpe", "drawdown")
    print_table(headings, cells, words=(what,))


def _print_imagined(crises: Sequence[ImaginedCrisis]) -> None:
    from regimen.cli.screen.tables import print_table

    cells = [
        (
            each.name,
            f"{each.bars:,}",
            f"{each.earned:+.1%}",
            f"{each.worst:+.1%}",
            f"{each.market:+.1%}",
            f"{each.drawdown:.1%}",
        )
        for each in crises
    ]
    headings = (f"like (mean of {crises[0].draws})", "bars", "return", "worst", "prices", "drawdown")
    print_table(headings, cells, words=headings[:1])
