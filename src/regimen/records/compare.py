"""Runs beside each other: found, checked to be comparable, measured from what is on their disks."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from regimen.errors import RunError
from regimen.judging import Judgement, Sample, TimingMoments, Trials, dsr_now, level_now
from regimen.numerals import count, day, duration
from regimen.records.config import RunConfig
from regimen.records.directory import RunDirectory, require_finished
from regimen.records.documents import read_json
from regimen.records.effort import EFFORT, Effort
from regimen.records.listing import find_run
from regimen.records.models import kind_name, model_title
from regimen.records.trials import TrialLedger, counted
from regimen.reporting.comparison import Comparison, Contender, Reference, Series, improvement, spread

_OWN: dict[str, Any] = {"rebalance": True, "rebalance_band": True, "costs": {"venue", "chosen_by"}}
"""Fields of the market that say how a policy's targets become orders, or who chose it; runs may differ in them."""
_BESIDE = (".sqlite", ".sqlite-wal", ".sqlite-shm", ".sqlite-journal", ".html")
"""Files that lie beside runs, so that ``runs/*`` names them too."""


@dataclass(frozen=True, eq=False)
class Finished:
    """A finished run, as its folder tells it."""

    directory: RunDirectory
    manifest: Mapping[str, Any]
    config: RunConfig
    judgement: Judgement
    timing: TimingMoments
    source: str
    bar_length: int

    @classmethod
    def read(cls, directory: RunDirectory) -> Finished:
        """Reads a run; raises `RunError` when it is not finished or damaged."""
        manifest, path = require_finished(directory), directory.path
        directory.require_undamaged("judgement.json", "data.json", f"*/{EFFORT}")
        judgement, data = Judgement.from_dict(read_json(path / "judgement.json")), read_json(path / "data.json")
        timing = judgement.timing
        if timing is None:
            rule = f"was judged by an earlier version; `regimen report {path} --rejudge` judges it by this one"
            raise RunError("run", rule, directory.id)
        return cls(
            directory=directory,
            manifest=manifest,
            config=directory.config(),
            judgement=judgement,
            timing=timing,
            source=str(data["source_fingerprint"]),
            bar_length=data["bar_length"],
        )

    @property
    def id(self) -> str:
        """The run's id."""
        return self.directory.id

    @property
    def sample(self) -> Sample:
        """Span, bars and calendar of what was judged."""
        return self.judgement.sample

    @property
    def span(self) -> str:
        """First and last judged bar, and their number, in words."""
        sample = self.sample
        return f"{day(sample.start)} to {day(sample.end)}, {count(sample.bars)} bars"

    @cached_property
    def seeds(self) -> dict[int, float]:
        """Sharpe ratio by seed, the judged one first; that of a policy that never moved is 0."""
        several = self.judgement.seeds
        if several is not None:
            return {row.seed: row.sharpe for row in several.rows}
        own = self.judgement.policy.sharpe
        return {self.config.seed: 0.0 if math.isnan(own) else own}

    def efforts(self) -> Iterator[Effort]:
        """What was recorded of the fits of all seeds."""
        for seed in self.config.all_seeds:
            home = self.directory if seed == self.config.seed else self.directory.seed(seed)
            for window in self.manifest["windows"]:
                effort = Effort.read(home.path / "windows" / f"{window['number']:03d}")
                if effort is not None:
                    yield effort

    def curve(self, name: str) -> tuple[Series, Series]:
        """A curve of the judgement: nanoseconds since 1970, multiples of the starting equity."""
        drawn = self.judgement.curves
        stamps = np.array([stamp.removesuffix("Z") for stamp in drawn.time], dtype="datetime64[ns]")
        return stamps.astype(np.float64), np.array(drawn.equity[name], dtype=np.float64)


def find_runs(words: Sequence[str], root: Path) -> list[RunDirectory]:
    """Returns the runs that words name, each once, in order; see `find_run`.

    Files that lie beside runs (the trial ledger, an earlier comparison) are passed over.

    Raises:
        RunError: no words; or one that names no run.
    """
    by_path: dict[Path, RunDirectory] = {}
    for word in words:
        if Path(word).is_file() and word.endswith(_BESIDE):
            continue
        run = find_run(word, root)
        by_path.setdefault(run.path.resolve(), run)
    if not by_path:
        raise RunError("runs compare", "needs at least one run, e.g. runs/*")
    return list(by_path.values())


def compare_runs(directories: Sequence[RunDirectory], *, force: bool = False) -> Comparison:
    """Measures runs beside each other, and beside buy and hold.

    Every DSR is that of all trials recorded now: a run's own judgement was deflated by those of its day, fewer for
    the earlier ones. Verdicts follow.

    Args:
        directories: of finished runs.
        force: compares what should not be compared, and says why it should not.

    Raises:
        RunError: a run that is not finished; runs of other data, other test spans or other market rules.
    """
    runs = [Finished.read(directory) for directory in directories]
    first = runs[0]
    warnings = []
    for run in runs[1:]:
        difference = _difference(first, run)
        if difference is not None and not force:
            rule = f"must have the {difference[0]} of {first.id}, {difference[1]}; --force shows both, marked"
            raise RunError(f"run {run.id}", rule, difference[2])
        if difference is not None:
            warnings.append(
                f"{run.id} has another {difference[0]} than {first.id}: {difference[2]}, not {difference[1]}"
            )
    ledgers = {run.directory.trials.path: run.directory.trials for run in runs}
    trials = {run.source: _counted(ledgers.values(), run) for run in runs}
    benchmark = first.judgement.row("buy_and_hold")
    time, equity = first.curve("buy_and_hold")
    reference = Reference(
        sharpe=benchmark.sharpe,
        sharpe_interval=benchmark.sharpe_interval,
        total_return=benchmark.total_return,
        max_drawdown=benchmark.max_drawdown,
        turnover=benchmark.turnover,
        time=time,
        equity=equity,
    )
    labels = _labels(runs)
    return Comparison(
        contenders=[
            _contender(run, label, trials[run.source], first, reference)
            for run, label in zip(runs, labels, strict=True)
        ],
        reference=reference,
        trials=trials[first.source].count,
        facts=_facts(first),
        differences=warnings,
    )


def _contender(run: Finished, label: str, trials: Trials, first: Finished, benchmark: Reference) -> Contender:
    row = run.judgement.policy
    iqm, interval = spread(run.seeds)
    efforts = list(run.efforts())
    timed = [each.seconds for each in efforts if each.whole] or [each.seconds for each in efforts]
    time, equity = run.curve("policy")
    size = next((each for each in efforts if each.parameters is not None), None)
    return Contender(
        label=label,
        model=model_title(run.config.model),
        run=run.id,
        seeds=run.seeds,
        sharpe=row.sharpe,
        sharpe_interval=row.sharpe_interval,
        iqm=iqm,
        iqm_interval=interval,
        total_return=row.total_return,
        max_drawdown=row.max_drawdown,
        turnover=row.turnover,
        dsr=dsr_now(run.timing, trials),
        dsr_then=row.dsr,
        verdict=level_now(run.judgement, run.timing, trials),
        verdict_then=run.judgement.verdict.level,
        better_than_hold=improvement(run.seeds, [benchmark.sharpe]),
        better_than_first=math.nan if run is first else improvement(run.seeds, list(first.seeds.values())),
        parameters=_known(size and size.parameters),
        trainable=_known(size and size.trainable),
        seconds=median(timed) if timed else math.nan,
        time=time,
        equity=equity,
    )


def _counted(ledgers: Iterable[TrialLedger], run: Finished) -> Trials:
    """All trials on a run's series, in the ledgers of all compared runs."""
    rows = [row for ledger in ledgers for row in ledger.rows(run.source)]
    return counted(rows, run.sample.periods_per_year)


def _difference(first: Finished, run: Finished) -> tuple[str, str, str] | None:
    """The first thing that must be equal and is not: its name, the first run's value, this run's value."""
    ours, theirs = first.manifest["fingerprint"], run.manifest["fingerprint"]
    if ours != theirs:
        return "data", f"fingerprint {ours[:12]}", f"fingerprint {theirs[:12]}"
    ours, theirs = first.span, run.span
    if ours != theirs:
        return "test span", ours, theirs
    markets = [dict(_flat(each.config.market.model_dump(mode="json", exclude=_OWN))) for each in (first, run)]
    for name in markets[0] | markets[1]:
        values = [str(market.get(name, "absent")) for market in markets]
        if values[0] != values[1]:
            return f"market.{name}", values[0], values[1]
    return None


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _labels(runs: Sequence[Finished]) -> list[str]:
    """The models' names; where one comes twice, with the run's name, and with the end of its id if need be."""
    kinds = [kind_name(model_title(run.config.model)) for run in runs]
    named = [
        kind if many == 1 else f"{kind} · {run.config.name}"
        for kind, run, many in zip(kinds, runs, (Counter(kinds)[kind] for kind in kinds), strict=True)
    ]
    many = Counter(named)
    return [
        name if many[name] == 1 else f"{kind} · {run.id}" for name, kind, run in zip(named, kinds, runs, strict=True)
    ]


def _facts(run: Finished) -> list[tuple[str, str]]:
    sample = run.sample
    return [
        ("Data", Path(sample.source).name or sample.source),
        ("Sample", f"{count(sample.bars)} bars of {duration(run.bar_length)}"),
        ("Traded", f"{day(sample.start)} to {day(sample.end)}"),
        ("Costs", run.config.market.costs.sentence),
    ]


def _known(value: Any) -> float:
    return math.nan if value is None else float(value)


def write_comparison(comparison: Comparison, directories: Sequence[RunDirectory], path: Path) -> None:
    """Writes the page of a comparison, with links to the runs' own reports.

    Raises:
        RunError: the file cannot be written.
    """
    from regimen.reporting.comparison import write

    here = path.resolve().parent
    links = {one.id: Path(os.path.relpath(one.path.resolve() / "report.html", here)).as_posix() for one in directories}
    write(comparison, path, links)
