"""The report's words on behaviour: what was held, what the actions tell, and the best constant instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from regimen.reporting.numerals import count, number, percent

if TYPE_CHECKING:
    from regimen.reporting.report.document import ReportDocument

Row = Mapping[str, Any]


def behaviour_facts(document: ReportDocument) -> list[tuple[str, str]]:
    """(name, value) of what the policy did."""
    behaviour = document.judgement.get("behaviour") or {}
    if not behaviour:
        return []
    return [
        ("Bars with a fill", count(behaviour.get("trades"))),
        ("Positions", count(behaviour.get("positions"))),
        *([("Changes of target", count(behaviour["changes"]))] if "changes" in behaviour else []),
        ("Long", percent(behaviour.get("long_share"), 0)),
        ("Short", percent(behaviour.get("short_share"), 0)),
        ("Flat", percent(behaviour.get("flat_share"), 0)),
        (
            "Most common target",
            f"{percent(behaviour.get('modal_exposure'), 0, plus=True)} "
            f"({percent(behaviour.get('modal_share'), 0)} of bars)",
        ),
    ]


def collapse_facts(document: ReportDocument) -> list[tuple[str, str]]:
    """(name, value) of whether the policy decides anything; empty for a judgement that lacks them."""
    behaviour = document.judgement.get("behaviour") or {}
    information, constant = behaviour.get("information") or {}, behaviour.get("constant") or {}
    shown = []
    if information:
        shown = [
            ("Mutual information I(S;A)", f"{number(information.get('nats'))} nats"),
            ("Action entropy H(A)", f"{number(information.get('action_entropy'))} nats"),
            ("In one state, H(A|S)", f"{number(information.get('conditional_entropy'))} nats"),
            ("Measured on", str(information.get("source", ""))),
        ]
    if constant:
        own = " (each symbol its own)" if constant.get("spread") == "own" else ""
        shown += [
            ("Best constant exposure", f"{percent(constant.get('exposure'), 0, plus=True)}{own}"),
            ("Net return of that", percent(constant.get("total_return"), plus=True)),
            ("Sharpe ratio of that", number(constant.get("sharpe"))),
            ("Advantage a year", _advantage(constant)),
        ]
    modes = behaviour.get("modes") or {}
    if modes:
        shown += [
            ("Growth a year, as judged", percent(modes.get("judged"), plus=True)),
            ("Growth a year, drawn", percent(modes.get("drawn"), plus=True)),
        ]
    return shown


def _advantage(constant: Row) -> str:
    return f"{percent(constant.get('advantage'), plus=True)} ± {percent(constant.get('advantage_error'))}"


def constant_card(behaviour: Row) -> list[tuple[str, str, str]]:
    """(name, value, remark) of the advantage over the best constant exposure."""
    constant = behaviour.get("constant") or {}
    if constant.get("advantage") is None:
        return []
    at, ratio = percent(constant.get("exposure"), 0, plus=True), number(constant.get("sharpe"))
    constant_text = "holding nothing" if constant.get("exposure") == 0 else f"{at} throughout, Sharpe {ratio}"
    value = percent(constant["advantage"], plus=True)
    return [("Advantage over the best constant", value, f"log growth a year; constant: {constant_text}")]
