"""The page of a search: one HTML file that needs no network, in the look of the report."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from markupsafe import Markup

from regimen.charts import Dot, Figure, Key, Words, heights_at, responsive, scatter, tick_number
from regimen.files import write_text
from regimen.numerals import count, number, percent
from regimen.reporting.ablation import Column
from regimen.reporting.page import fill_page
from regimen.reporting.search.search import Search, TrialRow
from regimen.reporting.search.sensitivity import Sensitivity
from regimen.reporting.search.tables import sensitivity_table, settings_text, trial_table, value_text

_HEIGHTS = heights_at(300, 280, 240)
_SMALL = heights_at(220, 210, 200)
_SHOWN = 12
"""Parameters whose pictures the page draws, those first that mattered most."""


def render(search: Search) -> str:
    """Returns the page."""
    trials, parts = trial_table(search), sensitivity_table(search)
    tone = {"evidence": "good", "suspicious": "caution"}.get(search.level or "", "neutral")
    return fill_page(
        "search.html.jinja",
        styles=("report.css", "compare.css"),
        search=search,
        title=f"{search.name}: {count(len(search.trials))} trial{'' if len(search.trials) == 1 else 's'}",
        tone=tone,
        sign="✓" if tone == "good" else "–",
        badge=(search.level or "not judged yet").capitalize(),
        history=_history(search),
        fronts=[_front(search, other) for other in search.objectives[1:]] if search.complete else [],
        maps=list(_maps(search)),
        trials=[list(row.values()) for row in trials],
        trial_heads=list(trials[0]) if trials else [],
        parts=[list(row.values()) for row in parts],
        part_heads=list(parts[0]) if parts else [],
        columns=search.objectives,
        counted=count(search.counted),
    )


def write(search: Search, path: Path) -> None:
    """Writes the page whole or not at all.

    Raises:
        RunError: the file cannot be written.
    """
    write_text(path, render(search))


def _dot(trial: TrialRow, x: float, column: Column, search: Search) -> Dot:
    score = trial.scores.get(column.name, math.nan)
    style = "policy" if trial.number == search.best else "random" if trial.status == "complete" else "other"
    return Dot(
        x, score, style, f"Trial {trial.number}: {number(score, column.digits)}. {settings_text(trial.settings)}"
    )


def _on_top(search: Search, trials: Sequence[TrialRow]) -> list[TrialRow]:
    return sorted(trials, key=lambda trial: trial.number == search.best)


def _history(search: Search) -> Figure | None:
    column = search.objectives[0]
    if not any(trial.scores for trial in search.trials):
        return None
    dots = [_dot(trial, float(trial.number), column, search) for trial in _on_top(search, search.trials)]
    line, best = [], -math.inf
    for trial in search.complete:
        best = max(best, column.better * trial.scores[column.name])
        line.append((float(trial.number), column.better * best))
    end = number(line[-1][1], column.digits) if line else "unknown"
    words = Words("history", f"{column.title} of each trial", f"The best complete trial has {end}.")
    picture = responsive(
        lambda width: scatter(words, dots, width, _HEIGHTS[width], write=tick_number, line=_steps(line))
    )
    keys = [Key("dot policy", "The best trial"), Key("dot random", "Complete"), Key("reference", "Best so far")]
    if any(trial.status == "pruned" for trial in search.trials):
        keys.insert(2, Key("dot other", "Stopped early"))
    note = f"By the number of the trial, its {column.title} on the windows inside the training span."
    return Figure("The course of the search", note, Markup(picture), tuple(keys))


def _steps(line: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """A line that stays until the next point, and jumps there."""
    joined: list[tuple[float, float]] = []
    for x, y in line:
        joined += [(x, joined[-1][1])] if joined else []
        joined.append((x, y))
    return joined


def _front(search: Search, other: Column) -> Figure:
    """The first objective over another one; on the front lies what no trial beats in all objectives."""
    column = search.objectives[0]
    front = sorted(search.front, key=lambda trial: trial.scores[other.name])
    on_it = {trial.number for trial in front}
    dots = [
        Dot(
            trial.scores[other.name],
            trial.scores[column.name],
            "policy" if trial.number == search.best else "hold" if trial.number in on_it else "random",
            f"Trial {trial.number}. {settings_text(trial.settings)}",
        )
        for trial in sorted(search.complete, key=lambda trial: (trial.number == search.best, trial.number in on_it))
    ]
    line = (
        [(trial.scores[other.name], trial.scores[column.name]) for trial in front]
        if len(search.objectives) == 2
        else []
    )
    sentence = f"{count(len(front))} of {count(len(search.complete))} complete trials are on the front."
    words = Words(f"front-{other.name}", f"{column.title} over {other.title}", sentence)
    picture = responsive(lambda width: scatter(words, dots, width, _HEIGHTS[width], write=tick_number, line=line))
    keys = (Key("dot policy", "The best trial"), Key("dot hold", "On the front"), Key("dot random", "Beaten"))
    direction = "more" if other.better > 0 else "less"
    note = f"Up: {column.title}. Across: {other.title}, of which {direction} is better. {sentence}"
    return Figure(f"The Pareto front: {column.title} and {other.title}", note, Markup(picture), keys)


def _maps(search: Search) -> Iterator[Figure]:
    """The score over each parameter."""
    column = search.objectives[0]
    for each in search.sensitivities()[:_SHOWN]:
        yield _map(search, each, column)


def _map(search: Search, each: Sensitivity, column: Column) -> Figure:
    trials = [trial for trial in _on_top(search, search.complete) if each.name in trial.settings]
    values = [trial.settings[each.name] for trial in trials]
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    labels = None if numbers else [value_text(part.values[0]) for part in each.parts]
    dots = [
        _dot(trial, float(value) if labels is None else float(labels.index(value_text(value))), column, search)
        for trial, value in zip(trials, values, strict=True)
    ]
    log = numbers and search.parameters[each.name]
    share = "What it explains cannot be known from so few trials."
    if math.isfinite(each.share):
        many = f"{count(each.trials)} complete trials that have it"
        share = f"Explains {percent(each.share, 0)} of the variance between the {many}."
    words = Words(f"map-{each.name}", f"{column.title} over {each.name}", share)
    picture = responsive(
        lambda width: scatter(words, dots, width, _SMALL[width], write=tick_number, log=log, labels=labels)
    )
    return Figure(each.name, share, Markup(picture))
