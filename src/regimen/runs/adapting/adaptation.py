"""`adapt_run`: what adapting a finished run to its newest bars is worth, and a new run where that is something."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimen.errors import ConfigError, DataError
from regimen.execution import Ledger
from regimen.metrics import t_interval
from regimen.policies import targets
from regimen.readers import load_with_report
from regimen.records import RunDirectory, Trial, evaluated, model_title, new_id, plain, require_finished
from regimen.records.layout import POLICY, UNADAPTED
from regimen.reprs import short
from regimen.runs.adapting.continued import continued, minute
from regimen.runs.adapting.learner import AdaptSettings, NewestModel, Rows
from regimen.runs.backtests import with_overrides
from regimen.runs.guarding import trade
from regimen.runs.prepare import Prepared, WholeSeries, labelled, require_same_data, seen
from regimen.runs.vault import require_shut

Advance = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Adaptation:
    """What adapting was worth on bars that no adaptation had seen.

    Attributes:
        run: id of the new run; None where it was refused.
        rows, blocks: held out rows, and the blocks of bars that they are in; each block had an adaptation of its own.
        log_loss: before and after, nats a row.
        accuracy: before and after.
        gain: mean over blocks of how much log loss fell.
        low, high: 95 % interval of the gain, a paired t over blocks.
        rate, steps, shots, adapts: how it was adapted.
        held_out_from, held_out_to: first and last bar of the held out rows.
        adapted_to: last bar whose label the new run was, or would have been, adapted to.
        sentence: the conclusion, for people.
    """

    run: str | None
    rows: int
    blocks: int
    log_loss: tuple[float, float]
    accuracy: tuple[float, float]
    gain: float
    low: float
    high: float
    rate: float
    steps: int
    shots: int
    adapts: str
    held_out_from: str
    held_out_to: str
    adapted_to: str
    sentence: str

    def __repr__(self) -> str:
        return short(self, self.sentence)

    @property
    def kept(self) -> bool:
        """Whether there is a new run."""
        return self.run is not None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        values: dict[str, Any] = plain({"kept": self.kept, **asdict(self)})
        return values


@dataclass(frozen=True, eq=False)
class _Scored:
    """What came of the blocks.

    Attributes:
        before, after: for each block (rows, 2): log loss, and whether the most likely class came.
        exposures: (time, symbol) of the adapted models; NaN before the first block.
    """

    before: list[NDArray[np.float64]]
    after: list[NDArray[np.float64]]
    exposures: NDArray[np.float64]


def adapt_run(
    directory: RunDirectory,
    bars: str,
    advance: Advance,
    *,
    rate: float | None = None,
    steps: int | None = None,
    shots: int | None = None,
    overrides: Sequence[str] = (),
) -> Adaptation:
    """Adapts a finished run's newest model to the last bars, into a new run, if that was worth something so far.

    Timing: from the bar on at which the newest model began to decide, every block of ``shots`` bars (or of a label's
    horizon, where that is longer) is decided by the model adapted to the last ``shots`` rows of each symbol whose
    labels were due before the block. So what is measured was never adapted to. The new run's model is adapted to the
    last rows whose labels are due, and begins to decide at the last bar. Features, preprocessing, scaler and
    calibration stay.

    It is one trial, whether it is kept or not. The old run is not touched.

    Args:
        directory: of a finished run of a torch classifier.
        bars: data file of the newest bars; what it has in common with the run's own must be the same.
        advance: progress.
        rate, steps, shots: of the adaptation; as the run's ``maml`` has them, or the recipe's defaults.
        overrides: of the file, ``data.*`` only.

    Raises:
        ConfigError: a model that is no torch classifier; a number that is not positive.
        DataError: bars that do not go on where the run's own end, or too few to measure anything.
        RunError: the run is not finished or damaged, or its data file has changed since.
    """
    for override in overrides:
        if not override.startswith("data."):
            raise ConfigError("override", "must begin with data.; the policy is trained already", override)
    manifest = require_finished(directory)
    parts = (*POLICY, f"{UNADAPTED}/*")
    directory.require_undamaged("data.json", *(f"windows/*/{part}" for part in parts))
    config = directory.located_config()
    settings = AdaptSettings.of(config, rate, steps, shots)
    advance(0, 5, "bars")
    own = load_with_report(config.data)
    require_same_data(own.bars, manifest)
    loaded = replace(own, bars=continued(own.bars, load_with_report(with_overrides(config, bars, overrides).data).bars))
    series = WholeSeries.of(config.data, own.bars)
    require_shut(directory.trials, series.fingerprint, series.sketch, loaded.bars, manifest)
    config = config.model_copy(update={"market": config.market.at(loaded.bars)})
    advance(1, 5, "features")
    features = config.features.build()
    frame = features.compute(seen(loaded.bars))
    prepared = Prepared(config, loaded, features, frame, labelled(config, loaded.bars), ())
    window = manifest["windows"][-1]
    learner = NewestModel.load(directory.window(window["number"]), prepared)
    first = int(window["test"][0])
    advance(2, 5, "before and after")
    rows = learner.rows()
    scored = _held_out(learner, rows, first, settings)
    ledger = trade(config, loaded.bars, scored.exposures, first, len(loaded.bars))
    last = rows.last(settings.shots, len(loaded.bars))
    adaptation = _concluded(prepared, scored, rows, last, first, settings)
    advance(3, 5, "trial")
    new = new_id()
    trial = _trial(new, manifest, prepared, series.fingerprint, settings, ledger)
    directory.trials.append(trial, series.sketch)
    if adaptation.low > 0.0:
        from regimen.runs.adapting.adapted import write_adapted

        advance(4, 5, "the adapted run")
        learner.adapt(last, settings)
        adaptation = replace(adaptation, run=new, sentence=f"Kept: {adaptation.sentence}")
        write_adapted(directory, new, learner, scored.exposures, ledger, series, trial, adaptation.to_dict())
    else:
        adaptation = replace(adaptation, sentence=f"Refused: {adaptation.sentence}")
    advance(5, 5, "done")
    return adaptation


def _held_out(learner: NewestModel, rows: Rows, first: int, settings: AdaptSettings) -> _Scored:
    """Decides every block by the model that was adapted before it, and measures it beside the run's own.

    Raises:
        DataError: fewer than two blocks with labels.
    """
    prepared = learner.prepared
    length, stop = max(settings.shots, prepared.labels.horizon), len(prepared.bars)
    before, after, exposures = [], [], np.full(prepared.bars.shape, np.nan)
    for start in range(first, stop, length):
        end = min(start + length, stop)
        block = rows.where((rows.times >= start) & (rows.times < end))
        support = rows.last(settings.shots, start)
        learner.predictor.load_state(learner.traded)
        if len(block.times):
            before.append(learner.losses(block))
        if len(support.times):
            learner.adapt(support, settings)
        if len(block.times):
            after.append(learner.losses(block))
        exposures[start:end] = targets(learner.policy, prepared.history, start, end)
    if len(before) < 2:
        since = minute(prepared.bars.time[first])
        rule = f"must leave two blocks of {length} bars with labels behind {since}, to measure by (--shots sets it)"
        raise DataError("bars", rule, len(before))
    return _Scored(before, after, exposures)


def _concluded(
    prepared: Prepared, scored: _Scored, rows: Rows, last: Rows, first: int, settings: AdaptSettings
) -> Adaptation:
    gains = np.array([(b - a)[:, 0].mean() for b, a in zip(scored.before, scored.after, strict=True)])
    low, high = t_interval(gains)
    (loss, hits), (new_loss, new_hits) = (np.concatenate(part).mean(axis=0) for part in (scored.before, scored.after))
    measured, stamps = rows.where(rows.times >= first), prepared.bars.time
    chance = "more than chance explains" if low > 0.0 else "no more than chance explains: the interval covers 0"
    if high < 0.0:
        chance = "it makes things worse"
    return Adaptation(
        run=None,
        rows=len(measured.times),
        blocks=len(gains),
        log_loss=(float(loss), float(new_loss)),
        accuracy=(float(hits), float(new_hits)),
        gain=float(gains.mean()),
        low=low,
        high=high,
        rate=settings.rate,
        steps=settings.steps,
        shots=settings.shots,
        adapts=settings.adapts,
        held_out_from=_stamp(stamps[measured.times[0]]),
        held_out_to=_stamp(stamps[measured.times[-1]]),
        adapted_to=_stamp(stamps[last.times[-1]]),
        sentence=f"adapting gains {gains.mean():+.4f} nats a row in log loss, 95 % [{low:+.4f}, {high:+.4f}] over "
        f"{len(gains)} blocks; {chance}.",
    )


def _trial(
    run: str, manifest: dict[str, Any], prepared: Prepared, source: str, settings: AdaptSettings, ledger: Ledger
) -> Trial:
    """Describes the adaptation for the trial ledger: another rate, or more bars, is another trial."""
    how = f"{settings.rate:g} x {settings.steps} on {settings.shots}, {settings.adapts}"
    line = Trial(
        kind="evaluation",
        run=run,
        part=0,
        data=prepared.bars.fingerprint,
        source=source,
        config=prepared.config.hash,
        model=model_title(prepared.config.model),
        seed=prepared.config.seed,
        bars=len(ledger),
        features=prepared.features.hash,
        trained=f"{manifest['fingerprint']}, adapted {how}",
    )
    return evaluated(line, ledger)


def _stamp(time: np.datetime64) -> str:
    return str(time.astype("datetime64[m]")).replace("T", " ")
