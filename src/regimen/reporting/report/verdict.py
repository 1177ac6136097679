"""The first page of a report: the verdict, the policy beside its controls, every statistic."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from regimen.reporting.charts.frame import Words
from regimen.reporting.charts.intervals import IntervalScale
from regimen.reporting.glossary import KNOWN, STATISTICS, definitions, humanised
from regimen.reporting.numerals import basis_points, count, number, percent, significant, span
from regimen.reporting.report.behaviour import constant_card

if TYPE_CHECKING:
    from regimen.reporting.report.document import ReportDocument

Row = Mapping[str, Any]

STYLES = {
    "policy": "policy",
    "flat": "flat",
    "buy_and_hold": "hold",
    "random": "random",
    "reference": "reference",
}
"""Style of each row of the judgement; every other row is a diagnostic."""

_LEVELS = {
    "evidence": ("good", "✓"),
    "weak evidence": ("caution", "≈"),
    "no evidence": ("neutral", "–"),
    "too short": ("neutral", "…"),
    "does nothing": ("neutral", "0"),
    "suspicious": ("bad", "!"),
    "not tradable": ("bad", "✕"),
}
"""Tone and sign of each verdict; the badge spells the level out beside them."""


def finite(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _ends(row: Row) -> tuple[float | None, float | None]:
    ends = row.get("sharpe_interval") or (None, None)
    return (finite(ends[0]), finite(ends[1])) if len(ends) == 2 else (None, None)


def _asks_number(rule: Row) -> bool:
    return any(letter.isdigit() for letter in str(rule.get("required") or "0"))


def verdict_text(document: ReportDocument) -> dict[str, Any]:
    verdict = document.judgement["verdict"]
    tone, sign = _LEVELS.get(verdict["level"], ("neutral", "?"))
    rules = [
        {
            "name": humanised(str(rule.get("name", ""))),
            "passed": bool(rule.get("passed")),
            # a rule that asks for no number ("charged") is told by its sentence alone
            "value": significant(rule.get("value"), 3) if _asks_number(rule) else "",
            "required": str(rule.get("required") or "").replace(">=", "≥").replace("<=", "≤").replace("-", "−"),
            "sentence": rule.get("sentence", ""),
        }
        for rule in verdict.get("rules", ())
    ]
    return {
        "level": verdict["level"].capitalize(),
        "sentence": verdict["sentence"],
        "tone": tone,
        "sign": sign,
        "rules": rules,
        "charged": (document.judgement.get("charged") or {}).get("sentence", ""),
    }


def beside_controls(document: ReportDocument) -> dict[str, Any]:
    """The policy beside its controls: one row each, with interval plots on one scale."""
    rows = document.judgement["rows"]
    scale = IntervalScale.around([value for row in rows for value in (*_ends(row), finite(row.get("sharpe")))])
    level = percent((document.judgement.get("interval") or {}).get("level", 0.95), 0)
    cells = []
    for row in rows:
        style = STYLES.get(row["name"], "diagnostic")
        sentence = f"{number(row.get('sharpe'))}, {level} interval {span(row.get('sharpe_interval'))}"
        words = Words(f"sharpe-{row['name']}", f"Sharpe ratio of {row['label']}", sentence)
        cells.append(
            {
                "name": row["name"],
                "label": row["label"],
                "style": style,
                "total_return": percent(row.get("total_return"), plus=True),
                "sharpe": number(row.get("sharpe")),
                "interval": span(row.get("sharpe_interval")),
                "plot": Markup(scale.row(words, style, _ends(row), finite(row.get("sharpe")))),
                "drawdown": percent(row.get("max_drawdown")),
                "turnover": number(row.get("turnover"), 1),
                "break_even": basis_points(row.get("break_even_bps")),
                "psr": number(row.get("psr")),
                "dsr": number(row.get("dsr")),
                "trials": count(row.get("trials")),
            }
        )
    words = Words("sharpe-scale", "Scale of the Sharpe ratios", "Annual, after costs.")
    return {
        "controls": [cell for cell in cells if cell["style"] != "diagnostic"],
        "diagnostics": [cell for cell in cells if cell["style"] == "diagnostic"],
        "scale": Markup(scale.header(words, lambda value: f"{value:g}".replace("-", "−"))),
        "level": level,
    }


def all_statistics(document: ReportDocument) -> dict[str, Any]:
    """Every statistic of every row, statistics downwards; keys that the glossary does not know come last."""
    rows = document.judgement["rows"]
    lines: list[tuple[str, list[str]]] = []
    for (label, _), statistic in zip(definitions(document.judgement), STATISTICS, strict=True):
        if statistic.key == "costs":
            kinds = list(dict.fromkeys(kind for row in rows for kind in (row.get("costs") or {})))
            for kind in kinds:
                paid = [(row.get("costs") or {}).get(kind) for row in rows]
                if any(paid):
                    lines.append((f"of which {humanised(kind).lower()}", [percent(part, 2) for part in paid]))
        elif any(statistic.key in row for row in rows):
            lines.append((label, [statistic.write(row.get(statistic.key)) for row in rows]))
    others = list(dict.fromkeys(key for row in rows for key in row if key not in KNOWN))
    lines += [(humanised(key), [significant(row.get(key)) for row in rows]) for key in others]
    return {"heads": [row["label"] for row in rows], "lines": lines}


def remarks(document: ReportDocument) -> list[tuple[str, str, str]]:
    """(name, value, remark) of what the judgement says beyond the rows."""
    judgement = document.judgement
    random, trials = judgement.get("random") or {}, judgement.get("trials") or {}
    record, decay = judgement.get("minimum_track_record") or {}, judgement.get("decay") or {}
    behaviour = judgement.get("behaviour") or {}
    policy: Row = next(iter(judgement["rows"]), {})
    facts = []
    if random:
        by_chance = random.get("sharpe") or {}
        spread = f"{number(by_chance.get('low'))} to {number(by_chance.get('high'))}"
        facts += [
            (
                "Beats random timing",
                percent(random.get("rank"), 0),
                f"p = {significant(random.get('p_value'), 2)}; for the best of all trials "
                f"{significant(random.get('p_trials'), 2)}",
            ),
            (
                "Random timing, Sharpe",
                number(by_chance.get("median")),
                f"5–95 % of {count(random.get('draws'))} draws: {spread}",
            ),
            (
                "Random timing, net return",
                percent((random.get("total_return") or {}).get("median"), plus=True),
                f"5–95 %: {percent((random.get('total_return') or {}).get('low'), plus=True)} to "
                f"{percent((random.get('total_return') or {}).get('high'), plus=True)}",
            ),
        ]
    timing = judgement.get("timing") or {}
    if timing:
        net = percent(timing.get("average_exposure"), 0, plus=True)
        facts.append(
            ("Sharpe ratio of the timing", number(timing.get("sharpe")), f"beyond a mean net exposure of {net}")
        )
    facts += constant_card(behaviour)
    if trials:
        many = f"{count(trials.get('count'))} trial{'' if trials.get('count') == 1 else 's'}"
        facts.append(
            (
                "Expected best of the trials",
                number(trials.get("expected_max_sharpe")),
                f"annual Sharpe ratio without any skill, {many}",
            )
        )
    if record:
        bars, years = record.get("bars"), record.get("years")
        remark = "does not exist at this Sharpe ratio" if bars is None else f"{count(bars)} bars until PSR reaches 0.95"
        facts.append(("Minimum track record", number(None) if years is None else f"{number(years, 1)} years", remark))
    if decay:
        first, second = number(decay.get("first_half_sharpe")), number(decay.get("second_half_sharpe"))
        facts.append(("Sharpe, second half", second, f"first half {first}"))
    if policy.get("break_even_bps") is not None:
        paid = basis_points(policy.get("cost_paid_bps"))
        facts.append(("Break-even cost", basis_points(policy["break_even_bps"]), f"of traded notional; paid {paid}"))
    if behaviour.get("directional_accuracy") is not None:
        chance = percent(behaviour.get("chance_accuracy"))
        facts.append(
            (
                "Directional accuracy",
                percent(behaviour["directional_accuracy"]),
                f"by chance {chance}; {count(behaviour.get('directional_bars'))} bars",
            )
        )
    return facts
