"""Alarms: what a reader must know before believing any number, in words."""

from __future__ import annotations

import math
from dataclasses import dataclass

from regimen.judging.acting import Modes
from regimen.judging.growth import MATERIAL
from regimen.judging.verdicts.evidence import (
    CONSTANT,
    FEWEST_POSITIONS,
    LUCK,
    NO_INFORMATION,
    STALE,
    TOO_GOOD_SHARPE,
    Evidence,
    percent,
    too_accurate,
)

TOO_GOOD = ("a control looks good", "Sharpe ratio above 3", "directional accuracy above 60 %")
"""The alarms that make a result suspicious."""
COLLAPSE = ("collapse", "ignores what it sees", "a constant earns more", "drawn actions differ")
"""The alarms of a policy that has learned nothing, or something else than it shows."""
_ADVICE = "look for a leak before anything else"


@dataclass(frozen=True)
class Alarm:
    """Something that a reader must know before believing any number."""

    name: str
    sentence: str


def _collapse(e: Evidence) -> list[Alarm]:
    warnings = []
    gap = e.modal.advantage if e.modal else None
    rare_but_good = gap is not None and gap.annual > 0 and gap.beyond_noise
    if e.modal_share >= CONSTANT and not rare_but_good and e.trades > 0:
        text = f"{_stuck(e)} in {percent(e.modal_share)} of the time"
        if e.information is not None and e.information.source == "targets":
            text += f" (I(S;A) = {e.information.nats:.2f} nats)"
        if gap is not None:
            text += f"; a constant policy earns {'more' if gap.annual < 0 and gap.beyond_noise else 'the same'}"
        warnings.append(Alarm("collapse", text + "."))
    elif _dominated(e) and e.constant is not None:
        # Beside a collapse this would say the same twice.
        best, own = e.constant, e.constant.growth + e.constant.advantage.annual
        warnings.append(
            Alarm(
                "a constant earns more",
                f"A constant exposure of {best.exposure:+.2f} earns more than the policy: an annual log growth of "
                f"{percent(best.growth)} against {percent(own)}, at a Sharpe ratio of {best.sharpe:.2f} against "
                f"{e.sharpe:.2f}.",
            )
        )
    known = e.information
    if known is not None and known.source == "drawn actions" and known.nats < NO_INFORMATION:
        warnings.append(
            Alarm(
                "ignores what it sees",
                f"Its drawn actions do not depend on what it sees (I(S;A) = {known.nats:.2f} nats): they come from one "
                "and the same distribution in every state.",
            )
        )
    if e.modes is not None and e.modes.differ:
        warnings.append(Alarm("drawn actions differ", _differing(e.modes)))
    return warnings


def _stuck(e: Evidence) -> str:
    if e.symbols > 1:
        return "Each symbol keeps one exposure"
    return "The policy holds nothing" if abs(e.modal_exposure) < 0.005 else f"The policy holds {e.modal_exposure:+.2f}"


def _dominated(e: Evidence) -> bool:
    """Whether holding something throughout brings both more growth and more of it for its risk.

    More growth alone is no alarm: a market-neutral edge is one even in a year when the index did better. Nor is
    holding nothing, which has no Sharpe ratio: that the policy lost money is what the verdict says. And a policy
    whose timing beats random timing decides something, even where a constant had more luck.
    """
    best = e.constant
    if best is None or e.ruined or e.trades == 0 or e.p_random <= LUCK:
        return False
    return best.advantage.annual < -MATERIAL and best.sharpe > e.sharpe


def _differing(modes: Modes) -> str:
    if not math.isfinite(modes.gap.annual):
        ruined = "drawn" if modes.drawn < modes.judged else "deterministic"
        return f"Deterministic and drawn actions differ: the {ruined} ones ruin the account."
    text = (
        f"Deterministic and drawn actions differ: an annual log growth of {percent(modes.judged)} "
        f"against {percent(modes.drawn)}"
    )
    if modes.measured_by == "known optimum":
        text += f", where the optimum has {percent(modes.yardstick)}"
    remark = "training improves the drawn policy, but the deterministic one is judged"
    return f"{text}; {remark}."


def alarms(evidence: Evidence) -> tuple[Alarm, ...]:
    """Returns what must be looked at before any number is believed, most serious first."""
    e = evidence
    warnings: list[Alarm] = []

    def alarm(name: str, sentence: str) -> None:
        warnings.append(Alarm(name, sentence))

    if e.ruined:
        alarm("ruin", f"The account was wiped out{e.when_ruined}.")
    if e.liquidations > 0:
        times = "once" if e.liquidations == 1 else f"{e.liquidations:,} times"
        alarm("margin call", f"A margin call closed the positions {times}.")
    for control in e.unmasked:
        alarm(TOO_GOOD[0], control.sentence)
    if e.sharpe > TOO_GOOD_SHARPE:
        text = f"A net annual Sharpe ratio of {e.sharpe:.2f} is above {TOO_GOOD_SHARPE:.0f}: {_ADVICE}"
        if math.isfinite(e.late_sharpe):
            text += f" (one bar later the same decisions have {e.late_sharpe:.2f})"
        alarm(TOO_GOOD[1], text + ".")
    if too_accurate(e):
        alarm(
            TOO_GOOD[2],
            f"The direction is right in {percent(e.directional_accuracy)} of {e.directional_bars:,} moves "
            f"({percent(e.chance_accuracy)} by chance): {_ADVICE}.",
        )
    if e.zero_cost:
        alarm("no costs", "Trading cost nothing in this run; no real market is like that.")
    if e.trades == 0:
        alarm("no trades", "The policy never traded.")
    if e.not_held:
        alarm("control does not hold", e.not_held)
    if e.stale_share > STALE:
        alarm(
            "old prices",
            f"On average {percent(e.stale_share)} of the equity stood in symbols without a bar, at their last known "
            "prices: the volatility is too low and the Sharpe ratio too high by what those prices did not show.",
        )
    warnings += _collapse(e)
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
    return tuple(warnings)
