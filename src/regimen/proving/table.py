"""What was proved, as rows of text: for the terminal, for a Markdown page, and as plain values for machines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from regimen.metrics import Interval, iqm_interval
from regimen.proving.experiment import MODES, Mode
from regimen.proving.prove import Result

HEADINGS = ("agent", "market", "mode", "score, IQM [95 %]", "worst", "also", "steps", "seconds", "steps/s", "met")


def rows(results: Sequence[Result]) -> list[tuple[str, ...]]:
    """Returns a row for each experiment and mode, under `HEADINGS`; then one for each agent over all its markets."""
    table = [_row(result, mode) for result in results for mode in MODES]
    for agent in dict.fromkeys(result.experiment.name for result in results):
        own = [result for result in results if result.experiment.name == agent]
        if len(own) > 1:
            table += [_total(agent, own, mode) for mode in MODES]
    return table


def _row(result: Result, mode: Mode) -> tuple[str, ...]:
    experiment, verdicts = result.experiment, [each for each in result.judged() if each.mode == mode]
    scores = result.interval(mode, "score")
    steps = float(np.median([run.steps for run in result.runs]))
    seconds = float(np.median([run.seconds for run in result.runs]))
    return (
        experiment.name,
        experiment.arena.name,
        mode,
        _with_interval(scores),
        f"{min(result.values(mode, 'score')):.3f}",
        _also(result, mode),
        f"{steps / 1e6:.2f} M",
        f"{seconds:.1f}",
        f"{steps / seconds / 1e3:,.0f} k" if seconds > 0.0 else "–",
        "–" if not verdicts else "yes" if all(each.met for each in verdicts) else "NO",
    )


def _also(result: Result, mode: Mode) -> str:
    """The other measures: what is demanded of them, worst or IQM, and the IQM where nothing is."""
    demanded = {each.demand.measure: each.value for each in result.judged() if each.mode == mode}
    names = [name for name in result.runs[0].measures[mode] if name != "score"]
    values = {name: demanded.get(name, result.interval(mode, name).estimate) for name in names}
    return ", ".join(f"{name} {value:.3g}" for name, value in values.items())


def _with_interval(interval: Interval) -> str:
    """The IQM and its interval over the seeds; one seed has none."""
    if math.isnan(interval.low):
        return f"{interval.estimate:.3f}"
    return f"{interval.estimate:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def _total(agent: str, results: Sequence[Result], mode: Mode) -> tuple[str, ...]:
    scores = np.array([result.values(mode, "score") for result in results]).T  # (run, market)
    interval = iqm_interval(scores)
    met = all(each.met for result in results for each in result.judged() if each.mode == mode)
    return (
        agent,
        f"all {len(results)}",
        mode,
        _with_interval(interval),
        f"{scores.min():.3f}",
        "",
        "",
        "",
        "",
        "yes" if met else "NO",
    )


def missed(results: Sequence[Result]) -> list[str]:
    """Returns a sentence for each demand that was not met."""
    return [
        f"{result.experiment}, {each.mode}: {each.demand.measure} ({each.demand.statistic} of {len(result.runs)}) "
        f"{each.demand.rule}; got {each.value:.4g}"
        for result in results
        for each in result.judged()
        if not each.met
    ]


def markdown(results: Sequence[Result]) -> str:
    """Returns the table for a page of the documentation."""
    lines = [HEADINGS, tuple("---" for _ in HEADINGS), *rows(results)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def document(results: Sequence[Result]) -> dict[str, Any]:
    """Returns everything as plain values, every seed's numbers included; what is not finite is None."""
    return {
        "met": all(result.met for result in results),
        "missed": missed(results),
        "results": [_document(result) for result in results],
    }


def _document(result: Result) -> dict[str, Any]:
    experiment, arena = result.experiment, result.experiment.arena
    return {
        "agent": experiment.name,
        "market": arena.name,
        "optimum": arena.market.optimum,
        "met": result.met,
        "agent_config": experiment.agent.model_dump(mode="json"),
        "market_config": arena.market.model_dump(mode="json"),
        "levels": arena.levels,
        "reach": arena.reach if arena.levels is None else None,
        "lanes": experiment.lanes,
        "runs": [
            {
                "seed": run.seed,
                "steps": run.steps,
                "seconds": run.seconds,
                **{
                    mode: {name: _plain(value) for name, value in numbers.items()}
                    for mode, numbers in run.measures.items()
                },
            }
            for run in result.runs
        ],
        "summary": {
            mode: {name: _summary(result, mode, name) for name in result.runs[0].measures[mode]} for mode in MODES
        },
        "demands": [
            {
                "measure": each.demand.measure,
                "statistic": each.demand.statistic,
                "mode": each.mode,
                "low": _plain(each.demand.low),
                "high": _plain(each.demand.high),
                "value": _plain(each.value),
                "met": each.met,
            }
            for each in result.judged()
        ],
    }


def _summary(result: Result, mode: Mode, name: str) -> dict[str, float | None]:
    interval = result.interval(mode, name)
    return {"iqm": _plain(interval.estimate), "low": _plain(interval.low), "high": _plain(interval.high)}


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
