"""`validate_run`: a run's config trained on every choice of folds, traded along every path, judged."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

from regimen.errors import ConfigError
from regimen.execution import Ledger
from regimen.judging import Judgement, Regimes, Trials, market_states, regimes_of
from regimen.numerals import count, number, percent
from regimen.records import (
    RunDirectory,
    Trial,
    evaluated,
    model_title,
    read_json,
    recorded_sharpe,
    require_finished,
    sealed,
    write_json,
)
from regimen.runs.prepare import Prepared, require_trained
from regimen.runs.validation.exhibit import exhibits_of_validation
from regimen.runs.validation.fits import SplitFit, fit_split
from regimen.runs.validation.paths import JudgedPath, judge_path, traded
from regimen.runs.validation.plan import ValidationPlan, prepared_of, require_trainable_on_folds
from regimen.runs.validation.result import PathResult, Spread, Validation, middle_of
from regimen.runs.validation.selection import selection_of
from regimen.runs.vault import require_shut
from regimen.splits import Combinatorial
from regimen.work import LOCAL, Compute, Mapper

Advance = Callable[[int, int, str], None]
FILE = "validation.json"
FOLDS, TESTED = 10, 2
_NOT_LIVE = (
    "Most models of these paths learned from bars later than those that they decide: the paths show how much of the "
    "result hangs on one order of history, and are no track record. The walk-forward above is what could have been "
    "traded."
)
_ALIKE = "Paths share models and bars, so they are much alike: their spread is less than that of as many new markets."


def validate_run(
    directory: RunDirectory,
    advance: Advance,
    *,
    folds: int = FOLDS,
    tested: int = TESTED,
    seeds: int | None = None,
    compute: Compute = LOCAL,
) -> Validation:
    """Trains a finished run's config on every choice of folds, trades every path, and keeps ``validation.json``.

    What every split and seed decided is kept in the run's folder as soon as it is known: whatever stops the command,
    the same command goes on, and ends with the same bytes. Every fit and every path is recorded in the trial ledger,
    as one trial for each seed; the paths are judged by all trials, these among them.

    Args:
        directory: of a finished run.
        advance: progress.
        folds, tested: N and k; see `regimen.splits.combinatorial`.
        seeds: how many, the run's first one and those behind it; None: the run's own.
        compute: where fits and judgements are made; no number depends on it.

    Raises:
        ConfigError: a model that cannot be trained on bars that others are cut out of; no seed.
        SplitError: fewer bars than folds; folds that leave a split nothing to train on.
        RunError: the run is not finished or being worked on, or its data file or its features are not what they were.
    """
    manifest = require_finished(directory)
    require_trained(manifest)
    directory.require_undamaged("judgement.json")
    config = directory.located_config()
    require_trainable_on_folds(config)
    if seeds is not None and seeds < 1:
        raise ConfigError("seeds", "must be at least 1", seeds)
    plan = ValidationPlan(
        str(directory.path.resolve()),
        folds,
        tested,
        config.all_seeds if seeds is None else tuple(range(config.seed, config.seed + seeds)),
    )
    with directory.locked("validated"):
        prepared_of.cache_clear()
        try:
            work = _Work(directory, plan, advance)
            with compute.mapper() as mapper:
                return work.validated(mapper)
        finally:
            prepared_of.cache_clear()


class _Work:
    """A validation under way."""

    def __init__(self, directory: RunDirectory, plan: ValidationPlan, advance: Advance) -> None:
        advance(0, 1, "bars, features, labels")
        self.directory, self.plan, self.advance = directory, plan, advance
        self.prepared: Prepared = prepared_of(plan.run)
        series = self.prepared.series
        require_shut(directory.trials, series.fingerprint, series.sketch, self.prepared.bars)
        self.splits: Combinatorial = plan.splits(self.prepared)
        for split in range(len(self.splits.choices)):  # what cannot be cut is refused before anything is fitted
            self.splits.window(split, self.prepared.config.splits.validation)
        self.paths = len(self.splits.paths)
        self.fits = len(plan.seeds) * len(self.splits.choices)
        self.judged = len(plan.seeds) * self.paths

    def validated(self, mapper: Mapper) -> Validation:
        self._fit(mapper)
        trials = self._trade()
        judgements = list(self._judge(mapper, trials))
        validation = self._result(trials, judgements)
        exhibits = [exhibit.to_dict() for exhibit in exhibits_of_validation(validation, judgements)]
        values = {**validation.to_dict(), "exhibits": exhibits}
        write_json(self.directory.path / FILE, sealed({"config_hash": self.prepared.config.hash, **values}))
        self._tell(self.fits + self.judged, "done")
        return validation

    @property
    def _run(self) -> str:
        """What the trial ledger calls the validation."""
        return f"{self.directory.id}/validation"

    def _tell(self, done: int, message: str) -> None:
        self.advance(done, self.fits + self.judged, message)

    def _fit(self, mapper: Mapper) -> None:
        """Fits what is not there yet; each fit is recorded once, however often the command is begun."""
        tasks = [
            SplitFit(self.plan, seed, split) for seed in self.plan.seeds for split in range(len(self.splits.choices))
        ]
        self._tell(0, f"split 1/{len(self.splits.choices)}")
        for done, (task, rows) in enumerate(zip(tasks, mapper.map(fit_split, tasks), strict=True), start=1):
            self._record("fit", task.seed, task.split, rows)
            where = f"split {task.split + 1}/{len(self.splits.choices)}"
            self._tell(done, where if len(self.plan.seeds) == 1 else f"seed {task.seed}, {where}")

    def _trade(self) -> Trials:
        """Trades every path, records each, and returns all trials of the market.

        A seed's middle path is recorded last: of the lines of one trial the last stands for it, in the spread of all
        trials and wherever their returns are compared.
        """
        for seed in self.plan.seeds:
            ledgers = []
            for path in range(self.paths):
                self._tell(self.fits, f"backtest of path {path + 1}/{self.paths}")
                ledgers.append(traded(self.plan, self.prepared, seed, path))
            ranked = sorted(range(self.paths), key=lambda path: recorded_sharpe(ledgers[path]) or 0.0)
            ranked.append(ranked.pop((self.paths - 1) // 2))
            for path in ranked:
                self._record("evaluation", seed, path, len(ledgers[path]), ledgers[path])
        series, bars = self.prepared.series, self.prepared.bars
        return self.directory.trials.trials(series.fingerprint, bars.periods_per_year)

    def _judge(self, mapper: Mapper, trials: Trials) -> Iterator[Judgement]:
        tasks = [JudgedPath(self.plan, seed, path, trials) for seed in self.plan.seeds for path in range(self.paths)]
        for done, (task, judgement) in enumerate(zip(tasks, mapper.map(judge_path, tasks), strict=True), start=1):
            self._tell(self.fits + done, f"judging path {task.path + 1}/{self.paths}")
            yield judgement

    def _record(
        self, kind: Literal["fit", "evaluation"], seed: int, part: int, bars: int, ledger: Ledger | None = None
    ) -> None:
        prepared, directory = self.prepared, self.directory
        line = Trial(
            kind=kind,
            run=self._run,
            part=part,
            data=prepared.bars.fingerprint,
            source=prepared.series.fingerprint,
            config=self.plan.trial(prepared.config),
            model=model_title(prepared.config.model),
            seed=seed,
            bars=bars,
            features=prepared.features.hash,
        )
        directory.trials.append(
            line if ledger is None else evaluated(line, ledger), prepared.series.sketch, directory.path
        )

    def _regimes(self, path: PathResult) -> tuple[Regimes, ...]:
        """What a path earned in which state of the market, as it was known when it decided."""
        config = self.prepared.config
        ledger = traded(self.plan, self.prepared, path.seed, path.path)
        states = market_states(ledger.bars, self.prepared.bars, ledger.market.latency_bars)
        return regimes_of(ledger, states, draws=config.judge.bootstrap_draws, seed=config.seed)

    def _result(self, trials: Trials, judgements: list[Judgement]) -> Validation:
        plan, prepared, config = self.plan, self.prepared, self.prepared.config
        where = [(seed, path) for seed in plan.seeds for path in range(self.paths)]
        paths = tuple(PathResult.of(*at, judgement) for at, judgement in zip(where, judgements, strict=True))
        scores = [[each.sharpe for each in paths if each.seed == seed] for seed in plan.seeds]
        spread = Spread.of(scores, config.judge.bootstrap_draws, config.seed)
        middle = middle_of(paths)
        judgement = judgements[paths.index(middle)]
        regimes = self._regimes(middle)
        returns = self.directory.trials.returns(prepared.series.fingerprint, self._run)
        loss = sum(each.total_return < 0.0 for each in paths) / len(paths)
        (begin, end), time = self.splits.span, prepared.bars.time
        return Validation(
            model=model_title(config.model),
            folds=plan.folds,
            tested=plan.tested,
            splits=len(self.splits.choices),
            seeds=plan.seeds,
            embargo=self.splits.embargo,
            first=str(time[begin])[:10],
            last=str(time[end - 1])[:10],
            bars=end - begin,
            trials=trials.count,
            paths=paths,
            sharpe=spread,
            loss=loss,
            walk_forward=_walk_forward(self.directory.path),
            middle=(middle.seed, middle.path),
            level=judgement.verdict.level,
            verdict=judgement.verdict.sentence,
            regimes=regimes,
            selection=selection_of(returns, config.seed),
            sentence=_sentence(len(paths), len(plan.seeds), spread, loss, judgement),
            notes=(_NOT_LIVE, _ALIKE),
        )


def _sentence(paths: int, seeds: int, spread: Spread, loss: float, judgement: Judgement) -> str:
    over = f"{count(paths)} paths" + ("" if seeds == 1 else f" of {seeds} seeds")
    return (
        f"Over {over} the annual Sharpe ratio after costs is {number(spread.median)} in the middle and "
        f"{number(spread.low)} to {number(spread.high)} from the 5th to the 95th percentile; {percent(loss)} lose "
        f"money. The middle path: {judgement.verdict.level}. {judgement.verdict.sentence}"
    )


def _walk_forward(folder: Path) -> float:
    judgement: dict[str, Any] = read_json(folder / "judgement.json")
    row = next(row for row in judgement["rows"] if row["name"] == "policy")
    return math.nan if row["sharpe"] is None else float(row["sharpe"])
