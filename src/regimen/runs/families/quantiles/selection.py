"""What a model that selects its inputs weighed, and where in time it looked: a run's exhibit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from regimen.features import calendar_columns
from regimen.numerals import count, number, percent
from regimen.predictors import SnapshotPredictor, TFTConfig, TorchPredictor
from regimen.records import RunDirectory
from regimen.reporting.report import Curve, Drawing, Exhibit
from regimen.reprs import many
from regimen.runs.families.quantiles.saved import rows_of_test, saved_classifier
from regimen.runs.families.quantiles.scores import quantile_model
from regimen.runs.prepare import Prepared

Floats = NDArray[np.float64]
_ROWS, _SHOWN = 512, 12
_STYLES = ("policy", "hold", "reference", "random", "flat")


def show_selection(prepared: Prepared, directory: RunDirectory) -> Iterator[Exhibit]:
    """Yields the mean weights of inputs and of rows over test rows of all windows; nothing for any other model."""
    config = quantile_model(prepared)
    if config is None:
        return
    looks: list[dict[str, Floats]] = []
    for window in prepared.windows:
        model, _, scaler, seen = saved_classifier(prepared, directory, window)
        model = model.predictors[-1] if isinstance(model, SnapshotPredictor) else model
        assert isinstance(model, TorchPredictor)
        x, _, _ = rows_of_test(model, scaler, seen, window, _ROWS // len(prepared.windows) + 1)
        if len(x):
            looks.append({name: weights.mean(axis=0) for name, weights in model.selection(x).items()})
    if not looks:
        return
    names = prepared.frame.names
    past = np.array([each["past"].mean(axis=0) for each in looks])  # (window, input)
    order = np.argsort(-past.mean(axis=0), kind="stable")[:_SHOWN]
    fair = 1.0 / past.shape[1]
    ahead = np.mean([each["future"] for each in looks], axis=0)  # (horizon, known)
    static = np.mean([each["static"] for each in looks], axis=0) if "static" in looks[0] else None
    rows = [(names[k], percent(past[:, k].mean()), _between(past[:, k])) for k in order]
    calendar = [name.rpartition("_")[0] for name in calendar_columns([0])]
    attention = np.mean([each["attention"] for each in looks], axis=0)  # (horizon, context, then horizons)
    yield Exhibit(
        key="selection",
        title="What it looks at",
        sentences=(
            f"Mean weights of the {count(past.shape[1])} inputs over test rows and the rows of their contexts: equal "
            f"weights would be {percent(fair, 2)} each. A weight says what is used, and not that it helps: "
            "regimen importance measures that.",
            f"Of the calendar ahead, over all horizons: {_listed(calendar, ahead.mean(axis=0))}.",
            *([] if static is None else [f"Of what tells symbols apart: {_listed(names[-len(static) :], static)}."]),
            f"Attention looks at the bars of the context for {percent(attention[:, : config.context].sum(-1).mean())}, "
            "and at the horizons themselves for the rest.",
        ),
        columns=("input", "mean weight", "over the windows"),
        rows=tuple(rows),
        drawings=(_importance(names, past, order), _attention(config, attention)),
    )


def _between(values: Floats) -> str:
    return f"{percent(values.min())} to {percent(values.max())}"


def _listed(names: Sequence[str], weights: Floats) -> str:
    return ", ".join(f"{name} {percent(weight)}" for name, weight in zip(names, weights, strict=True))


def _importance(names: tuple[str, ...], past: Floats, order: NDArray[np.intp]) -> Drawing:
    """Draws a dot for each of the weightiest inputs, and its range over the windows."""
    curves = tuple(
        Curve(
            names[k],
            (float(100.0 * past[:, k].mean()),),
            low=(float(100.0 * past[:, k].min()),),
            high=(float(100.0 * past[:, k].max()),),
            style="policy",
        )
        for k in order
    )
    note = f"Mean weights in per cent, and their range over windows; equal weights: {number(100.0 / past.shape[1], 2)}."
    return Drawing("dots", "The weightiest inputs", note, curves)


def _attention(config: TFTConfig, attention: Floats) -> Drawing:
    """Draws the attention of each horizon over the rows of the context."""
    x = tuple(float(k) for k in range(1 - config.context, 1))
    lines = tuple(
        Curve(
            f"{many(bars, 'bar')} ahead",
            tuple(float(100.0 * value) for value in weights[: config.context]),
            x,
            style=_STYLES[k] if k < len(_STYLES) else "",
        )
        for k, (bars, weights) in enumerate(zip(config.horizons, attention, strict=True))
    )
    note = "Share of the attention in per cent, by the age of a bar of the context; 0: the newest."
    return Drawing("lines", "Attention over time", note, lines)
