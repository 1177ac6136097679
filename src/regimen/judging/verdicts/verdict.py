"""The verdict: a pure function from numbers to a level, one sentence, the rules behind it and the alarms."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from regimen.judging.verdicts.alarms import TOO_GOOD, Alarm, alarms
from regimen.judging.verdicts.evidence import (
    CONFIDENCE,
    CONSTANT,
    DEFLATED,
    FEWEST_POSITIONS,
    INTERVAL,
    LUCK,
    POSITIONS,
    PROFIT,
    SHORTEST,
    SHORTEST_DAYS,
    TIMING,
    TOO_GOOD_SHARPE,
    WORSE,
    Evidence,
    percent,
    too_accurate,
)
from regimen.judging.verdicts.paragraph import decided_by, many, paragraph
from regimen.reprs import short

Level = Literal[
    "not tradable", "too short", "does nothing", "suspicious", "evidence", "no evidence", "worse than doing nothing"
]


@dataclass(frozen=True)
class Rule:
    """One condition for evidence: what was required, what was found, and a sentence for people."""

    name: str
    passed: bool
    value: float
    required: str
    sentence: str


@dataclass(frozen=True)
class Verdict:
    """A level, one plain sentence, and the rules with their values.

    Attributes:
        level: see `decide`.
        sentence: for people.
        paragraph: what decided, how many trials were counted, and how many more bars or how few trials would settle it;
            empty in a judgement of an earlier version.
        rules: the conditions of "evidence", passed and failed.
        alarms: in the order of their weight.
    """

    level: Level
    sentence: str
    rules: tuple[Rule, ...]
    alarms: tuple[Alarm, ...]
    paragraph: str = ""

    def __repr__(self) -> str:
        return short(self, f"{self.level!r}, {self.sentence!r}")

    def __str__(self) -> str:
        return self.sentence


def _below(value: float, bound: float) -> str:
    # 0.9496 must not read as 0.95 beside a required 0.95.
    if math.isnan(value):
        return "undefined"
    digits = 2
    while digits < 6 and value < bound and round(value, digits) >= bound:
        digits += 1
    return f"{value:.{digits}f}"


def rules(evidence: Evidence) -> tuple[Rule, ...]:
    """Returns the conditions for evidence, most telling first. NaN never passes."""
    e = evidence
    timing = f"{percent(e.p_random)} of random timings of the same positions do as well{_after(e)}."
    seeds: tuple[Rule, ...] = ()
    if e.seeds is not None and e.seeds.n > 1:
        sharpe = e.seeds.sharpe
        text = f"Over {e.seeds.n} seeds the annual Sharpe ratio is {sharpe.worst:.2f} to {sharpe.best:.2f}."
        seeds = (Rule("seeds", sharpe.worst > 0 and sharpe.low > 0, sharpe.worst, "> 0", text),)
    interval = f"The 95 % interval of the annual Sharpe ratio is {e.sharpe_low:.2f} to {e.sharpe_high:.2f}."
    return (
        Rule(
            PROFIT,
            e.total_return > 0,
            e.total_return,
            "> 0",
            f"{'Without' if e.zero_cost else 'After'} costs the policy {_earned(e.total_return)}.",
        ),
        Rule(
            DEFLATED,
            e.dsr >= CONFIDENCE,
            e.dsr,
            f">= {CONFIDENCE:.2f}",
            f"The Deflated Sharpe Ratio of its timing over {many(e.trials, 'trial')} is {_below(e.dsr, CONFIDENCE)}.",
        ),
        Rule(
            INTERVAL,
            e.sharpe_low > 0,
            e.sharpe_low,
            "> 0",
            "The Sharpe ratio is undefined: the equity never moved." if math.isnan(e.sharpe_low) else interval,
        ),
        Rule(
            TIMING,
            e.p_trials <= LUCK,
            e.p_trials,
            f"<= {LUCK:.2f}",
            "There is no timing to compare with random timing." if math.isnan(e.p_random) else timing,
        ),
        Rule(
            POSITIONS,
            e.positions >= FEWEST_POSITIONS,
            e.positions,
            f">= {FEWEST_POSITIONS}",
            f"{e.positions:,} position was taken." if e.positions == 1 else f"{e.positions:,} positions were taken.",
        ),
        Rule(
            "costs",
            not e.zero_cost,
            float(not e.zero_cost),
            "charged",
            "No costs were charged." if e.zero_cost else "Costs were charged.",
        ),
        *seeds,
    )


def _after(e: Evidence) -> str:
    return "" if e.trials == 1 else f" ({percent(e.p_trials)} for the best of {many(e.trials, 'trial')})"


def _earned(total_return: float) -> str:
    if total_return > 0:
        return f"earned {percent(total_return)}"
    return f"lost {percent(-total_return)}" if total_return < 0 else "earned nothing"


def _beside_holding(e: Evidence) -> str:
    if not math.isfinite(e.buy_and_hold_return):
        return ""
    if e.buy_and_hold_return > 0:
        return f"; buying and holding earned {'more' if e.buy_and_hold_return > e.total_return else 'less'}"
    return f"; buying and holding lost {'less' if e.buy_and_hold_return > e.total_return else 'money'}"


def _level(e: Evidence, conditions: tuple[Rule, ...]) -> Level:
    if e.ruined:
        return "not tradable"
    if e.bars < SHORTEST or e.days < SHORTEST_DAYS:
        return "too short"
    if e.trades == 0 or (e.modal_share >= CONSTANT and e.changes < FEWEST_POSITIONS):
        return "does nothing"
    if e.sharpe > TOO_GOOD_SHARPE or too_accurate(e):
        return "suspicious"
    level = weighed({rule.name: rule.passed for rule in conditions}, e.psr)
    return "suspicious" if level == "evidence" and e.unmasked else level


def weighed(passed: Mapping[str, bool], psr: float) -> Level:
    """Returns the level of a result that is long enough, does something and can be believed.

    Args:
        passed: by name of the rule, all that `rules` gives.
        psr: of the whole returns, without deflation; NaN never passes.
    """
    if all(passed.values()):
        return "evidence"
    return "worse than doing nothing" if psr <= WORSE else "no evidence"


def _clause(rule: Rule) -> str:
    return rule.sentence[0].lower() + rule.sentence[1:-1]


def _judged(e: Evidence, level: Level, reason: Rule | None) -> str:
    # The levels that weigh the evidence: what was found, and why it falls short.
    if level == "worse than doing nothing":
        lost = f"{'' if e.zero_cost else 'after costs '}the policy {_earned(e.total_return)}"
        return (
            f"Worse than doing nothing: {lost}, and its true Sharpe ratio is above 0 with a probability of {e.psr:.2g}"
        )
    after = "after " if e.zero_cost else "after costs and "
    sentence = (
        f"{after}{many(e.trials, 'trial')} the Deflated Sharpe Ratio of its timing is {_below(e.dsr, CONFIDENCE)}"
    )
    head = f"{level.capitalize()} of an edge: "
    if reason is None:
        timing = f"only {percent(e.p_random)} of random timings of the same positions do as well{_after(e)}"
        return f"{head}{sentence}, and {timing}"
    if reason.name == PROFIT:
        return f"{head}{'' if e.zero_cost else 'after costs '}the policy {_earned(e.total_return)}"
    if reason.name == DEFLATED:
        return f"{head}{sentence} ({CONFIDENCE:.2f} is required)"
    return f"{head}{sentence}, but {_clause(reason)}"


def _sentence(e: Evidence, level: Level, conditions: tuple[Rule, ...], warnings: tuple[Alarm, ...]) -> str:
    if level == "not tradable":
        return f"Not tradable: the account was wiped out{e.when_ruined}."
    if level == "too short":
        few = f"{e.bars:,} bar{'' if e.bars == 1 else 's'}"
        if e.bars < SHORTEST:
            return f"Too short to judge: {few}, and no verdict is given below {SHORTEST}."
        length = f"{few} in {math.floor(e.days * 10) / 10:g} days"
        return f"Too short to judge: {length}, and no verdict is given below {SHORTEST_DAYS} days."
    if level == "does nothing":
        if e.trades == 0:
            return f"The policy does nothing: it never traded in {e.bars:,} bars."
        stuck = f"its exposure is {e.modal_exposure:+.2f} in {percent(e.modal_share)} of the time"
        return f"The policy does nothing: {stuck}, so there is no timing to judge."
    if level == "suspicious":
        named = next(alarm for alarm in warnings if alarm.name in TOO_GOOD)
        return "Too good to be believed: " + named.sentence[0].lower() + named.sentence[1:]
    return _judged(e, level, decided_by(conditions)) + _beside_holding(e) + "."


def decide(evidence: Evidence) -> Verdict:
    """Decides; the first level that applies, in this order.

    - **not tradable**: the account was ruined.
    - **too short**: fewer than 100 bars, or less than 14 days.
    - **does nothing**: never traded, or one exposure in at least 99 % of the time with fewer than ten changes
      per symbol.
    - **suspicious**: annual net Sharpe ratio above 3, or directional accuracy above 60 % and three standard
      errors above what the same share of longs gets by chance; or all that "evidence" asks for, and a control
      experiment that looks good as well.
    - **evidence**: a profit after costs; DSR of the timing >= 0.95; the 95 % interval of the Sharpe ratio above 0; with
      a probability of at most 5 % the best of all trials owes its timing to chance; at least ten positions; costs were
      charged; and, where several seeds were trained, none with a Sharpe ratio below 0 and the interval of their IQM
      above it.
    - **worse than doing nothing**: PSR <= 0.05: that the true Sharpe ratio after costs is above 0 is rejected by the
      one-sided 5 % test. The trials do not count against a loss.
    - **no evidence**: everything else.

    Among the last three a better number never gives a lower level; nor do fewer trials, nor more bars at the same
    positive Sharpe ratio.
    """
    conditions, warnings = rules(evidence), alarms(evidence)
    level = _level(evidence, conditions)
    sentence = _sentence(evidence, level, conditions, warnings)
    if evidence.zero_cost and level not in ("not tradable", "too short"):
        sentence = "Without costs: " + sentence[0].lower() + sentence[1:]
    return Verdict(level, sentence, conditions, warnings, paragraph(evidence, level, conditions))
