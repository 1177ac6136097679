"""The report's words on behaviour: what was held, what the actions tell, and the best constant instead."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from regimen.numerals import count, number, percent

if TYPE_CHECKING:
    from regimen.judging import ConstantExposure, Judgement
    from regimen.reporting.report.document import ReportDocument


def behaviour_facts(document: ReportDocument) -> list[tuple[str, str]]:
    """(name, value) of what the policy did."""
    behaviour = document.judgement.behaviour
    return [
        ("Bars with a fill", count(behaviour.trades)),
        ("Positions", count(behaviour.positions)),
        *([("Changes of target", count(behaviour.changes))] if math.isfinite(behaviour.changes) else []),
        ("Long", percent(behaviour.long_share, 0)),
        ("Short", percent(behaviour.short_share, 0)),
        ("Flat", percent(behaviour.flat_share, 0)),
        (
            "Most common target",
            f"{percent(behaviour.modal_exposure, 0, plus=True)} ({percent(behaviour.modal_share, 0)} of bars)",
        ),
    ]


def collapse_facts(document: ReportDocument) -> list[tuple[str, str]]:
    """(name, value) of whether the policy decides anything; empty for a judgement that lacks them."""
    judgement = document.judgement
    information, constant, modes = judgement.information, judgement.constant, judgement.modes
    shown = []
    if information is not None:
        shown = [
            ("Mutual information I(S;A)", f"{number(information.nats)} nats"),
            ("Action entropy H(A)", f"{number(information.action_entropy)} nats"),
            ("In one state, H(A|S)", f"{number(information.conditional_entropy)} nats"),
            ("Measured on", information.source),
        ]
    if constant is not None:
        own = " (each symbol its own)" if constant.spread == "own" else ""
        shown += [
            ("Best constant exposure", f"{percent(constant.exposure, 0, plus=True)}{own}"),
            ("Net return of that", percent(constant.total_return, plus=True)),
            ("Sharpe ratio of that", number(constant.sharpe)),
            ("Advantage a year", _advantage(constant)),
        ]
    if modes is not None:
        shown += [
            ("Growth a year, as judged", percent(modes.judged, plus=True)),
            ("Growth a year, drawn", percent(modes.drawn, plus=True)),
        ]
    return shown


def _advantage(constant: ConstantExposure) -> str:
    return f"{percent(constant.advantage.annual, plus=True)} ± {percent(constant.advantage.error)}"


def constant_card(judgement: Judgement) -> list[tuple[str, str, str]]:
    """(name, value, remark) of the advantage over the best constant exposure."""
    constant = judgement.constant
    if constant is None or not math.isfinite(constant.advantage.annual):
        return []
    at, ratio = percent(constant.exposure, 0, plus=True), number(constant.sharpe)
    constant_text = "holding nothing" if constant.exposure == 0 else f"{at} throughout, Sharpe {ratio}"
    value = percent(constant.advantage.annual, plus=True)
    return [("Advantage over the best constant", value, f"log growth a year; constant: {constant_text}")]
