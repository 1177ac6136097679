"""`judge`: the verdict on a ledger, or on a run, by every trial that is on record."""

from __future__ import annotations

import difflib
import hashlib
import inspect
import json
from pathlib import Path
from typing import Any

from regimen import judging
from regimen.bars import Sketch
from regimen.errors import ConfigError
from regimen.execution import Ledger
from regimen.face.run import Run, path_text
from regimen.judging import Judgement, Trials
from regimen.records import Trial, TrialLedger, evaluated

_DIGITS = 16


def judge(what: Ledger | Run, trials: Trials | None = None, *, runs: str | Path = "runs", **options: Any) -> Judgement:
    """Judges a ledger: controls, intervals, deflation by every trial, and a verdict in one sentence.

    Without ``trials`` they are counted for you: this evaluation is written into the trial ledger in ``runs``, beside
    those of the runs there, and the verdict is deflated by all on the same market. The same targets at the same costs
    count once, however often they are judged.

    Args:
        what: a ledger; or a run, whose judgement is returned as it was made.
        trials: how many things were tried; for whoever keeps count elsewhere.
        runs: the folder of the trial ledger.
        options: of `regimen.judging.judge`: ``seed``, ``draws``, ``bootstrap_draws``, ``reference``, ``progress``.

    Raises:
        ConfigError: neither a ledger nor a run; trials that are none; an unknown option.
    """
    if isinstance(what, Run):
        return what.judgement
    if not isinstance(what, Ledger):
        raise ConfigError("judge", "must be given a Ledger, as rg.backtest returns it, or a Run", type(what).__name__)
    if trials is not None and not isinstance(trials, Trials):
        raise ConfigError("trials", "must be Trials, such as rg.Trials(count=5), or left out to be counted", trials)
    known = inspect.signature(judging.judge).parameters
    for name in options:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else f"; it has {', '.join(list(known)[2:])}"
            raise ConfigError(name, f"is not an option of judge{hint}", options[name])
    if trials is None:
        trials = _counted(what, Path(path_text(runs, "runs")))
    return judging.judge(what, trials, **options)


def _counted(ledger: Ledger, root: Path) -> Trials:
    """Records the evaluation of a ledger, and returns the trials on its market, this one included."""
    book, source = TrialLedger(root / "trials.sqlite"), ledger.bars.fingerprint
    config = _identity(ledger)
    trial = Trial(
        kind="evaluation",
        run=f"backtest-{config}",
        part=0,
        data=source,
        source=source,
        config=config,
        model="backtest",
        seed=0,
        bars=len(ledger),
    )
    book.append(evaluated(trial, ledger), Sketch.of(ledger.bars))
    return book.trials(source, ledger.bars.periods_per_year)


def _identity(ledger: Ledger) -> str:
    """What was decided, and by which rules it was traded: all that tells one backtest of these bars from another."""
    market = json.dumps(ledger.market.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(market.encode() + ledger.targets.tobytes()).hexdigest()[:_DIGITS]
