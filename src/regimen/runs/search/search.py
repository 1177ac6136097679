"""`tune`: trials inside the training span, each in the ledger before it runs; the best is trained and judged."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from regimen.numerals import count
from regimen.records import RunDirectory, read_json
from regimen.reporting.search import Search, TrialRow
from regimen.runs.ablation.arms import trained
from regimen.runs.search.objectives import COLUMNS
from regimen.runs.search.searching import Searching, begin
from regimen.runs.search.settings import SearchConfig
from regimen.runs.search.space import FIXED
from regimen.runs.search.study import Tried
from regimen.runs.search.trials import Advance, revive, run_trials
from regimen.work import HERE, Mapper

TRIALS = 50
"""Trials of a search, unless it is said otherwise."""
_UNITS = 100


def tune(
    values: Mapping[str, Any],
    search: SearchConfig,
    root: Path,
    advance: Advance,
    *,
    trials: int = TRIALS,
    resume: bool = False,
    revived: int | None = None,
    mapper: Mapper = HERE,
) -> Search:
    """Searches a config's space inside its training span, trains the best trial, and judges it on the test spans.

    Timing: trials are fitted and scored on bars before the first bar that is traded out of sample; the bars behind it
    are not in the series that they get. Each seed of each trial is in the trial ledger before it runs, so that the
    verdict on the best is deflated by all of them.

    Args:
        values: of the config file, its overrides applied, without its section ``search``.
        search: that section.
        root: the folder of runs; the study lies in ``<root>/tune-<name>``.
        advance: progress.
        trials: of the search, those that are there included.
        resume: go on with the study that is there; trials that were killed go on from their checkpoints.
        revived: number of a trial that Hyperband stopped, to be trained to its end as well.
        mapper: where trials of one batch, or of one rung, and the windows of the best are trained; no result depends
            on it.

    Raises:
        ConfigError, RunError: see `begin`; no trial can be trained.
    """
    advance(0, trials, "space, bars, features, labels")
    searching = begin(values, search, root, resume=resume or revived is not None)
    run_trials(searching, trials, advance, mapper)
    if revived is not None:
        revive(searching, revived, advance)
    best = searching.best()

    def tell(done: int, total: int, message: str) -> None:
        advance(trials * _UNITS + _UNITS * done // max(total, 1), (trials + 1) * _UNITS, f"best trial, {message}")

    run = train_best(searching, root, tell, mapper)
    return summary(searching, best, run)


def train_best(searching: Searching, root: Path, advance: Advance, mapper: Mapper = HERE) -> RunDirectory:
    """Trains the best trial on the run's own windows, and judges it on their test spans by all trials that there are.

    It is an ordinary run of the folder: one that is there is not trained again, one that was stopped is gone on with.
    """
    config = searching.space.config(searching.best().settings)
    fixed = {name: getattr(searching.base, name) for name in FIXED if name != "name"}
    config = config.model_copy(update={**fixed, "name": f"{searching.base.name}-tuned"})
    return trained(config, root, searching.outer.bars.fingerprint, advance, mapper)


def summary(searching: Searching, best: Tried, run: RunDirectory) -> Search:
    """Returns a search as its page shows it."""
    judgement = read_json(run.path / "judgement.json")
    own = next(row for row in judgement["rows"] if row["name"] == "policy")
    ledger = searching.ledger.trials(searching.outer.series.fingerprint, searching.outer.bars.periods_per_year)
    return Search(
        name=searching.base.name,
        objectives=tuple(COLUMNS[name] for name in searching.search.objectives),
        trials=tuple(_row(trial) for trial in searching.study.trials()),
        parameters={name: searching.space.parameters[name].log for name in searching.space.order},
        best=best.number,
        run=run.id,
        level=judgement["verdict"]["level"],
        sentence=judgement["verdict"]["sentence"],
        sharpe=own["sharpe"],
        counted=ledger.count,
        facts=_facts(searching),
    )


def _row(trial: Tried) -> TrialRow:
    last, rung = trial.last, None
    if trial.results and 0 not in trial.results:
        rung = max(trial.results)
    return TrialRow(
        trial.number,
        trial.status,
        dict(trial.settings),
        {} if last is None else dict(last.objectives),
        rung,
        trial.failure,
        trial.revives,
    )


def _facts(searching: Searching) -> tuple[tuple[str, str], ...]:
    inner, outer, search = searching.inner, searching.outer, searching.search
    (begins, ends), (first, last) = inner.span, outer.span
    by = {"tpe": "TPE", "random": "random", "grid": "grid"}[search.sampler]
    by += " with Hyperband" if search.hyperband is not None else ""
    return (
        ("Data", Path(outer.bars.source).name or outer.bars.source),
        ("Searched", f"{str(inner.bars.time[0])[:10]} to {str(inner.bars.time[-1])[:10]}"),
        (
            "Scored",
            f"{str(inner.bars.time[begins])[:10]} to {str(inner.bars.time[ends - 1])[:10]}, "
            f"{count(len(inner.windows))} windows, {count(searching.base.seeds)} "
            f"seed{'' if searching.base.seeds == 1 else 's'}",
        ),
        ("Judged", f"{str(outer.bars.time[first])[:10]} to {str(outer.bars.time[last - 1])[:10]}"),
        ("Proposed by", f"{by}, {count(search.batch)} at a time" if search.hyperband is None else by),
    )
