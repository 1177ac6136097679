"""The report's section on trials: what N is, who was counted, and how the Sharpe ratio is deflated by it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from regimen.numerals import count, day, number, percent, significant
from regimen.reporting.report.verdict import finite

if TYPE_CHECKING:
    from regimen.reporting.report.document import ReportDocument

Row = Mapping[str, Any]
Step = tuple[str, str, str]
"""What a number is called, the number, and one sentence on where it comes from."""

_MOST = 100


def _evaluations(document: ReportDocument) -> list[Row]:
    return [row for row in document.trials if row.get("kind", "evaluation") == "evaluation"]


def trial_sharpes(document: ReportDocument) -> list[float]:
    """The annual Sharpe ratios of the ledger's evaluations; stress tests are none."""
    values = (finite(row.get("sharpe")) for row in _evaluations(document) if not row.get("stress"))
    return [value for value in values if value is not None]


def trial_section(document: ReportDocument) -> dict[str, Any]:
    """The steps from N to the DSR, the series and the evaluations behind them."""
    evaluations = _evaluations(document)
    return {
        "steps": [*_counted(document), *_deflated(document)],
        "grown": stale_sentence(document),
        "notes": document.ledger_notes,
        "series": [_series(document, row) for row in document.series] if len(document.series) > 1 else [],
        "rows": [_line(document, row) for row in reversed(evaluations[-_MOST:])],
        "more": max(0, len(evaluations) - _MOST),
    }


def stale_sentence(document: ReportDocument) -> str:
    """`grown` of a document."""
    judgement = document.judgement
    then, now = judgement.trials.count, document.trials_now
    return grown(then, now, judgement.policy.dsr, document.dsr_now, document.verdict_now)


def grown(
    then: int, now: int | None, dsr: float | None = None, dsr_now: float | None = None, verdict_now: str | None = None
) -> str:
    """Returns what to know where more trials are recorded now than a verdict was deflated by; else nothing.

    Args:
        then, now: how many.
        dsr, dsr_now: the DSR by either.
        verdict_now: the level of the verdict by all of them.
    """
    if now is None or now <= then:
        return ""
    stale = ""
    if finite(dsr_now) is not None:
        stale = f" Its DSR of {number(dsr)} is stale: by all of them it is {number(dsr_now)}, and the verdict is"
        stale += f" {verdict_now}."
    return (
        f"Judged by {_many(then, 'trial')}, while {count(now)} are recorded now: the verdict stands for its day only."
        f"{stale} regimen report RUN --rejudge judges by all of them."
    )


def _counted(document: ReportDocument) -> list[Step]:
    steps = [
        (
            "N, trials counted",
            count(document.judgement.trials.count),
            "Different combinations of config (costs included), features, seed and bars that were fitted or evaluated "
            "on this market up to this run, abandoned ones included. The same thing once more is no new trial.",
        )
    ]
    if not document.trials:
        return steps
    stress = sum(bool(row.get("stress")) for row in document.trials)
    fits = sum(row.get("kind") == "fit" for row in document.trials)
    runs = len({_run(row) for row in document.trials})
    lines = f"{_many(fits, 'fit')} and {_many(len(document.trials) - fits, 'evaluation')} by {_many(runs, 'run')}"
    apart = f" Stress tests (the same decisions, dearer costs) are {count(stress)} of them and do not count."
    sentence = f"{lines}, recorded on this market until now.{apart if stress else ''}"
    steps.append(("Lines of the ledger", count(len(document.trials)), sentence))
    many = len(document.series)
    if many:
        steps.append(
            (
                "Series counted as one",
                count(many),
                "Files and cuts in which the moves of one market were found again, under whatever name, unit or bar "
                "length; a panel counts for each of its symbols."
                if many > 1
                else "No other series of the ledger has the moves of this one.",
            )
        )
    return steps


def _deflated(document: ReportDocument) -> list[Step]:
    judgement = document.judgement
    judged, timing, random = judgement.trials, judgement.timing, judgement.random
    bars = judgement.sample.bars if timing is None else timing.bars
    floor = 1.0 / (bars - 1) if bars > 1 else math.nan
    recorded = judged.sharpe_variance if judged.timing_variance is None else judged.timing_variance
    steps = [
        (
            "Sharpe ratio of the timing",
            number(None if timing is None else timing.sharpe),
            "What the policy earned beyond holding its own average exposure, a year, after costs: a drift that "
            "everybody rides is no edge.",
        ),
        (
            "V[SR], recorded",
            significant(recorded, 3),
            "Variance of that ratio among the counted trials, per bar; a dash where fewer than two were evaluated.",
        ),
        (
            "Floor, 1 / (T − 1)",
            significant(floor, 3),
            "Variance of the Sharpe ratio of trials without skill over as many bars: near copies of one trial must not "
            "lower the bar.",
        ),
        ("V[SR], used", significant(judged.sharpe_variance_used, 3), "The larger of the two."),
        (
            "Expected maximum",
            number(judged.expected_max_sharpe),
            "The annual Sharpe ratio that the best of N trials without skill is expected to show by luck.",
        ),
        (
            "DSR",
            number(judgement.policy.dsr),
            "Probability that the Sharpe ratio of the timing is above that maximum; 0.95 is required.",
        ),
        (
            "p of the best of N",
            significant(random.p_trials, 2),
            f"The p-value of {significant(random.p_value, 2)} against random timing is that of one trial; the "
            "best of N shows a smaller one by luck: 1 − (1 − p)^N.",
        ),
    ]
    if judged.effective is not None:
        steps += [
            (
                "Effective trials",
                number(judged.effective, 1),
                "Clusters of correlated trials; shown beside N, and the verdict never uses it.",
            ),
            ("DSR with effective trials", number(judged.dsr_effective), "The same with that number for N."),
        ]
    return steps


def _many(number: int, what: str) -> str:
    return f"{count(number)} {what}{'' if number == 1 else 's'}"


def _run(row: Row) -> str:
    return str(row.get("run", "")).partition("/")[0]


def _series(document: ReportDocument, row: Row) -> dict[str, str]:
    source = str(row.get("source", ""))
    own = [trial for trial in document.trials if trial.get("source") == source]
    return {
        "source": source[:12],
        "share": percent(row.get("share"), 0),
        "runs": count(len({_run(trial) for trial in own})),
        "lines": count(len(own)),
    }


def _line(document: ReportDocument, row: Row) -> dict[str, Any]:
    return {
        "id": count(row.get("id")),
        "at": day(row.get("at")),
        "run": str(row.get("run", "")),
        "own": row.get("run") == document.run,
        "model": str(row.get("model", "")),
        "config": str(row.get("config", ""))[:8],
        "seed": str(row.get("seed", "")),
        "bars": count(row.get("bars")),
        "sharpe": number(finite(row.get("sharpe"))) + (" (stress)" if row.get("stress") else ""),
    }
