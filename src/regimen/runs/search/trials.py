"""The trials of a search: proposed together, in the ledger before they run, trained rung by rung, told at the end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from regimen.errors import ConfigError, RegimenError, RunError
from regimen.locks import FileLock
from regimen.records import RunConfig, Trial, model_title
from regimen.records.layout import CHECKPOINT
from regimen.reporting.search import Status
from regimen.runs.search.evaluation import Item, Report, evaluate
from regimen.runs.search.halving import Group, groups, survivors
from regimen.runs.search.objectives import COLUMNS
from regimen.runs.search.result import TrialResult
from regimen.runs.search.searching import Searching
from regimen.runs.search.study import Tried
from regimen.work import HERE, Mapper

Advance = Callable[[int, int, str], None]
Evaluate = Callable[[Item, Report], TrialResult | str]
_LOCK = ".lock"
_MOMENT = 0.3


def run_trials(
    searching: Searching, total: int, advance: Advance, mapper: Mapper = HERE, evaluation: Evaluate = evaluate
) -> None:
    """Proposes, trains and scores trials until there are so many; what is on disk of them is not done again.

    Args:
        searching: from `begin`.
        total: trials of the search, those that are there included; a grid has no more than its points.
        advance: progress.
        mapper: where trials of one batch, or of one rung, are trained; no result depends on it.
        evaluation: trains and scores one trial.

    Raises:
        RunError: another process works on the study.
    """
    if searching.search.sampler == "grid":
        total = min(total, len(searching.space.grid()))
    with locked(searching.folder):
        for group in groups(searching.search, total, searching.epochs):
            own = searching.study.own()
            members = own[group.start : group.stop]
            if len(members) < group.stop - group.start or any(each.status == "running" for each in members):
                _run_group(searching, group, total, advance, mapper, evaluation)


def _run_group(
    searching: Searching,
    group: Group,
    total: int,
    advance: Advance,
    mapper: Mapper,
    evaluation: Evaluate,
) -> None:
    study, objective = searching.study, searching.search.objectives[0]
    own = study.own()
    for place in range(group.start, group.stop):
        if place >= len(own) or not own[place].settings:
            study.ask(place)
    numbers = [trial.number for trial in study.own()[group.start : group.stop]]
    alive = numbers
    for step, rung in enumerate(group.rungs):
        trials = {trial.number: trial for trial in study.trials()}
        todo = [trial for trial in map(trials.__getitem__, alive) if rung not in trial.results and not trial.failure]
        _train(searching, todo, step, rung, total, advance, mapper, evaluation)
        trials = {trial.number: trial for trial in study.trials()} if todo else trials
        known = [number for number in alive if rung in trials[number].results]
        alive = known
        if rung and known:
            assert searching.search.hyperband is not None
            values = {number: trials[number].results[rung].objectives[objective] for number in known}
            larger = COLUMNS[objective].better > 0
            alive = list(survivors(values, searching.search.hyperband.factor, larger=larger))
    for trial in (trial for trial in study.trials() if trial.number in numbers):
        status: Status = "failed" if trial.failure else "complete" if 0 in trial.results else "pruned"
        study.tell(trial, status)
        if status != "pruned":
            _clear(searching.home(trial.number))


def _train(
    searching: Searching,
    trials: Sequence[Tried],
    step: int,
    rung: int,
    total: int,
    advance: Advance,
    mapper: Mapper,
    evaluation: Evaluate,
) -> None:
    """Trains trials up to a rung; each seed of each is in the ledger before the first of them runs."""
    items = []
    for trial in trials:
        try:
            config = searching.config(trial.settings)
        except RegimenError as error:
            searching.study.keep(trial.number, rung, str(error))
            continue
        items.append((trial, Item(str(searching.home(trial.number)), config, rung, searching.search.objectives)))
        _record(searching, trial.number, config, None, step)
    numbers = [trial.number for trial, _ in items]

    def listen(place: int, message: str) -> None:
        advance(min(numbers[place], total), total, f"trial {numbers[place] + 1}/{total}, {message}")

    results = mapper.map(evaluation, [item for _, item in items], listen)
    for (trial, item), result in zip(items, results, strict=True):
        if isinstance(result, TrialResult):
            _record(searching, trial.number, item.config, result, step)
        searching.study.keep(trial.number, rung, result)
        advance(min(trial.number + 1, total), total, f"trial {trial.number + 1}/{total} · {_outcome(result, rung)}")


def _outcome(result: TrialResult | str, rung: int) -> str:
    if isinstance(result, str):
        return "cannot be trained"
    values = ", ".join(f"{name} {value:.3g}" for name, value in result.objectives.items())
    return f"{values} after {rung} epochs" if rung else values


def _record(searching: Searching, number: int, config: RunConfig, result: TrialResult | None, step: int) -> None:
    """Appends a trial to the ledger: its fits before it runs, what it showed after each rung."""
    home = searching.home(number)
    home.mkdir(parents=True, exist_ok=True)
    train = searching.inner.windows[0].train.rows
    seeds = {each.seed: each for each in result.seeds} if result is not None else {}
    features = searching.features_hash(config)
    for seed in config.all_seeds:
        name = f"{searching.folder.name}/{number:04d}"
        own = seeds.get(seed)
        line = Trial(
            kind="fit" if own is None else "evaluation",
            run=name if seed == config.seed else f"{name}/seed-{seed}",
            part=step,
            data=searching.inner.bars.fingerprint,
            source=searching.outer.series.fingerprint,
            config=config.hash,
            model=model_title(config.model),
            seed=seed,
            bars=train if own is None else own.bars,
            sharpe=None if own is None else own.sharpe,
            timing=None if own is None else own.timing,
            features=features,
            daily="" if own is None else own.daily,
        )
        searching.ledger.append(line, searching.outer.series.sketch, home)


def revive(searching: Searching, number: int, advance: Advance, evaluation: Evaluate = evaluate) -> None:
    """Goes on with a trial that Hyperband stopped, from its checkpoint and with the same bits, up to all epochs.

    Args:
        searching: from `begin`.
        number: of the trial.
        advance: progress.
        evaluation: trains and scores one trial.

    Raises:
        ConfigError: no such trial, or one that was not stopped.
    """
    with locked(searching.folder):
        trials = searching.study.trials()
        if any(trial.revives == number for trial in trials):
            return
        trial = trials[number] if 0 <= number < len(trials) else None
        if trial is None or trial.status != "pruned":
            pruned = ", ".join(str(each.number) for each in trials if each.status == "pruned") or "there is none"
            raise ConfigError("revive", f"must be the number of a trial that was stopped early ({pruned})", number)
        advance(0, 1, f"trial {number} goes on")
        config = searching.config(trial.settings)
        step = len(trial.results)
        item = Item(str(searching.home(number)), config, 0, searching.search.objectives)
        _record(searching, number, config, None, step)
        result = evaluation(item, lambda message: advance(0, 1, f"trial {number}, {message}"))
        if isinstance(result, str):
            raise RunError("revive", f"cannot be trained to its end ({result})", number)
        _record(searching, number, config, result, step)
        searching.study.revive(number, result)
        _clear(searching.home(number))


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps other processes from working on a study, until the end of the block or of this process.

    Raises:
        RunError: another process works on it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock.wait(folder / _LOCK, _MOMENT)
    if lock is None:
        raise RunError("study", "is being worked on by another process", str(folder))
    try:
        lock.say(f"searched by process {os.getpid()}")
        yield
    finally:
        lock.release(remove=True)


def _clear(home: Path) -> None:
    """Removes the checkpoints of a trial that needs them no more."""
    for checkpoint in home.glob(f"seed-*/window-*/{CHECKPOINT}"):
        shutil.rmtree(checkpoint, ignore_errors=True)
