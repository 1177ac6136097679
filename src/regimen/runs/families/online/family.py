"""A model that learns on, in one walk-forward window: it begins where the window before it ended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from regimen.errors import ConfigError, RunError
from regimen.execution import History
from regimen.files import write_bytes
from regimen.labels import LabelStep
from regimen.policies import ExposureConfig, ExposureRule, Preprocessed, innermost
from regimen.policies.online import NEVER, Carried, OnlinePolicy, OnlineWalk, read_carried
from regimen.predictors import OnlineNetConfig, OnlineSettings
from regimen.preprocess import Chain, StandardScaler
from regimen.records import RunConfig, model_title, write_json
from regimen.records.layout import END, HISTORY, MODEL
from regimen.runs.families.family import Draw
from regimen.runs.families.scaling import (
    behind,
    fitted_scaler,
    preprocessed_by,
    read_chain,
    read_scaler,
    write_chain,
    write_scaler,
)
from regimen.runs.families.sizing import fit_rule, read_rule, write_rule
from regimen.runs.fit import Tell
from regimen.runs.prepare import Prepared
from regimen.seeding import torch_seed
from regimen.splits import Window

Floats = NDArray[np.float64]
_OPINIONS = "opinions.npy"


@dataclass(frozen=True, eq=False)
class OnlineFit:
    """What was learned before the test span of one window.

    Attributes:
        chain, scaler: fitted on the training slice of the first window.
        carried: where the model stands at the end of the bar before the test span.
        rule: from probabilities to exposure.
        policy: all of them together; it learns on in the test span.
        rows: labelled rows that it learned from for the first window, or since the window before.
    """

    chain: Chain
    scaler: StandardScaler
    carried: Carried
    rule: ExposureRule
    policy: OnlinePolicy | Preprocessed
    rows: int

    @property
    def model(self) -> object:
        """The classifier."""
        return self.carried.learner

    @property
    def was_chosen(self) -> bool:
        """True: labels of the validation slice were learned from."""
        return True

    def save(self, folder: Path) -> None:
        """Writes scaler and model into a window's folder."""
        write_chain(self.chain, folder)
        write_scaler(self.scaler, folder)
        write_rule(self.rule, folder)
        self.carried.save(folder / MODEL)
        write_json(folder / HISTORY, {"rows": self.rows})

    def keep_end(self, folder: Path, history: History, start: int, stop: int) -> None:
        """Writes what was said of the test span, and where the model stands behind it, for the window that follows."""
        policy, seen = innermost(self.policy, history)
        assert isinstance(policy, OnlinePolicy)
        walk = policy.walk(seen, start, stop)
        write_opinions(folder / END, walk)
        walk.carried.save(folder / END)


def fit(
    prepared: Prepared,
    window: Window,
    seed: int,
    checkpoint: Path | None = None,
    tell: Tell | None = None,
    previous: Path | None = None,
) -> OnlineFit:
    """Lets a model learn all labels that are due before a window's test span, one after the other.

    The first window's begins with nothing at the first bar of its training span. Each later one begins where the one
    before it stood at the end of its own test span, with its scaler and its preprocessing: columns that are scaled
    otherwise are other columns to what was learned.

    Args:
        prepared: bars, features and labels.
        window: the window.
        seed: of everything random in the model.
        checkpoint: folder that the training of a net which begins with one goes on from; else a fit begins again.
        tell: progress.
        previous: folder of the window before; None: it begins anew.

    Raises:
        ConfigError: its library is not installed; labels that do not come one by one.
    """
    config, model = prepared.config, prepared.config.model
    assert isinstance(model, OnlineSettings)
    if window.train.stop > window.test.start or len(window.train.spans) > 1:
        rule = "must be walk_forward with a model that learns on: all that it learns from lies before what it trades"
        raise ConfigError("splits.kind", rule, config.splits.kind)
    sizing = fit_rule(prepared, window, _no_opinions)
    step = LabelStep.of(config.labels, config.market.at(prepared.bars).costs.round_trip)
    if previous is None:
        chain, seen_by = preprocessed_by(prepared, window)
        scaler = fitted_scaler(seen_by, window)
        if isinstance(model, OnlineNetConfig) and model.start == "training":
            carried = _trained(prepared, seen_by, window, seed, checkpoint, tell)
        else:
            carried = _fresh(prepared, window, seed)
    else:
        chain, scaler = read_chain(previous, config), read_scaler(previous)
        carried = _read(previous / END, model, prepared.features.hash)
    stamps = prepared.bars.time.astype("datetime64[ns]").astype(np.int64)
    first = int(np.searchsorted(stamps, carried.until, side="right"))  # as numbers: before all bars is no time
    stop = window.test.start
    if tell is not None:
        tell(0, 1, f"{model_title(model)} learns from {max(stop - first, 0):,} bars", {})
    learning = behind(chain, OnlinePolicy(carried, step, sizing, scaler))
    inner, seen = innermost(learning, prepared.history)
    assert isinstance(inner, OnlinePolicy)
    carried = carried if first >= stop else inner.carried_to(seen, stop)
    rows = int((prepared.labels.defined & prepared.known)[first:stop].sum())
    policy = behind(chain, OnlinePolicy(carried, step, sizing, scaler))
    return OnlineFit(chain, scaler, carried, sizing, policy, rows)


def _fresh(prepared: Prepared, window: Window, seed: int) -> Carried:
    """Returns a model that knows nothing and begins to learn with the first bar of a window's training span."""
    model, symbols = prepared.config.model, len(prepared.bars.symbols)
    assert isinstance(model, OnlineSettings)
    own = torch_seed(seed, "online")
    learner = model.build(inputs=len(prepared.frame.names), seed=own, schema=prepared.features.hash)
    calibration = None if model.calibration is None else model.calibration.build()
    start = window.train.start
    until = NEVER if start == 0 else _stamp(prepared, start - 1)
    return Carried(learner, calibration, until, np.empty(0, np.int64), np.empty((0, symbols, 3)))


def _trained(
    prepared: Prepared, seen_by: Prepared, window: Window, seed: int, checkpoint: Path | None, tell: Tell | None
) -> Carried:
    """Returns a net that the common loop trained on a window's slices, which learns on behind them.

    What it says of the validation slice, by which its epoch was chosen, is what its calibration begins with.

    Args:
        prepared, seen_by: bars, features before and after the preprocessing, and labels.
        window: the window.
        seed: of weights and batches.
        checkpoint: see `fit`.
        tell: progress.
    """
    from regimen.runs.families import classifier

    model = prepared.config.model
    assert isinstance(model, OnlineNetConfig)
    plain = {"model": model.net, "calibration": None, "exposure": ExposureConfig()}
    alone = replace(prepared, config=prepared.config.model_copy(update=plain))
    result = classifier.fit(alone, window, seed, checkpoint, tell)
    scaler, names = result.scaler, seen_by.frame.names
    unadapted = result.result.unadapted
    learner = model.build(inputs=len(names), seed=torch_seed(seed, "online"), schema=prepared.features.hash)
    rows = np.asarray(scaler.take(seen_by.frame.values, window.train, names), np.float64)
    learner.begin(result.model.state() if unadapted is None else unadapted, rows, window.train.take(prepared.labels.y))
    calibration = None if model.calibration is None else model.calibration.build()
    if calibration is not None and window.validation.rows:
        rows = np.asarray(scaler.take(seen_by.frame.values, window.validation, names), np.float64)
        calibration.learn(result.model.predict_proba(rows), window.validation.take(prepared.labels.y))
    last, symbols = _stamp(prepared, window.test.start - 1), len(prepared.bars.symbols)
    return Carried(learner, calibration, last, np.empty(0, np.int64), np.empty((0, symbols, 3)))


def _stamp(prepared: Prepared, bar: int) -> int:
    """Returns when a bar begins, nanoseconds since 1970."""
    return int(prepared.bars.time[bar].astype("datetime64[ns]").astype(np.int64))


def _no_opinions() -> Floats:
    rule = "must be false with a model that learns on: its validation slice confirms nothing that it has not learned"
    raise ConfigError("exposure.shrink", rule, True)


def _read(folder: Path, model: OnlineSettings, schema: str) -> Carried:
    calibration = None if model.calibration is None else model.calibration.build()
    return read_carried(folder, model.read(folder, schema), calibration)


def load(folder: Path, config: RunConfig, schema: str) -> OnlinePolicy | Preprocessed:
    """Loads what `OnlineFit.save` left in a folder.

    Args:
        folder: the window's folder.
        config: of the run.
        schema: hash of the features that will be fed; another one is refused.
    """
    model = config.model
    assert isinstance(model, OnlineSettings)
    step = LabelStep.of(config.labels, config.market.costs.round_trip)
    carried, rule = _read(folder / MODEL, model, schema), read_rule(folder, config)
    return behind(read_chain(folder, config), OnlinePolicy(carried, step, rule, read_scaler(folder)))


def write_opinions(folder: Path, walk: OnlineWalk) -> None:
    """Writes what was said of a stretch of bars."""
    buffer = BytesIO()
    np.save(buffer, np.stack([walk.raw, walk.calibrated]))
    write_bytes(folder / _OPINIONS, buffer.getvalue())


def read_opinions(folder: Path, bars: int, symbols: int) -> tuple[Floats, Floats]:
    """Returns what a model said of a window's test span, (bar, symbol, 3): as it says it, and as it was calibrated.

    Raises:
        RunError: the file is missing or damaged.
    """
    try:
        raw, calibrated = np.load(folder / END / _OPINIONS, allow_pickle=False)
        if raw.shape != (bars, symbols, 3):
            raise ValueError
    except (OSError, ValueError):
        raise RunError("run", f"holds a damaged or missing {END}/{_OPINIONS}", str(folder)) from None
    return raw, calibrated


def figures() -> tuple[Draw, ...]:
    """Returns none: what a model that learns on says is a table of the report, `exhibit`."""
    return ()


def short(config: RunConfig) -> RunConfig:
    """Returns the config as it is: each bar is learned from once."""
    return config
