"""What each method of a config is worth: scores of every arm, paired with those of the arm without it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from regimen import metrics
from regimen.errors import ConfigError
from regimen.judging import plain
from regimen.metrics import Interval, PairedDifference
from regimen.numerals import count
from regimen.reporting.ablation.worth import CHANCE, Column, Worth
from regimen.reprs import short

if TYPE_CHECKING:
    import pandas as pd

Scores = NDArray[np.float64]
Kind = Literal["base", "alone", "all", "without"]

ERROR = 0.05
"""Chance that any of the methods of an ablation is said to help or to harm by a measure, where none does either."""
TRADED = "sharpe"
_FEWEST = 2
"""Seeds, and windows, without which nothing is said of a method."""


@dataclass(frozen=True, eq=False)
class Arm:
    """One run of an ablation: some of the methods, and its scores.

    Attributes:
        kind: ``base`` has none of the methods, ``all`` each, ``alone`` one, ``without`` all but one.
        method: that one; empty for ``base`` and ``all``.
        run: id of the run.
        scores: by measure (seed, window); one window where a measure knows none. NaN: not known there.
    """

    kind: Kind
    method: str
    run: str
    scores: Mapping[str, Scores]

    @property
    def label(self) -> str:
        """What the table calls it."""
        return {"alone": self.method, "without": f"all but {self.method}"}.get(self.kind, self.kind)


@dataclass(frozen=True, eq=False)
class Ablation:
    """Each method of a config, out and alone.

    Attributes:
        name: of the config.
        arms: ``base`` first, then each method alone, all, and all but each.
        columns: the measures, in the order of the table.
        by: name of the measure that decides what a method is worth.
        seeds, windows: how many.
        trials: recorded on this series, these runs included.
        facts: (name, value) of what the runs have in common.
        notes: what a reader must know besides.
    """

    name: str
    arms: Sequence[Arm]
    columns: Sequence[Column]
    by: str
    seeds: int
    windows: int
    trials: int
    facts: Sequence[tuple[str, str]] = ()
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.by not in {column.name for column in self.columns}:
            known = ", ".join(column.name for column in self.columns)
            raise ConfigError("by", f"must be a measure of these runs: {known}", self.by)

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods, in the order of the config."""
        return tuple(arm.method for arm in self.arms if arm.kind == "alone")

    @property
    def comparisons(self) -> int:
        """How many differences are looked at by each measure."""
        return len(self.methods) * (2 if self.has_all else 1)

    @property
    def has_all(self) -> bool:
        """Whether there is a run with all methods; with one method it is that alone."""
        return any(arm.kind == "all" for arm in self.arms)

    @property
    def level(self) -> float:
        """Of each interval of a difference, so that all of a measure cover together with 1 − `ERROR` (Bonferroni)."""
        return 1.0 - ERROR / self.comparisons

    @cached_property
    def worths(self) -> tuple[Worth, ...]:
        """What each method does to each measure that is known."""
        return tuple(
            self._worth(method, column) for column in self.columns for method in self.methods if self.knows(column.name)
        )

    @cached_property
    def verdicts(self) -> tuple[Worth, ...]:
        """What each method is worth by the measure that decides; by net Sharpe, where it has nothing to do with that.

        What changes no forecast, such as a no-trade band, can still change what is earned.
        """
        traded = {worth.method: worth for worth in self.worths if worth.column.name == TRADED}
        deciding = [worth for worth in self.worths if worth.column.name == self.by]
        return tuple(traded.get(each.method, each) if each.is_untouched else each for each in deciding)

    @property
    def besides(self) -> tuple[Worth, ...]:
        """What else methods do, by the other measures, beyond chance."""
        return tuple(
            each for each in self.worths if each not in self.verdicts and each.says not in ("chance", "unknown")
        )

    def __repr__(self) -> str:
        return short(self, self.sentence)

    def _repr_html_(self) -> str:
        from regimen.charts import card, html_table
        from regimen.reporting.ablation.tables import table

        rows = table(self)
        sentences = [*(worth.sentence for worth in (*self.verdicts, *self.besides)), self.rule, *self.notes]
        return card(self.sentence, sentences, html_table(list(rows[0]), [list(row.values()) for row in rows]))

    def to_frame(self) -> pd.DataFrame:
        """Returns a pandas frame of one row for each arm, measure, seed and window, with its score."""
        import pandas as pd

        return pd.DataFrame(
            [
                {"methods": arm.label, "measure": name, "seed": seed, "window": window, "score": float(score)}
                for arm in self.arms
                for name, scores in arm.scores.items()
                for (seed, window), score in np.ndenumerate(scores)
            ]
        )

    def arm(self, kind: Kind, method: str = "") -> Arm:
        """Returns an arm; all but one of two methods is the other alone."""
        known = {(arm.kind, arm.method): arm for arm in self.arms}
        if kind == "without" and (kind, method) not in known:
            kind, method = "alone", next(each for each in self.methods if each != method)
        return known[kind, method]

    def column(self, name: str) -> Column:
        """Returns a measure by its name."""
        return next(column for column in self.columns if column.name == name)

    def knows(self, measure: str) -> bool:
        """Whether each arm has a score by a measure."""
        return all(measure in arm.scores and np.isfinite(arm.scores[measure]).any() for arm in self.arms)

    def level_of(self, arm: Arm, measure: str) -> Interval:
        """Returns the interquartile mean over seeds and windows, with its interval of other seeds (95 %)."""
        scores = arm.scores.get(measure, np.empty((0, 1)))
        return metrics.iqm_interval(scores[:, np.isfinite(scores).all(axis=0)])

    def difference(self, ours: Arm, theirs: Arm, measure: str) -> PairedDifference:
        """Returns the paired difference of two arms, on the windows where both are known."""
        first, second = ours.scores[measure], theirs.scores[measure]
        known = np.isfinite(first).all(axis=0) & np.isfinite(second).all(axis=0)
        pair = metrics.paired_difference(first[:, known], second[:, known], level=self.level)
        if min(first.shape[0], int(known.sum())) >= _FEWEST or pair.low == pair.high:
            return pair
        return PairedDifference(pair.mean, math.nan, math.nan, pair.level, math.nan, math.nan)

    def _worth(self, method: str, column: Column) -> Worth:
        alone = self.difference(self.arm("alone", method), self.arm("base"), column.name)
        if not self.has_all:
            return Worth(method, column, alone, alone)
        among = self.difference(self.arm("all"), self.arm("without", method), column.name)
        return Worth(method, column, alone, among)

    @property
    def sentence(self) -> str:
        """What the ablation says, in words."""
        groups: dict[str, list[str]] = {}
        for worth in self.verdicts:
            groups.setdefault(worth.says, []).append(worth.method)
        other = [worth.method for worth in self.verdicts if worth.column.name != self.by]
        where = f"By {self.column(self.by).title}"
        where += f" ({', '.join(other)}: by {self.column(TRADED).title})" if other else ""
        where += f", over {count(self.seeds)} seeds and {count(self.windows)} windows"
        verbs = {
            "helps": ("helps", "help"),
            "harms": ("harms", "harm"),
            "changes": ("changes it", "change it"),
            "disagrees": ("helps in one place and harms in the other",) * 2,
            "unknown": ("cannot be told", "cannot be told"),
        }
        parts = [
            f"{', '.join(groups[says])} {one if len(groups[says]) == 1 else several}"
            for says, (one, several) in verbs.items()
            if says in groups
        ]
        if "chance" in groups:
            chance = groups["chance"]
            verb = "does" if len(chance) == 1 else "do"
            parts.append(f"{', '.join(chance)} {verb} {CHANCE}")
        return f"{where}: {'; '.join(parts)}."

    @property
    def rule(self) -> str:
        """How the intervals were made, in words."""
        many = f"one or more of the {count(self.comparisons)} differences"
        many = "the difference" if self.comparisons == 1 else many
        return (
            f"A difference is that of paired seeds and windows, with its interval at {100 * self.level:.2f} %. Where "
            f"no method does anything, the interval of {many} by a measure leaves 0 outside with a chance of at most "
            f"{100 * ERROR:.0f} %. The interval knows of other seeds and of other windows of this market, not of other "
            "markets."
        )

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for JSON; what is not known is None."""
        values = plain(
            {
                "name": self.name,
                "sentence": self.sentence,
                "rule": self.rule,
                "by": self.by,
                "seeds": self.seeds,
                "windows": self.windows,
                "trials": self.trials,
                "level": self.level,
                "facts": dict(self.facts),
                "notes": list(self.notes),
                "columns": [vars(column) for column in self.columns],
                "arms": [
                    {
                        "label": arm.label,
                        "kind": arm.kind,
                        "method": arm.method,
                        "run": arm.run,
                        "scores": dict(arm.scores),
                        "levels": {
                            column.name: {"iqm": level.estimate, "low": level.low, "high": level.high}
                            for column in self.columns
                            for level in (self.level_of(arm, column.name),)
                        },
                    }
                    for arm in self.arms
                ],
                "worths": [
                    {
                        "method": worth.method,
                        "measure": worth.column.name,
                        "says": worth.says,
                        "alone": vars(worth.alone),
                        "among": vars(worth.among),
                    }
                    for worth in self.worths
                ],
            }
        )
        assert isinstance(values, dict)
        return values
