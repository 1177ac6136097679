"""The paragraph of a verdict: the statistic that decided, the trials that were counted, and what would settle it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from regimen.judging.verdicts.evidence import (
    CONFIDENCE,
    DEFLATED,
    INTERVAL,
    PROFIT,
    SHORTEST,
    SHORTEST_DAYS,
    TIMING,
    WORSE,
    Evidence,
)
from regimen.judging.verdicts.settling import bars_needed, most_trials

if TYPE_CHECKING:
    from regimen.judging.verdicts.verdict import Rule

_FOREVER = 1000.0
"""Years from which nobody waits."""
_NOT_WEIGHED: Mapping[str, str] = {
    "not tradable": "an account that is wiped out is not brought back by more bars or by fewer trials.",
    "does nothing": "there is no timing in it, and neither more bars nor fewer trials would put any there.",
    "suspicious": (
        "what is better than markets allow is an error until its cause is known, and neither more bars nor fewer "
        "trials would make it one or the other. Look for a leak or for wrong prices."
    ),
}
_UNMASKED = (
    "where there is nothing to find the same looks good as well, and neither more bars nor fewer trials would tell one "
    "from the other. Look for what both have in common."
)


def many(count: float, what: str) -> str:
    """Returns a number of things, e.g. ``1 trial`` or ``1,250 bars``."""
    return f"{count:,.0f} {what}{'' if count == 1 else 's'}"


def decided_by(conditions: tuple[Rule, ...]) -> Rule | None:
    """Returns the failed rule that decided: the loss, the deflation, the random timing, or the first of the others."""
    failed = {rule.name: rule for rule in conditions if not rule.passed}
    first = [failed[name] for name in (PROFIT, DEFLATED, TIMING) if name in failed]
    return next(iter((*first, *failed.values())), None)


def paragraph(evidence: Evidence, level: str, conditions: tuple[Rule, ...]) -> str:
    """Returns it in plain English, of a level that `regimen.judging.decide` gave by these rules."""
    e = evidence
    counted = f"{many(e.trials, 'trial')} {'was' if e.trials == 1 else 'were'} counted on this market."
    if level == "suspicious" and e.unmasked:
        return f"Nothing was weighed: {_UNMASKED} {counted}"
    if level in _NOT_WEIGHED:
        return f"Nothing was weighed: {_NOT_WEIGHED[level]} {counted}"
    if level == "too short":
        return f"Nothing was weighed: {_to_be_judged(e)} {counted}"
    if level == "worse than doing nothing":
        return (
            f"What decided is the PSR, the probability that its true Sharpe ratio is above 0: {e.psr:.2g} (at most "
            f"{WORSE:.2f} is required), so bad luck alone hardly made this loss. {counted} That does not soften it: "
            "choosing among trials makes a result look better, not worse. More bars at the same result per bar would "
            "only make it surer."
        )
    rule = decided_by(conditions)
    return f"{_spare(e)} {counted} {_up_to(e)}".rstrip() if rule is None else _short_of(e, rule, conditions, counted)


def _to_be_judged(e: Evidence) -> str:
    lacking = []
    if e.bars < SHORTEST:
        lacking.append(many(SHORTEST - e.bars, "bar"))
    if e.days < SHORTEST_DAYS:
        lacking.append(many(math.ceil(SHORTEST_DAYS - e.days), "day"))
    return f"with {' and '.join(lacking)} more it can be."


def _spare(e: Evidence) -> str:
    """Which rule was nearest to failing, and how many of the bars would have done."""
    needed = bars_needed(e)
    nearest = max((name for name in needed if math.isfinite(needed[name])), key=lambda name: needed[name])
    bars = math.ceil(needed[nearest])
    text = f"Every rule is passed; the one that had the least to spare is the {_statistic(e, nearest)}."
    if 0 < bars < e.bars:
        text += f" At the same result per bar {many(bars, 'bar')} of the {e.bars:,} would have been enough."
    return text


def _up_to(e: Evidence) -> str:
    if e.timing is None:
        return ""
    most = most_trials(e)
    if most <= e.trials:
        return "One trial more and it would not be enough."
    return f"On these bars it would still be evidence after {many(most, 'trial')}."


def _statistic(e: Evidence, name: str) -> str:
    values = {
        DEFLATED: f"Deflated Sharpe Ratio of its timing ({e.dsr:.4g}, at least {CONFIDENCE:.2f} is required)",
        TIMING: f"random timing (by chance the best of all trials does as well in {100.0 * e.p_trials:.2g} %)",
        INTERVAL: f"95 % interval of its Sharpe ratio (from {e.sharpe_low:.2f} on, above 0 is required)",
    }
    return values.get(name, name)


def _in_words(required: str) -> str:
    return required.replace(">=", "at least").replace("<=", "at most").replace(">", "more than")


def _short_of(e: Evidence, rule: Rule, conditions: tuple[Rule, ...], counted: str) -> str:
    others = sum(not each.passed for each in conditions) - 1
    text = f"What decided is the {rule.name}: {rule.sentence[0].lower()}{rule.sentence[1:-1]}"
    text += f" ({_in_words(rule.required)} is required)." if any(map(str.isdigit, rule.required)) else "."
    if others:
        text += f" {many(others, 'further rule')} {'is' if others == 1 else 'are'} not passed either."
    passed = {each.name for each in conditions if each.passed}
    if {PROFIT, TIMING} <= passed and e.psr >= CONFIDENCE:
        text += f" It is a profit that chance hardly makes in one trial (PSR {e.psr:.3g}), so it is worth settling."
    if e.timing is None:
        return f"{text} {counted}"
    return f"{text} {counted} {_more_bars(e, conditions)} {_fewer_trials(e, conditions)}".rstrip()


def _more_bars(e: Evidence, conditions: tuple[Rule, ...]) -> str:
    needed, failed = bars_needed(e), [rule for rule in conditions if not rule.passed]
    bars = max(needed.get(rule.name, math.inf) for rule in failed)
    if math.isfinite(bars):
        more = max(1, math.ceil(bars) - e.bars)
        years = more / e.bars_a_year if e.bars_a_year > 0 else math.nan
        if years > _FOREVER:
            return f"At the same result per bar it would take more than {_FOREVER:,.0f} years of bars to settle it."
        length = "" if math.isnan(years) else f" ({years:.1f} years)"
        return f"At the same result per bar {many(more, 'more bar')}{length} would settle it."
    endless = next(rule for rule in failed if not math.isfinite(needed.get(rule.name, math.inf)))
    return f"More bars at the same result per bar would never settle it: {_why(e, endless)}."


def _why(e: Evidence, rule: Rule) -> str:
    if rule.name == PROFIT or (rule.name == INTERVAL and e.sharpe <= 0):
        return "it does not earn anything"
    if rule.name == DEFLATED and e.timing and e.timing.sharpe_per_bar > 0:
        return f"its timing is not better than the luck of the best of {many(e.trials, 'trial')}"
    if rule.name in (DEFLATED, TIMING):
        return "its timing earns nothing beyond what it holds on average"
    return "no number of bars passes that rule"


def _fewer_trials(e: Evidence, conditions: tuple[Rule, ...]) -> str:
    if e.trials == 1:
        return ""
    if any(not rule.passed for rule in conditions if rule.name not in (DEFLATED, TIMING)):
        return "Nor is it a matter of the number of trials."
    most = most_trials(e)
    if most == 0:
        return "Nor would fewer trials: it would not be evidence as the only one either."
    return f"On these bars it would be evidence as the best of {many(most, 'trial')} at most."
