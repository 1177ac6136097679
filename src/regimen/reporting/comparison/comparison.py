"""Several runs on the same bars, side by side: what is compared, and how each number is written."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimen import metrics
from regimen.judging import plain
from regimen.numerals import UNKNOWN, count, number, percent

Series = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Contender:
    """One run in a comparison; Sharpe ratios are annual, everything is after costs and out of sample.

    Attributes:
        label: its name in the comparison: the model, and what tells it from another run of the same.
        model, run: kind and id.
        seeds: Sharpe ratio by seed, the judged one first.
        sharpe, sharpe_interval: of the judged seed; 95 % of resampled returns: the luck of the market.
        iqm, iqm_interval: over the seeds; 95 % of resampled seeds: the luck of the training.
        total_return, max_drawdown, turnover: of the judged seed; turnover is annual.
        dsr: Deflated Sharpe Ratio of the judged seed, by all trials that are recorded now.
        dsr_then: by those of the day it was judged.
        verdict, verdict_then: likewise.
        better_than_hold, better_than_first: probability that a seed's Sharpe ratio is above that of buy and hold, and
            of a seed of the first run of the comparison; NaN with one seed.
        parameters, trainable, seconds: of the model, and the median wall time of its fits; NaN where not recorded.
        time, equity: the judged seed's curve, multiples of the starting equity; time in nanoseconds since 1970.
    """

    label: str
    model: str
    run: str
    seeds: Mapping[int, float]
    sharpe: float
    sharpe_interval: tuple[float, float]
    iqm: float
    iqm_interval: tuple[float, float]
    total_return: float
    max_drawdown: float
    turnover: float
    dsr: float
    dsr_then: float
    verdict: str
    verdict_then: str
    better_than_hold: float
    better_than_first: float
    parameters: float
    trainable: float
    seconds: float
    time: Series = field(repr=False)
    equity: Series = field(repr=False)

    @property
    def worst(self) -> float:
        """The lowest Sharpe ratio of a seed."""
        return min(self.seeds.values())

    @property
    def best(self) -> float:
        """The highest Sharpe ratio of a seed."""
        return max(self.seeds.values())


@dataclass(frozen=True, eq=False)
class Reference:
    """Buying and holding the same bars at the same costs."""

    sharpe: float
    sharpe_interval: tuple[float, float]
    total_return: float
    max_drawdown: float
    turnover: float
    time: Series = field(repr=False)
    equity: Series = field(repr=False)
    label: str = "Buy and hold"


@dataclass(frozen=True, eq=False)
class Comparison:
    """Runs on the same bars, in the order they were given.

    Attributes:
        contenders: the runs.
        reference: buy and hold.
        trials: how many trials every DSR here is deflated by.
        facts: (name, value) of what they have in common: data, span, bars, costs.
        differences: why they should not be compared; empty unless it was forced.
    """

    contenders: Sequence[Contender]
    reference: Reference
    trials: int
    facts: Sequence[tuple[str, str]]
    differences: Sequence[str] = ()

    @property
    def sentence(self) -> str:
        """What the comparison says, in words."""
        many, winners = len(self.contenders), [one for one in self.contenders if one.verdict == "evidence"]
        after = f"after costs and {count(self.trials)} trial{'' if self.trials == 1 else 's'}"
        if many == 1:
            text = f"{self.contenders[0].label}: {'' if winners else 'no '}evidence of an edge {after}"
        elif winners:
            verb, names = "is" if len(winners) == 1 else "are", ", ".join(one.label for one in winners)
            text = f"{len(winners)} of {many} {verb} evidence of an edge {after}: {names}"
        else:
            text = f"None of the {many} is evidence of an edge {after}"
        known = [one for one in self.contenders if math.isfinite(one.iqm)]
        if not known:
            return f"{text}."
        best = max(known, key=lambda one: one.iqm)
        holding = f"buying and holding has {number(self.reference.sharpe)}"
        return f"{text}. The highest Sharpe ratio over seeds is {number(best.iqm)} ({best.label}); {holding}."

    @property
    def stale(self) -> str:
        """Which runs' own DSRs were of fewer trials than are recorded now, in words; empty where none was."""
        changed = [one for one in self.contenders if one.dsr_then - one.dsr > 0.005]
        if not changed:
            return ""
        each = ", ".join(f"{number(one.dsr_then)} of {one.label} (now {number(one.dsr)})" for one in changed)
        return f"Stale are the DSRs that runs were judged by on their day: {each}."

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for JSON, without the curves; what is not known is None."""
        drawn = ("time", "equity")
        runs = [
            {
                **{key: value for key, value in vars(one).items() if key not in drawn},
                "worst": one.worst,
                "best": one.best,
            }
            for one in self.contenders
        ]
        values = plain(
            {
                "sentence": self.sentence,
                "runs": runs,
                "buy_and_hold": {key: value for key, value in vars(self.reference).items() if key not in drawn},
                "trials": self.trials,
                "facts": dict(self.facts),
                "differences": list(self.differences),
            }
        )
        assert isinstance(values, dict)
        return values


def spread(seeds: Mapping[int, float]) -> tuple[float, tuple[float, float]]:
    """Returns the interquartile mean over seeds and its 95 % interval; with one seed there is no interval."""
    values = np.array(list(seeds.values()), dtype=np.float64)
    interval = metrics.iqm_interval(values)
    return interval.estimate, (interval.low, interval.high)


def improvement(seeds: Mapping[int, float], others: Sequence[float]) -> float:
    """Returns the probability that a seed's Sharpe ratio is above another's; NaN with one seed, which knows of no luck.

    Args:
        seeds: Sharpe ratio by seed.
        others: those of the other run, or the one of buy and hold, which has no seeds.
    """
    if len(seeds) < 2:
        return math.nan
    return metrics.probability_of_improvement(np.array(list(seeds.values())), np.array(others))


def table(comparison: Comparison) -> list[dict[str, str]]:
    """Returns one row of written cells for each run, by column; the last row is buy and hold."""
    rows = []
    for one in comparison.contenders:
        rows.append(
            {
                "model": one.label,
                "run": one.run,
                "seeds": count(len(one.seeds)),
                "parameters": count(one.parameters),
                "s/fit": seconds(one.seconds),
                "Sharpe [95 %]": with_interval(one.sharpe, one.sharpe_interval),
                "IQM [95 %]": with_interval(one.iqm, one.iqm_interval),
                "worst": number(one.worst),
                "best": number(one.best),
                "net return": percent(one.total_return, plus=True),
                "drawdown": percent(one.max_drawdown),
                "turnover/yr": number(one.turnover, 1),
                "DSR": number(one.dsr),
                "P > hold": number(one.better_than_hold),
                "P > first": number(one.better_than_first),
                "verdict": one.verdict,
            }
        )
    reference = comparison.reference
    blank = dict.fromkeys(rows[0], UNKNOWN)
    rows.append(
        blank
        | {
            "model": reference.label,
            "Sharpe [95 %]": with_interval(reference.sharpe, reference.sharpe_interval),
            "net return": percent(reference.total_return, plus=True),
            "drawdown": percent(reference.max_drawdown),
            "turnover/yr": number(reference.turnover, 1),
        }
    )
    return rows


TEXT = ("model", "run", "verdict")
"""Columns of words; all others are numbers."""


def markdown(comparison: Comparison) -> str:
    """Returns the table as Markdown, with the sentence above and what they have in common below."""
    rows = table(comparison)
    lines = [comparison.sentence, ""]
    lines += [f"**Not comparable:** {difference}." for difference in comparison.differences]
    lines += [""] if comparison.differences else []
    lines.append(f"| {' | '.join(rows[0])} |")
    lines.append(f"|{'|'.join('---' if column in TEXT else '--:' for column in rows[0])}|")
    lines += [f"| {' | '.join(row.values())} |" for row in rows]
    common = "; ".join(f"{name.lower()} {value}" for name, value in comparison.facts)
    return "\n".join([*lines, "", f"{common}; DSR over {count(comparison.trials)} trials."])


def seconds(value: float) -> str:
    """Writes a wall time: one decimal below ten seconds, whole seconds above."""
    return number(value, 1 if value < 10.0 else 0)


def with_interval(value: float, ends: tuple[float, float]) -> str:
    """Writes a number with its interval: ``0.32 [−0.10, 0.71]``; without one where the ends are unknown."""
    known = all(math.isfinite(end) for end in ends)
    return number(value) + (f" [{number(ends[0])}, {number(ends[1])}]" if known else "")
