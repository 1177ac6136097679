"""Importance as a section of the report: groups first, each sorted by its rise, with a picture and a table."""

from __future__ import annotations

from collections.abc import Sequence

from regimen.reporting.report import Curve, Drawing, Exhibit
from regimen.reprs import many
from regimen.runs.importance.importance import FeatureImportance, Importance

_UNIT = 1e4
"""Nats a row are shown in ten thousandths."""


def exhibit_of(importance: Importance) -> Exhibit:
    """Returns the section "Features" of a report."""
    alone = any(row.alone == row.alone for row in importance.features)
    windows = ", ".join(map(str, importance.windows))
    fitted = f"{many(importance.folds, 'purged fold')} of the training slice of window {windows}"
    sentences = [
        importance.sentence,
        f"Log loss in 1e-4 nats a row, on {importance.rows:,} held out rows of {fitted}.",
        f"There the model is {importance.skill_in_words}.",
        "Rise: what shifting a column in time costs. q: its p-value, corrected for the number of columns.",
        *(["Alone: what the model gains from the column alone over one that says nothing."] if alone else []),
        *importance.notes,
    ]
    note = "The rise of the log loss when the column is shifted in time, with a 95 % interval over the folds."
    return Exhibit(
        key="features-importance",
        title="Features",
        sentences=tuple(sentences),
        columns=("", "rise", "p", "q", *(("alone",) if alone else ()), "verdict"),
        rows=tuple(_cells(row, alone) for row in (*importance.groups, *importance.features)),
        drawings=(
            Drawing("dots", "Groups of features, shifted together", note, _dots(importance.groups)),
            Drawing("dots", "Features", note, _dots(importance.features)),
        ),
    )


def _dots(rows: Sequence[FeatureImportance]) -> tuple[Curve, ...]:
    return tuple(
        Curve(
            name=row.name,
            y=(_UNIT * row.rise,),
            low=(_UNIT * row.low,),
            high=(_UNIT * row.high,),
            style="policy" if row.verdict == "mattered" else "flat",
        )
        for row in rows
    )


def _cells(row: FeatureImportance, alone: bool) -> tuple[str, ...]:
    name = f"{row.name} (group)" if row.kind == "group" else row.name
    single = () if not alone else ("–" if row.kind == "group" else _with_error(row.alone, row.alone_error),)
    rise = _with_error(row.rise, (row.high - row.low) / 2.0)
    return name, rise, f"{row.p:.3f}", f"{row.q:.3f}", *single, row.verdict


def _with_error(value: float, error: float) -> str:
    return f"{_UNIT * value:+,.1f} ± {_UNIT * error:,.1f}"
