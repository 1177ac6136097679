"""`Importance`: which features of a run mattered on rows that its model did not learn from, and which are noise."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from regimen.records import plain
from regimen.reprs import many, short

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from regimen.charts import Picture

LEVEL = 0.05
"""Largest q of what mattered: among such features a twentieth is expected to be chance."""


@dataclass(frozen=True)
class FeatureImportance:
    """What one feature, or one group of them moved together, does to the log loss. In nats a row; NaN: undefined.

    Attributes:
        kind: ``feature`` or ``group``.
        name: of the column, or of the group.
        rise: of the held out log loss when it is shifted in time, mean of the folds: its mean decrease of accuracy.
        low, high: t interval of 95 % of that mean over the folds, whose training rows overlap: a guide, no test.
        p: how often chance is as good as the feature in its own time; see `regimen.metrics.sequential_p`.
        q: the same, corrected for the number of features (or groups); see `regimen.metrics.benjamini_hochberg`.
        shifts: that p was counted over.
        alone: what the run's model gains from this column alone: its log loss with a column that says nothing, less
            that with this one, mean of the folds. NaN for a group, and where it was not asked for.
        alone_error: its standard error over the folds.
    """

    kind: Literal["feature", "group"]
    name: str
    rise: float
    low: float
    high: float
    p: float
    q: float
    shifts: int
    alone: float = math.nan
    alone_error: float = math.nan

    @property
    def verdict(self) -> Literal["mattered", "noise"]:
        """``mattered`` where q is at most 0.05: the feature's own time is better than others, and not by chance."""
        return "mattered" if self.q <= LEVEL else "noise"


@dataclass(frozen=True)
class Importance:
    """Groups and features of a run, those that mattered most first.

    Attributes:
        model: the run's, by name.
        windows: numbers of the walk-forward windows whose training slices were cut into folds, from 1.
        folds: of each window.
        rows: that were held out and scored.
        skill: log loss of the classes' shares less that of the model, held out, nats a row; mean of the folds.
        skill_error: its standard error over the folds.
        groups, features: by their rise, the largest first.
        sentence: the finding, for people.
        notes: what should be known of it, for people.
    """

    model: str
    windows: tuple[int, ...]
    folds: int
    rows: int
    skill: float
    skill_error: float
    groups: tuple[FeatureImportance, ...]
    features: tuple[FeatureImportance, ...]
    sentence: str
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return short(self, self.sentence)

    @property
    def skill_in_words(self) -> str:
        """How the model compares with the classes' shares, in ten thousandths of a nat."""
        side = "better" if self.skill >= 0.0 else "worse"
        return f"{1e4 * abs(self.skill):,.1f} ± {1e4 * self.skill_error:,.1f} {side} than the classes' shares"

    def to_frame(self) -> pd.DataFrame:
        """Returns a pandas frame of one row for each group and feature, by kind and name."""
        import pandas as pd

        rows = [{**vars(row), "verdict": row.verdict} for row in (*self.groups, *self.features)]
        return pd.DataFrame(rows).set_index(["kind", "name"])

    def plot(self, path: str | Path | None = None) -> Picture:
        """Draws groups and features as dots with their intervals, as the report does.

        Args:
            path: an SVG file to write the picture to.
        """
        from regimen.charts import picture_of
        from regimen.runs.importance.exhibit import exhibit_of

        return picture_of(exhibit_of(self).figures, path)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what is undefined is null."""
        values: dict[str, Any] = plain(asdict(self))
        for key in ("groups", "features"):
            for row, each in zip(values[key], getattr(self, key), strict=True):
                row["verdict"] = each.verdict
        return values


def finding(
    groups: tuple[FeatureImportance, ...], features: tuple[FeatureImportance, ...], skill: float, error: float
) -> tuple[str, tuple[str, ...]]:
    """Returns the finding in one sentence, and what should be said besides.

    Args:
        groups, features: measured.
        skill, error: of the model, held out.
    """
    strong = [row.name for row in features if row.verdict == "mattered"]
    sentence = f"{len(strong)} of {many(len(features), 'feature')} mattered on held out rows (q <= {LEVEL:g})"
    sentence += f": {', '.join(strong[:5])}{', …' if len(strong) > 5 else ''}." if strong else "."
    notes = []
    if not strong and (together := [row.name for row in groups if row.verdict == "mattered"]):
        notes.append(f"Together the columns of {', '.join(together)} mattered: each stands in for the others.")
    if not skill > 2.0 * error:
        notes.append(
            "The model is not clearly better than the classes' shares on held out rows: there is little to matter."
        )
    return sentence, tuple(notes)
