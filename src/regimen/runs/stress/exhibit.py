"""Stress as sections of the report: accuracy under attack, the certificate, regimes and crises."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from regimen.numerals import count, number, percent
from regimen.reporting.report import Curve, Drawing, Exhibit
from regimen.runs.stress.result import Certified, Spell, Stress

SPELL = ("bars", "from", "to", "P&L", "return", "prices", "Sharpe", "drawdown")
"""Heads of a table of spells, behind that of their names."""


def exhibits_of_stress(stress: Stress) -> list[Exhibit]:
    """Returns the sections, those that have something to show."""
    return list(_sections(stress))


def _sections(stress: Stress) -> Iterator[Exhibit]:
    if stress.attacks:
        yield _attacks(stress)
    if stress.certified is not None:
        yield _certificate(stress.certified)
    if stress.regimes:
        yield _regimes(stress)
    if stress.episodes:
        yield _episodes(stress)
    if stress.imagined:
        yield _imagined(stress)


_DRAWN = {"all": "policy", "PGD": "hold", "FGSM": "random", "Square": "flat"}
"""The attacks in the picture, and how each is drawn; others end so near to PGD that lines would hide each other."""


def _attacks(stress: Stress) -> Exhibit:
    x = (0.0, *stress.epsilons)
    curves = [
        Curve(each.name, (stress.clean, *each.accuracy), x, style=_DRAWN[each.name])
        for each in stress.attacks
        if each.name in _DRAWN
    ]
    curves.append(Curve("one class always", (stress.constant,) * len(x), x, style="reference"))
    moved = [f"{name} by {share:g} ε" for name, share in stress.shares.items()]
    return Exhibit(
        key="stress-attacks",
        title="Under attack",
        sentences=(
            stress.sentence,
            f"Of {count(stress.rows)} labelled rows of the test spans, each asked of the model of its own window.",
            *([f"Features of a group were moved less or more: {', '.join(moved)}."] if moved else []),
            *stress.notes,
        ),
        columns=("Still right", "as they are", *(f"ε = {epsilon:g}" for epsilon in stress.epsilons)),
        rows=tuple(
            (each.name, percent(stress.clean), *(percent(share) for share in each.accuracy)) for each in stress.attacks
        ),
        drawings=(
            Drawing(
                "lines",
                "Accuracy under attack",
                "Share of rows that are still right when each scaled feature may move by ε; the table has all attacks.",
                tuple(curves),
            ),
        ),
    )


def _certificate(certified: Certified) -> Exhibit:
    return Exhibit(
        key="stress-certificate",
        title="Certified radius",
        sentences=(
            f"The model was asked about noisy copies (σ = {certified.sigma:g}) of {count(certified.rows)} rows, and "
            f"what it says most often was taken. Of {percent(certified.abstained)} nothing is said.",
            "Within the radius, a Euclidean length over all scaled features of a row or a window, no move changes that "
            f"class; for each row this is wrong with probability {certified.alpha:g} at most.",
            "It is a certificate of the model asked in this way, and not of the model that trades.",
        ),
        columns=("Radius", "right and certified"),
        rows=tuple(
            (number(radius, 3), percent(share))
            for radius, share in zip(certified.radii, certified.accuracy, strict=True)
        ),
    )


def _regimes(stress: Stress) -> Exhibit:
    return Exhibit(
        key="stress-regimes",
        title="Regimes",
        sentences=(
            "Bars by the volatility of the thirty days before them, against its terciles in all bars before each "
            "calendar year, as the judge sorts them.",
            f"P&L is after costs and a share of the equity at the start; it adds up to the total of "
            f"{percent(stress.total_return, plus=True)}.",
        ),
        columns=("Regime", *SPELL),
        rows=spell_cells(stress.regimes),
    )


def _episodes(stress: Stress) -> Exhibit:
    return Exhibit(
        key="stress-episodes",
        title="Crises",
        sentences=("What the run earned after costs in the crises that its test spans reach into.",),
        columns=("Crisis", *SPELL),
        rows=spell_cells(stress.episodes),
    )


def _imagined(stress: Stress) -> Exhibit:
    return Exhibit(
        key="stress-scenarios",
        title="Crises that did not happen",
        sentences=(
            "What the run's models would have earned after costs, had a crisis like a real one come somewhere in the "
            "test spans: the same drawdown, duration and volatility, on other paths.",
        ),
        columns=("Like", "paths", "bars", "return", "worst", "prices", "drawdown"),
        rows=tuple(
            (
                each.name,
                count(each.draws),
                count(each.bars),
                percent(each.earned, plus=True),
                percent(each.worst, plus=True),
                percent(each.market, plus=True),
                percent(each.drawdown),
            )
            for each in stress.imagined
        ),
    )


def spell_cells(spells: Sequence[Spell]) -> tuple[tuple[str, ...], ...]:
    """Returns the cells of spells, in the order of `SPELL` behind the name."""
    return tuple(
        (
            each.name,
            count(each.bars),
            each.first,
            each.last,
            percent(each.pnl, plus=True),
            percent(each.earned, plus=True),
            percent(each.market, plus=True),
            number(each.sharpe),
            percent(each.drawdown),
        )
        for each in spells
    )
