"""`ablate`: each method of a config out and alone, with paired seeds, and what each is worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from regimen.errors import ConfigError
from regimen.numerals import count
from regimen.records import RunConfig, RunDirectory
from regimen.reporting.ablation import Ablation, Arm
from regimen.runs.ablation.arms import Advance, PlannedArm, plan, trained
from regimen.runs.ablation.measures import MEASURES, Measure, measured
from regimen.runs.ablation.scored import Scored
from regimen.runs.prepare import Prepared, prepare
from regimen.work import HERE, Mapper

SEEDS = 8
"""Paired seeds of each run: with fewer the correction for many methods leaves little that can be told."""
_UNITS = 100
_FEW = 4


def ablate(
    config: RunConfig,
    root: Path,
    advance: Advance,
    *,
    seeds: int = SEEDS,
    by: str | None = None,
    only_alone: bool = False,
    measures: Sequence[Measure] = MEASURES,
    mapper: Mapper = HERE,
) -> Ablation:
    """Trains a config without its methods, with each alone, with all, and with all but each; says what each is worth.

    Every run is an ordinary one of the folder, is counted in its trial ledger, and is not trained again where it lies
    there finished; one that was stopped is gone on with.

    Args:
        config: with methods in it; see `methods_of`.
        root: the folder of runs.
        advance: progress.
        seeds: of each run; the same for all, so that they are pairs.
        by: name of the measure that decides what a method is worth; None: log-loss skill, or the net Sharpe ratio of a
            model that says no probabilities.
        only_alone: leaves out all, and all but each.
        measures: the columns of the table.
        mapper: where windows are fitted and runs are measured.

    Raises:
        ConfigError: no method; a method that cannot be taken out alone; an unknown measure; and as a run.
    """
    if seeds < 1:
        raise ConfigError("seeds", "must be at least 1", seeds)
    arms = plan(config, seeds, root, only_alone=only_alone)
    return ablate_arms(config.name, arms, root, advance, by=by, measures=measures, mapper=mapper)


def ablate_arms(
    name: str,
    arms: Sequence[PlannedArm],
    root: Path,
    advance: Advance,
    *,
    by: str | None = None,
    measures: Sequence[Measure] = MEASURES,
    mapper: Mapper = HERE,
) -> Ablation:
    """Trains the arms of a plan, those that are not there yet, and measures them.

    Args:
        name: of the ablation.
        arms: the base first; all on the same bars, with the same windows and seeds.
        root, advance, by, measures, mapper: see `ablate`.

    Raises:
        ConfigError: an unknown measure; and as a run.
    """
    names = [measure.column.name for measure in measures]
    if by is not None and by not in names:
        raise ConfigError("by", f"must be one of {', '.join(names)}", by)
    total = len(arms) * _UNITS
    advance(0, total, "bars, features, labels")
    first = prepare(arms[0].config)
    runs = [
        trained(arm.config, root, first.bars.fingerprint, _part(advance, number, len(arms), arm.label), mapper)
        for number, arm in enumerate(arms)
    ]
    done: list[Arm] = []
    scores = mapper.map(partial(scores_of, measures=tuple(measures)), [str(run.path.resolve()) for run in runs])
    for arm, run in zip(arms, runs, strict=True):
        advance(total - 1, total, f"measuring {arm.label} ({len(done) + 1}/{len(arms)})")
        done.append(Arm(arm.kind, arm.method, run.id, next(scores)))
    if by is None:
        by = "skill" if "skill" in names and _is_known(done, "skill") else "sharpe"
    seeds = arms[0].config.seeds
    ablation = Ablation(
        name=name,
        arms=tuple(done),
        columns=tuple(measure.column for measure in measures),
        by=by,
        seeds=seeds,
        windows=len(first.windows),
        trials=_trials(root, first),
        facts=_facts(first),
        notes=_notes(first, seeds),
    )
    advance(total, total, "done")
    return ablation


def scores_of(run: str, measures: Sequence[Measure]) -> dict[str, NDArray[np.float64]]:
    """Returns the scores (seed, window) of the finished run in a folder, by the name of the measure."""
    directory = RunDirectory(Path(run))
    return measured(Scored(directory, prepare(directory.located_config())), measures)


def _is_known(arms: Sequence[Arm], measure: str) -> bool:
    return all(bool(np.isfinite(arm.scores[measure]).any()) for arm in arms)


def _part(advance: Advance, number: int, of: int, label: str) -> Callable[[int, int, str], None]:
    """Returns what tells the progress of one run within that of all."""

    def tell(done: int, total: int, message: str) -> None:
        advance(
            number * _UNITS + _UNITS * done // max(total, 1), of * _UNITS, f"{label} ({number + 1}/{of}), {message}"
        )

    return tell


def _trials(root: Path, prepared: Prepared) -> int:
    from regimen.records import TrialLedger

    ledger = TrialLedger(root / "trials.sqlite")
    return ledger.trials(prepared.series.fingerprint, prepared.bars.periods_per_year).count


def _facts(prepared: Prepared) -> tuple[tuple[str, str], ...]:
    begin, end = prepared.span
    time = prepared.bars.time
    return (
        ("Data", Path(prepared.bars.source).name or prepared.bars.source),
        ("Traded", f"{str(time[begin])[:10]} to {str(time[end - 1])[:10]}, {count(end - begin)} bars"),
        ("Costs", prepared.config.market.at(prepared.bars).costs.sentence),
    )


def _notes(prepared: Prepared, seeds: int) -> tuple[str, ...]:
    fewest = min(seeds, len(prepared.windows))
    if fewest >= _FEW:
        return ()
    rule = f"{count(seeds)} seeds and {count(len(prepared.windows))} windows: with fewer than {_FEW} of either next to "
    return (f"{rule}nothing can be told from chance.",)
