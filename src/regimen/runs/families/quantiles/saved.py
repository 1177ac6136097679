"""The model of a finished window, and the rows of its test span as that model sees them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimen.policies import CalibratedClassifier, Calibration, Classifier, ClassifierPolicy, Preprocessed, Scaler
from regimen.preprocess import Chain
from regimen.records import RunDirectory
from regimen.runs.families import family_of
from regimen.runs.families.scaling import seen_through
from regimen.runs.prepare import Prepared
from regimen.splits import Window
from regimen.windows import Lanes


def saved_classifier(
    prepared: Prepared, directory: RunDirectory, window: Window
) -> tuple[Classifier, Calibration | None, Scaler, Prepared]:
    """Loads a window's model, its calibration and its scaler, with the features that the scaler sees."""
    folder = directory.window(window.number)
    whole = family_of(prepared.config.model).load(folder, prepared.config, prepared.features.hash)
    policy, chain = (whole.policy, whole.chain) if isinstance(whole, Preprocessed) else (whole, Chain())
    assert isinstance(policy, ClassifierPolicy)
    assert policy.scaler is not None
    seen, model = seen_through(chain, prepared), policy.classifier
    if isinstance(model, CalibratedClassifier):
        return model.below, model.calibration, policy.scaler, seen
    return model, None, policy.scaler, seen


def rows_of_test(
    model: Classifier, scaler: Scaler, prepared: Prepared, window: Window, most: int | None = None
) -> tuple[Any, NDArray[np.intp], NDArray[np.intp]]:
    """Returns at most so many labelled rows of a test span, as the model sees them, and their times and symbols."""
    length, stop = model.context, window.test.stop
    scaled = scaler.transform(prepared.frame.values[:stop], prepared.frame.names)
    lanes = Lanes.of(scaled, prepared.known[:stop])
    usable = lanes.whole(length) & (prepared.labels.y[:stop] >= 0)
    usable[: window.test.start] = False
    times, symbols = np.nonzero(usable)
    if most is not None:
        keep = np.unique(np.linspace(0, len(times) - 1, min(len(times), most)).astype(np.int64))
        times, symbols = times[keep], symbols[keep]
    rows = lanes.series[lanes.place[times, symbols]] if length == 1 else lanes.windows(times, symbols, length)
    return rows, times, symbols
