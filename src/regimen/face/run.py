"""`Run`: a run in its folder, as Python sees it: the verdict, the judgement, the books, the trained policies."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, final

from regimen.errors import ConfigError
from regimen.execution import Ledger
from regimen.face.progress import Advance, advancing
from regimen.judging import Judgement, Trials, Verdict
from regimen.readers import load
from regimen.records import (
    RunConfig,
    RunDirectory,
    find_run,
    read_json,
    require_finished,
    returns_table,
    write_report,
)
from regimen.reprs import short

if TYPE_CHECKING:
    import pandas as pd

    from regimen.bars import Bars
    from regimen.charts import Picture
    from regimen.policies import History, Policy
    from regimen.runs import Collapse, CostLadder, Importance, Signal, Stress, Validation


@final
class Run:
    """A run that was trained: ``rg.Run("latest")``, or by id, first letters of one, or path.

    What is read is checked against what was written; nothing is fitted, and no trial is added.

    Args:
        run: a path, an id, the first letters of one, or ``latest``.
        runs: the folder of runs in which ids are looked up.

    Raises:
        RunError: no run, or several runs of that name.
        ConfigError: something else than a name or a path.
    """

    def __init__(self, run: str | Path | Run = "latest", runs: str | Path = "runs") -> None:
        self._directory: RunDirectory
        if isinstance(run, Run):
            self._directory = run._directory
        else:
            self._directory = find_run(path_text(run, "run"), Path(path_text(runs, "runs")))

    @property
    def id(self) -> str:
        """Eight letters and digits that name the run."""
        return self._directory.id

    @property
    def path(self) -> Path:
        """The folder of the run."""
        return self._directory.path

    @property
    def status(self) -> str:
        """``finished``, ``running`` while a process works on it, else ``interrupted``: `regimen.resume` goes on."""
        return self._directory.status

    @cached_property
    def config(self) -> RunConfig:
        """The config that it was made with, its paths counted from here."""
        return self._directory.located_config()

    @cached_property
    def judgement(self) -> Judgement:
        """What the judge found, by the trials of its day; raises `RunError` for a run that is not finished."""
        require_finished(self._directory)
        self._directory.require_undamaged("judgement.json")
        return Judgement.from_dict(read_json(self.path / "judgement.json"))

    @property
    def verdict(self) -> Verdict:
        """The level and the sentence; ``print(run.verdict)`` is the sentence."""
        return self.judgement.verdict

    @cached_property
    def ledger(self) -> Ledger:
        """The books of all test spans, one account: every fill, fee and mark."""
        require_finished(self._directory)
        self._directory.require_undamaged("ledger/*")
        return Ledger.read(self.path / "ledger")

    @property
    def trials(self) -> Trials:
        """How many trials are recorded on this market by now; the judgement was deflated by those of its day."""
        self._directory.require_undamaged("data.json")
        source = read_json(self.path / "data.json")["source_fingerprint"]
        return self._directory.trials.trials(source, self.judgement.sample.periods_per_year)

    def policy(self, window: int = -1) -> Policy:
        """Returns the policy that was trained in a walk-forward window; the newest by default.

        Raises:
            ConfigError: no such window.
            RunError: the run is not finished, or a file of it is damaged.
        """
        from regimen.runs import load_policy

        windows = require_finished(self._directory)["windows"]
        if not -len(windows) <= window < len(windows):
            raise ConfigError("window", f"must be from {-len(windows)} to {len(windows) - 1}", window)
        number = window % len(windows)
        self._directory.require_undamaged(f"windows/{number:03d}/*")
        return load_policy(self._directory.window(number), self.config, self.config.features.build().hash)

    def history(self, bars: Bars | None = None) -> History:
        """Returns what the run's policies see, bar by bar: ``policy.act(run.history().at(t), state)``.

        Timing: row t uses bars <= t.

        Args:
            bars: others than the run's own, which are read again unless given.
        """
        from regimen.runs.prepare import history_of, seen

        config, bars = self.config, load(self.config.data) if bars is None else bars
        config = config.model_copy(update={"market": config.market.at(bars)})
        return history_of(config, bars, config.features.build().compute(seen(bars)))

    def signal(self, bars: str | Path | None = None, *, progress: bool | Advance | None = None) -> Signal:
        """Returns what the policy holds at the last bar of a file, and why; see ``regimen signal``. No trial is added.

        Args:
            bars: the file; the run's own data by default.
            progress: as in `regimen.train`.

        Raises:
            DataError: too few bars, or none behind the first model's training.
        """
        from regimen.runs import signal_of

        with advancing(progress) as advance:
            return signal_of(self._directory, None if bars is None else path_text(bars, "bars"), (), advance)

    def costs(
        self, at: Sequence[float] = (0.0, 1.0, 2.0, 5.0), *, progress: bool | Advance | None = None
    ) -> CostLadder:
        """Trades the run's decisions again at multiples of its costs; see ``regimen costs``. No trial is added.

        Args:
            at: the multiples.
            progress: as in `regimen.train`.
        """
        from regimen.runs import cost_ladder

        with advancing(progress) as advance:
            return cost_ladder(self._directory, at, advance)

    def collapse(self, *, twin: bool = True, progress: bool | Advance | None = None) -> Collapse:
        """Says why the policy holds; see ``regimen collapse``. No trial is added.

        Args:
            twin: whether an agent also learns once where tomorrow's return is shown.
            progress: as in `regimen.train`.
        """
        from regimen.runs import collapse_of

        with advancing(progress) as advance:
            return collapse_of(self._directory, advance, twin=twin)

    def importance(
        self,
        *,
        windows: Sequence[int] | None = None,
        folds: int = 5,
        shifts: int = 99,
        rows: int = 5000,
        alone: bool = True,
        progress: bool | Advance | None = None,
    ) -> Importance:
        """Measures which features mattered on held out rows of training slices; see ``regimen importance``.

        No test row is looked at, and no trial is added.

        Args:
            windows: numbers from 1 of the walk-forward windows whose training slices are used; the last by default.
            folds: of each training slice.
            shifts: of each feature that may matter, at least.
            rows: most that are scored of each fold, evenly spread.
            alone: whether the model is also fitted on each feature alone, which takes longest.
            progress: as in `regimen.train`.
        """
        from regimen.runs import importance_of

        with advancing(progress) as advance:
            return importance_of(
                self._directory, advance, windows=windows, folds=folds, shifts=shifts, rows=rows, alone=alone
            )

    def stress(
        self,
        *,
        epsilons: Sequence[float] = (0.01, 0.03, 0.1, 0.3),
        rows: int = 1000,
        certified: int = 200,
        sigma: float = 0.25,
        draws: int = 3,
        shares: Mapping[str, float] | None = None,
        progress: bool | Advance | None = None,
    ) -> Stress:
        """Attacks the model on out of sample rows, and splits what was earned; see ``regimen stress``.

        Nothing is fitted or decided again, and no trial is added.

        Args:
            epsilons: how far a feature is moved, in units of the scaled features.
            rows: most that are attacked, evenly spread.
            certified: most of them that are certified; 0: none.
            sigma: noise of the certificate.
            draws: paths of each crisis that did not happen; 0: none.
            shares: of epsilon, by the name of a group of features.
            progress: as in `regimen.train`.
        """
        from regimen.runs import stress_of

        with advancing(progress) as advance:
            return stress_of(
                self._directory,
                advance,
                epsilons=epsilons,
                rows=rows,
                certified=certified,
                sigma=sigma,
                draws=draws,
                shares=shares,
            )

    def validate(
        self,
        *,
        folds: int = 10,
        tested: int = 2,
        seeds: int | None = None,
        compute: str = "local",
        progress: bool | Advance | None = None,
    ) -> Validation:
        """Trains the config on every choice of folds, and judges every path through them; see ``regimen validate``.

        Every fit and every path is recorded, as one trial for each seed.

        Args:
            folds: that the bars are cut into.
            tested: folds that each split holds out.
            seeds: of each split; by default the run's own.
            compute: where: ``local``, ``processes:2``, ``ray`` or ``ray://HOST:PORT``; no number depends on it.
            progress: as in `regimen.train`.
        """
        from regimen.runs import validate_run
        from regimen.work import Compute

        where = Compute.parse(compute)
        with advancing(progress) as advance:
            return validate_run(self._directory, advance, folds=folds, tested=tested, seeds=seeds, compute=where)

    def report(self, open: bool = False) -> Path:
        """Writes ``report.html`` in the folder of the run, and returns its path.

        Args:
            open: whether the browser shows it.
        """
        _, path = write_report(self._directory)
        if open:
            import webbrowser

            webbrowser.open(path.resolve().as_uri())
        return path

    def returns(self) -> pd.Series:
        """Returns the daily returns after all costs, out of sample, as a pandas series.

        Its index are days (UTC, midnight without a zone), and its name is that of the run: what quantstats takes. Bars
        that begin on one day are compounded.
        """
        frame = returns_table(self.ledger).to_pandas().set_index("date")
        series: pd.Series = frame["return"].rename(self.id)
        return series

    def to_frame(self) -> pd.DataFrame:
        """Returns the account bar by bar; see `Ledger.to_frame`. ``judgement.to_frame()`` is the verdict's table."""
        return self.ledger.to_frame()

    def plot(self, path: str | Path | None = None) -> Picture:
        """Draws the equity beside its controls, how far it fell, and what was held, as the report does.

        Args:
            path: an SVG file to write the picture to.
        """
        from regimen.charts import picture_of

        return picture_of([*self.judgement.plot().figures, *self.ledger.plot().figures[2:]], path)

    def __repr__(self) -> str:
        status = self.status
        ending = self.verdict.sentence if status == "finished" else status
        return short(self, f"{self.id}, {self._directory.manifest()['model']}: {ending}")

    def _repr_html_(self) -> str:
        if self.status == "finished":
            return self.judgement._repr_html_()
        from regimen.charts import card

        return card(repr(self), [f"rg.resume({str(self.path)!r}) continues it."])


def path_text(value: object, field: str) -> str:
    """Returns a path, or the name of a run, as text.

    Raises:
        ConfigError: it is something else.
    """
    if not isinstance(value, str | os.PathLike):
        raise ConfigError(field, "must be a path or a name", type(value).__name__)
    return os.fspath(value)
