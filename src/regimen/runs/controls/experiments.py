"""The control experiments of a run: which there are, how each is made, and what it says."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from regimen.augment import matched_martingale
from regimen.errors import RegimenError, RunError
from regimen.execution import Ledger
from regimen.judging import LOOKS_GOOD, ControlExperiment, Judgement, Trials, Verdict, judge, moved_later
from regimen.records import RunDirectory, has_its_seal, plain, read_json, sealed, write_json
from regimen.runs.controls.applies import no_features, no_labels
from regimen.runs.controls.destroyed import reversed_features, shuffled_labels
from regimen.runs.controls.trading import Stretch, traded_again
from regimen.runs.prepare import Prepared, prepare_bars
from regimen.seeding import torch_seed

FOLDER = "controls"
Advance = Callable[[int, int, str], None]
Say = Callable[[str], None]


@dataclass(frozen=True)
class _Control:
    """A control experiment that can be made.

    Attributes:
        name: of it.
        how: for people.
        same: what did it, the first words of a sentence.
        meaning: of its looking good.
        absent: why it does not apply; empty where it does.
        draws: each makes it once; the next is made only where all before look good.
    """

    name: str
    how: str
    same: str
    meaning: str
    absent: str
    draws: tuple[Callable[[Say], Ledger], ...]


@dataclass(frozen=True, eq=False)
class Experiments:
    """The control experiments of one run, on one seed; made where its verdict asks for them, and kept in its folder.

    Attributes:
        prepared: bars, features, labels, windows.
        directory: of the run.
        ledger: of the seed that is judged.
        advance: progress.
    """

    prepared: Prepared
    directory: RunDirectory
    ledger: Ledger
    advance: Advance

    def __call__(self, verdict: Verdict) -> tuple[ControlExperiment, ...] | None:
        """Returns what they gave, from the run's folder where they were made before; None where none is called for.

        Where one is called for and the config never has any, there are none of them.

        Raises:
            RunError: a file of theirs is damaged.
        """
        when = self.prepared.config.judge.controls.when
        if when != "always" and verdict.level not in LOOKS_GOOD:
            return None
        if when == "never":
            return ()
        controls = list(self._all())
        return tuple(self._kept(control, place, len(controls)) for place, control in enumerate(controls))

    def _all(self) -> Iterator[_Control]:
        prepared, config = self.prepared, self.prepared.config
        seed, most = config.seed, config.judge.controls.windows

        def shuffled(exchanged: bool, stretch: Stretch) -> Prepared:
            window = stretch[0]
            parts = (window.train, window.validation) if window.validation.rows else (window.train,)
            own = torch_seed(seed, "window", window.number)
            return shuffled_labels(prepared, parts, own, exchanged)

        def backwards(rotated: bool, stretch: Stretch) -> Prepared:
            window, stop = stretch
            learned = window.train.start, max(window.train.stop, window.validation.stop)
            return reversed_features(prepared, (learned, (window.test.start, stop)), rotated)

        def anew(given: Callable[[bool, Stretch], Prepared], second: bool, say: Say) -> Ledger:
            return traded_again(prepared, seed, most, partial(given, second), say)

        yield _Control(
            "shuffled labels",
            "labels of training and validation in another order, in blocks; a second time with SELL and BUY exchanged",
            "Trained on shuffled labels the same model",
            "it does not owe its result to what it learned, something tells it the answers",
            no_labels(config),
            (partial(anew, shuffled, False), partial(anew, shuffled, True)),
        )
        yield _Control(
            "reversed features",
            "features in reverse order within training and test; a second time moved by half of the span",
            "With its features in reverse order the same model",
            "it does not owe its result to its features, something else tells it the answers",
            no_features(config),
            (partial(anew, backwards, False), partial(anew, backwards, True)),
        )
        yield _Control(
            "shifted signal",
            "its own decisions, half of the traded span later; a second time a third of it",
            "At other times the same decisions",
            "what they earn is no timing",
            "",
            (lambda _: moved_later(self.ledger, 2), lambda _: moved_later(self.ledger, 3)),
        )
        yield _Control(
            "matched martingale",
            "bars of the same moves whose direction is drawn; features, labels and model anew",
            "On a matched martingale, where there is nothing to earn, the same model",
            "a feature, a label or code of its own looks ahead",
            "",
            (self._martingale,),
        )

    def _martingale(self, say: Say) -> Ledger:
        prepared, config = self.prepared, self.prepared.config
        bars = matched_martingale(prepared.bars, torch_seed(config.seed, "controls"))
        loaded = replace(prepared.loaded, bars=bars)
        there = prepare_bars(config, loaded, prepared.features.unexamined())
        return traded_again(there, config.seed, config.judge.controls.windows, lambda _: there, say)

    def _kept(self, control: _Control, place: int, of: int) -> ControlExperiment:
        path = self.directory.path / FOLDER / f"{control.name.replace(' ', '-')}.json"
        if path.exists():
            return _read(path)
        outcome = self._outcome(control, lambda words: self.advance(place, of, f"control: {control.name} · {words}"))
        path.parent.mkdir(exist_ok=True)
        write_json(path, sealed(plain(asdict(outcome))))
        return _read(path)

    def _outcome(self, control: _Control, say: Say) -> ControlExperiment:
        if control.absent:
            return ControlExperiment(control.name, control.how, (), sentence=f"{control.absent}.")
        judge_config, seed = self.prepared.config.judge, self.prepared.config.seed
        outcome = ControlExperiment(control.name, control.how, ())
        for draw in control.draws:
            say("begins")
            try:
                ledger = draw(say)
            except RegimenError as error:
                return replace(outcome, levels=(), sentence=f"It could not be made: {error}.")
            say("judging")
            judgement = judge(
                ledger,
                Trials(1),
                seed=seed,
                draws=judge_config.random_controls,
                bootstrap_draws=judge_config.bootstrap_draws,
            )
            outcome = replace(
                outcome,
                levels=(*outcome.levels, judgement.verdict.level),
                sharpe=judgement.policy.sharpe,
                total_return=judgement.policy.total_return,
            )
            if not outcome.looks_good:
                break
        return replace(outcome, sentence=_sentence(control, outcome))


def of_the_run(directory: RunDirectory) -> Callable[[Verdict], tuple[ControlExperiment, ...] | None]:
    """Returns what gives a backtest that looks good the control experiments of its run: its policy is the same.

    Args:
        directory: of the finished run.
    """

    def known(verdict: Verdict) -> tuple[ControlExperiment, ...] | None:
        if verdict.level not in LOOKS_GOOD:
            return None
        return Judgement.from_dict(read_json(directory.path / "judgement.json")).controls

    return known


def _sentence(control: _Control, outcome: ControlExperiment) -> str:
    sharpe = "no Sharpe ratio" if math.isnan(outcome.sharpe) else f"a Sharpe ratio of {outcome.sharpe:.2f}"
    verb = "have" if control.same.endswith("decisions") else "has"
    levels = " and then ".join(outcome.levels)
    return f"{control.same} {verb} {sharpe}: {control.meaning if outcome.looks_good else levels}."


def _read(path: Path) -> ControlExperiment:
    values = read_json(path)
    if not has_its_seal(values):
        raise RunError(
            "run", f"holds a damaged {FOLDER}/{path.name}: remove it, and it is made again", str(path.parent)
        )
    sharpe, total = (math.nan if values[name] is None else values[name] for name in ("sharpe", "total_return"))
    return ControlExperiment(values["name"], values["how"], tuple(values["levels"]), sharpe, total, values["sentence"])
