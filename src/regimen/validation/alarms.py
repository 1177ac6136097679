"""Alarms: what a reader must know before believing any number, in words."""

from __future__ import annotations

import math
from dataclasses import dataclass

from regimen.validation.evidence import (
    CONSTANT,
    FEWEST_POSITIONS,
    TOO_GOOD_SHARPE,
    Evidence,
    percent,
    too_accurate,
)

TOO_GOOD = ("Sharpe ratio above 3", "directional accuracy above 60 %")
"""The alarms that make a result suspicious."""
_ADVICE = "look for a leak before anything else"


@dataclass(frozen=True)
class Alarm:
    """Something that a reader must know before believing any number."""

    name: str
    sentence: str


def alarms(evidence: Evidence) -> tuple[Alarm, ...]:
    """Returns what must be looked at before any number is believed, most serious first."""
    e = evidence
    found: list[Alarm] = []

    def alarm(name: str, sentence: str) -> None:
        found.append(Alarm(name, sentence))

    if e.ruined:
        alarm("ruin", f"The account was wiped out{e.when_ruined}.")
    if e.liquidations > 0:
        times = "once" if e.liquidations == 1 else f"{e.liquidations:,} times"
        alarm("margin call", f"A margin call closed the positions {times}.")
    if e.sharpe > TOO_GOOD_SHARPE:
        text = f"A net annual Sharpe ratio of {e.sharpe:.2f} is above {TOO_GOOD_SHARPE:.0f}: {_ADVICE}"
        if math.isfinite(e.late_sharpe):
            text += f" (one bar later the same decisions have {e.late_sharpe:.2f})"
        alarm(TOO_GOOD[0], text + ".")
    if too_accurate(e):
        alarm(
            TOO_GOOD[1],
            f"The direction is right in {percent(e.directional_accuracy)} of {e.directional_bars:,} moves "
            f"({percent(e.chance_accuracy)} by chance): {_ADVICE}.",
        )
    if e.zero_cost:
        alarm("no costs", "Trading cost nothing in this run; no real market is like that.")
    if e.trades == 0:
        alarm("no trades", "The policy never traded.")
    elif e.modal_share >= CONSTANT:
        alarm(
            "collapse",
            f"The exposure is {e.modal_exposure:+.2f} in {percent(e.modal_share)} of the time.",
        )
    if 0 < e.positions < FEWEST_POSITIONS:
        alarm(
            "few positions",
            f"Only {e.positions} position{'s were' if e.positions > 1 else ' was'} taken; that is an anecdote.",
        )
    if e.total_return > 0 and e.break_even_extra_bps < e.cost_paid_bps:
        alarm(
            "thin margin",
            f"Trading costs {e.cost_paid_bps:.1f} bps per unit traded; "
            f"{e.break_even_extra_bps:.1f} bps more and nothing is left.",
        )
    if e.first_half_sharpe > 0 and e.second_half_sharpe <= 0:
        alarm(
            "decay",
            f"The Sharpe ratio was {e.first_half_sharpe:.2f} in the first half of the sample and "
            f"{e.second_half_sharpe:.2f} in the second.",
        )
    return tuple(found)
