"""The first page of a report: the verdict, the policy beside its controls, every statistic."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from regimen.charts import IntervalScale, Words
from regimen.numerals import basis_points, count, number, percent, significant, span
from regimen.reporting.glossary import STATISTICS, definitions, humanised
from regimen.reporting.report.behaviour import constant_card

if TYPE_CHECKING:
    from regimen.judging import Judgement, Rule
    from regimen.reporting.report.document import ReportDocument

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
    "no evidence": ("neutral", "–"),
    "worse than doing nothing": ("bad", "↓"),
    "too short": ("neutral", "…"),
    "does nothing": ("neutral", "0"),
    "suspicious": ("bad", "!"),
    "not tradable": ("bad", "✕"),
    "weak evidence": ("caution", "≈"),
}
"""Tone and sign of each verdict, the last one of earlier versions; the badge spells the level out beside them."""


def finite(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _asks_number(rule: Rule) -> bool:
    return any(letter.isdigit() for letter in rule.required)


def verdict_text(document: ReportDocument) -> dict[str, Any]:
    verdict, charged = document.judgement.verdict, document.judgement.charged
    tone, sign = _LEVELS.get(verdict.level, ("neutral", "?"))
    rules = [
        {
            "name": humanised(rule.name),
            "passed": rule.passed,
            # a rule that asks for no number ("charged") is told by its sentence alone
            "value": significant(rule.value, 3) if _asks_number(rule) else "",
            "required": rule.required.replace(">=", "≥").replace("<=", "≤").replace("-", "−"),
            "sentence": rule.sentence,
        }
        for rule in verdict.rules
    ]
    return {
        "level": verdict.level.capitalize(),
        "sentence": verdict.sentence,
        "paragraph": verdict.paragraph,
        "tone": tone,
        "sign": sign,
        "rules": rules,
        "charged": "" if charged is None else charged.sentence,
    }


def beside_controls(document: ReportDocument) -> dict[str, Any]:
    """The policy beside its controls: one row each, with interval plots on one scale."""
    rows = document.judgement.rows
    scale = IntervalScale.around([finite(value) for row in rows for value in (*row.sharpe_interval, row.sharpe)])
    level = percent(document.judgement.interval.level, 0)
    cells = []
    for row in rows:
        style = STYLES.get(row.name, "diagnostic")
        sentence = f"{number(row.sharpe)}, {level} interval {span(row.sharpe_interval)}"
        words = Words(f"sharpe-{row.name}", f"Sharpe ratio of {row.label}", sentence)
        low, high = row.sharpe_interval
        cells.append(
            {
                "name": row.name,
                "label": row.label,
                "style": style,
                "total_return": percent(row.total_return, plus=True),
                "sharpe": number(row.sharpe),
                "interval": span(row.sharpe_interval),
                "plot": Markup(scale.row(words, style, (finite(low), finite(high)), finite(row.sharpe))),
                "drawdown": percent(row.max_drawdown),
                "turnover": number(row.turnover, 1),
                "break_even": basis_points(row.break_even_bps),
                "psr": number(row.psr),
                "dsr": number(row.dsr),
                "trials": count(row.trials),
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
    """Every statistic of every row, statistics downwards."""
    rows = document.judgement.rows
    lines: list[tuple[str, list[str]]] = []
    for (label, _), statistic in zip(definitions(document.judgement), STATISTICS, strict=True):
        if statistic.key == "costs":
            kinds = list(dict.fromkeys(kind for row in rows for kind in row.costs))
            for kind in kinds:
                paid = [row.costs.get(kind) for row in rows]
                if any(finite(part) for part in paid):
                    lines.append((f"of which {humanised(kind).lower()}", [percent(part, 2) for part in paid]))
        else:
            lines.append((label, [statistic.write(getattr(row, statistic.key)) for row in rows]))
    return {"heads": [row.label for row in rows], "lines": lines}


def remarks(document: ReportDocument) -> list[tuple[str, str, str]]:
    """(name, value, remark) of what the judgement says beyond the rows."""
    judgement = document.judgement
    random, trials, timing, behaviour = judgement.random, judgement.trials, judgement.timing, judgement.behaviour
    facts = [
        (
            "Beats random timing",
            percent(random.rank, 0),
            f"p = {significant(random.p_value, 2)}; for the best of all trials {significant(random.p_trials, 2)}",
        ),
        (
            "Random timing, Sharpe",
            number(random.sharpe.median),
            f"5–95 % of {count(random.count)} draws: {number(random.sharpe.low)} to {number(random.sharpe.high)}",
        ),
        (
            "Random timing, net return",
            percent(random.total_return.median, plus=True),
            f"5–95 %: {percent(random.total_return.low, plus=True)} to {percent(random.total_return.high, plus=True)}",
        ),
    ]
    if timing is not None:
        net = percent(timing.average_exposure, 0, plus=True)
        facts.append(("Sharpe ratio of the timing", number(timing.sharpe), f"beyond a mean net exposure of {net}"))
    facts += constant_card(judgement)
    many = f"{count(trials.count)} trial{'' if trials.count == 1 else 's'}"
    best = number(trials.expected_max_sharpe)
    facts.append(("Expected best of the trials", best, f"annual Sharpe ratio without any skill, {many}"))
    facts.append(_track_record(judgement))
    first, second = number(judgement.decay.first_half_sharpe), number(judgement.decay.second_half_sharpe)
    facts.append(("Sharpe, second half", second, f"first half {first}"))
    policy = judgement.policy
    if math.isfinite(policy.break_even_bps):
        paid = basis_points(policy.cost_paid_bps)
        facts.append(("Break-even cost", basis_points(policy.break_even_bps), f"of traded notional; paid {paid}"))
    if math.isfinite(behaviour.directional_accuracy):
        chance = percent(behaviour.chance_accuracy)
        remark = f"by chance {chance}; {count(behaviour.directional_bars)} bars"
        facts.append(("Directional accuracy", percent(behaviour.directional_accuracy), remark))
    return facts


def _track_record(judgement: Judgement) -> tuple[str, str, str]:
    record = judgement.minimum_track_record
    if not math.isfinite(record.bars):
        return "Minimum track record", number(None), "does not exist at this Sharpe ratio"
    return (
        "Minimum track record",
        f"{number(record.years, 1)} years",
        f"{count(record.bars)} bars until PSR reaches 0.95",
    )
