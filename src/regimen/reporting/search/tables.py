"""The tables of a search: its trials, the best first, and what each parameter mattered."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from regimen.numerals import UNKNOWN, count, number, percent, significant
from regimen.reporting.search.search import Search, TrialRow
from regimen.reporting.search.sensitivity import ParameterPart

_WORDS = {"complete": "", "pruned": "stopped", "failed": "failed", "running": "unfinished"}


def trial_table(search: Search) -> list[dict[str, str]]:
    """Returns one row of written cells for each trial: complete ones first, and of those the best."""
    column = search.objectives[0]
    order = {"complete": 0, "pruned": 1, "running": 2, "failed": 3}

    def place(trial: TrialRow) -> tuple[int, float, int]:
        score = trial.scores.get(column.name, math.nan)
        return order[trial.status], -column.better * score if math.isfinite(score) else math.inf, trial.number

    front = {trial.number for trial in search.front} if len(search.objectives) > 1 else set()
    rows = []
    for trial in sorted(search.trials, key=place):
        marks = ["best"] if trial.number == search.best else []
        marks += ["front"] if trial.number in front else []
        marks += [_WORDS[trial.status]] if _WORDS[trial.status] else []
        marks += [f"after {count(trial.epochs)} epochs"] if trial.epochs else []
        marks += [f"revives {trial.revives}"] if trial.revives is not None else []
        row = {"trial": str(trial.number), "": ", ".join(marks)}
        for each in search.objectives:
            row[each.title] = number(trial.scores.get(each.name), each.digits)
        row["settings"] = settings_text(trial.settings) if trial.failure is None else trial.failure
        rows.append(row)
    return rows


def sensitivity_table(search: Search) -> list[dict[str, str]]:
    """Returns one row of written cells for each part of each parameter, the one that mattered most first."""
    column = search.objectives[0]
    rows = []
    for each in search.sensitivities():
        for place, part in enumerate(each.parts):
            rows.append(
                {
                    "parameter": each.name if place == 0 else "",
                    "explains": "" if place else percent(each.share, 0),
                    "values": part_text(part),
                    "trials": count(part.trials),
                    f"mean {column.title}": number(part.mean, column.digits),
                    f"best {column.title}": number(part.best, column.digits),
                }
            )
    return rows


def settings_text(settings: Mapping[str, Any]) -> str:
    """Writes settings: ``learning_rate 0.0012, hidden [32]``; the section is left out where it says nothing more."""
    names = [name.rpartition(".")[2] for name in settings]
    return ", ".join(
        f"{short if names.count(short) == 1 and short != 'kind' else name.replace('model.kind', 'model')} "
        f"{value_text(value)}"
        for (name, value), short in zip(settings.items(), names, strict=True)
    )


def part_text(part: ParameterPart) -> str:
    """Writes the values of a part: one, or from the lowest to the highest."""
    low, high = part.values
    return value_text(low) if low == high else f"{value_text(low)} to {value_text(high)}"


def value_text(value: Any) -> str:
    """Writes a value of a parameter, numbers with three digits."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, int | float):
        return significant(value, 3)
    if isinstance(value, Mapping):
        rest = ", ".join(f"{key} {value_text(each)}" for key, each in value.items() if key != "kind")
        kind = str(value.get("kind", ""))
        return f"{kind} ({rest})" if kind and rest else kind or rest or UNKNOWN
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(value_text, value))}]"
    return str(value)
