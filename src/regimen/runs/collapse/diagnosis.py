"""From numbers to one cause: a pure function of what was measured."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from regimen.numerals import count, number, percent, significant
from regimen.records import plain
from regimen.reprs import short
from regimen.runs.collapse.forecasts import ForecastWorth, best_of

Cause = Literal["acts", "costs", "no edge", "features", "rewards", "exploration", "learning", "unknown"]
CAUSES: dict[Cause, str] = {
    "acts": "it does not hold: its actions answer to what it sees",
    "costs": "holding is right: what can be foretold does not pay for its costs",
    "no edge": "holding is right: nothing that was tried foretells these returns",
    "features": "its columns hide what the bars show",
    "rewards": "its rewards are too small to be heard",
    "exploration": "it stopped trying other actions before it could learn",
    "learning": "its columns earn after costs, and it has not learned to use them",
    "unknown": "the rows are too few to say what is foretold",
}
"""What can be the matter, and in plain words."""

ONE_ACTION = 0.95
"""Share of one action from which a policy holds."""
SILENT = 0.02
"""Nats of I(S;A) below which its actions do not answer to what it sees."""
SMALL = 0.05
"""Mean size of the exposure below which it holds nothing worth the name."""
NARROW = 0.05
"""Share of the choices that are tried, below which there is no exploration."""
QUIET = 0.1
"""Deviation of a discounted return, in the unit of what it is weighed against, below which it is not heard."""


@dataclass(frozen=True)
class Symptoms:
    """What was measured of a run; None: nothing to measure there, or not measured.

    Attributes:
        share: of its commonest action, on the test spans.
        exposure: what that action is.
        size: mean size of the exposure.
        action_entropy, conditional_entropy: H(A) and H(A|S), nats.
        information: I(S;A), nats.
        constant, constant_growth: the best constant exposure with hindsight, and its annual log growth.
        advantage, advantage_error: of the policy over it, annual log growth.
        judged, drawn: annual log growth of deterministic and drawn actions.
        cost: of one trade, a fraction of what is traded.
        own: forecasts from the run's columns, by horizon.
        plain: forecasts from what the bars themselves show.
        tried_first, tried_last: share of the choices that were tried in the first tenth of learning, and at the end.
        reward: deviation of a reward under random actions.
        discounted: the same of a discounted return.
        unit: what a return is weighed against: the price of a nat of entropy, or the critic's smallest unit.
        gradient_first, gradient_last: norm of the gradient, mean over the first and the last tenth of learning.
        twin: share of the best growth that the same agent reached where tomorrow's return is shown.
    """

    share: float
    exposure: float
    size: float
    cost: float
    own: tuple[ForecastWorth, ...]
    plain: tuple[ForecastWorth, ...]
    action_entropy: float | None = None
    conditional_entropy: float | None = None
    information: float | None = None
    constant: float | None = None
    constant_growth: float | None = None
    advantage: float | None = None
    advantage_error: float | None = None
    judged: float | None = None
    drawn: float | None = None
    tried_first: float | None = None
    tried_last: float | None = None
    reward: float | None = None
    discounted: float | None = None
    unit: float | None = None
    gradient_first: float | None = None
    gradient_last: float | None = None
    twin: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the policy does one thing, or does what it does whatever it sees."""
        is_silent = self.information is not None and self.information < SILENT
        return self.share >= ONE_ACTION or self.size < SMALL or is_silent

    @property
    def is_quiet(self) -> bool:
        """Whether returns are too small for what they are weighed against."""
        return self.discounted is not None and self.unit is not None and self.discounted < QUIET * self.unit

    @property
    def explores(self) -> bool:
        """Whether other actions were tried while it could learn from them."""
        return self.tried_first is None or self.tried_first >= NARROW


@dataclass(frozen=True)
class Collapse:
    """Why a policy holds, named, with the evidence.

    Attributes:
        cause: one of `CAUSES`.
        holds: whether it does.
        right: whether holding is right: no policy that sees these columns is known to earn more.
        sentence: the verdict, for people.
        notes: what else to know.
        evidence: what was measured.
    """

    cause: Cause
    holds: bool
    right: bool
    sentence: str
    evidence: Symptoms
    notes: tuple[str, ...] = field(default=())

    def __repr__(self) -> str:
        return short(self, self.sentence)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what is undefined is null."""
        values: dict[str, Any] = plain(asdict(self))
        return values


def diagnosed(evidence: Symptoms, notes: tuple[str, ...] = ()) -> Collapse:
    """Names the cause. The market is asked first, then the columns, then what learning was given, then learning itself.

    A policy whose columns earn nothing after costs is not blamed for holding, however it was trained.
    """
    cause = _cause(evidence)
    holds = evidence.holds
    sentence = f"{_conduct(evidence)}: {CAUSES[cause]}. {_because(cause, evidence)}".strip()
    return Collapse(cause, holds, holds and cause in ("costs", "no edge"), sentence, evidence, notes)


def _cause(evidence: Symptoms) -> Cause:
    if not evidence.holds:
        return "acts"
    if not evidence.own and not evidence.plain:
        return "unknown"
    if any(each.earns for each in evidence.own):
        if evidence.is_quiet:
            return "rewards"
        return "learning" if evidence.explores else "exploration"
    if any(each.earns for each in evidence.plain):
        return "features"
    return "costs" if any(each.foretells for each in (*evidence.own, *evidence.plain)) else "no edge"


def _conduct(evidence: Symptoms) -> str:
    if not evidence.holds:
        return f"It trades, {percent(evidence.share, 0)} of the time its commonest exposure"
    exposure = percent(evidence.exposure, 0, plus=True)
    if evidence.size < SMALL:
        return f"It holds next to nothing, {percent(evidence.size)} of its equity on average"
    if evidence.share >= ONE_ACTION:
        return f"It is at {exposure} for {percent(evidence.share, 0)} of the time"
    nats = number(evidence.information, 3)
    return f"Its actions do not answer to what it sees (I(S;A) {nats} nats)"


def _because(cause: Cause, evidence: Symptoms) -> str:
    own, shown = best_of(evidence.own), best_of(evidence.plain)
    if cause in ("costs", "no edge"):
        best = best_of([*evidence.own, *evidence.plain])
        return "" if best is None else f"{_of(best)}, and a trade costs {_bp(evidence.cost)}."
    if cause == "features" and shown is not None:
        return f"What the bars show: {_of(shown, False)}; its own columns earn nothing after costs."
    if own is None:
        return ""
    earns = f"What a plain regression earns: {_of(own, False)}"
    if cause == "rewards":
        size, unit = significant(evidence.discounted, 2), significant(evidence.unit, 2)
        return f"{earns}; but a return's deviation is {size}, weighed against {unit}."
    if cause == "exploration":
        return f"{earns}; but in the first tenth of learning {percent(evidence.tried_first)} of the choices were tried."
    return f"{earns}." if cause == "learning" else ""


def _of(best: ForecastWorth, breaking: bool = True) -> str:
    net = f"{_bp(best.net)} ± {_bp(best.net_error)} a bar after costs"
    line = f"the best rule, {count(best.horizon)} bars ahead, earns {net}"
    line += f" and breaks even at {_bp(best.break_even)} a trade"
    return line[0].upper() + line[1:] if breaking else line


def _bp(value: float) -> str:
    return f"{significant(1e4 * value, 2)} bp"
