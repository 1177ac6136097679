"""More bars to learn from in one window: paths of its training slice, with features and labels of their own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from regimen.augment import PathsConfig
from regimen.errors import ConfigError
from regimen.labels import UNDEFINED, Labels
from regimen.preprocess import Chain
from regimen.runs.prepare import Prepared, labelled, seen
from regimen.seeding import torch_seed
from regimen.splits import Window


def augmented(prepared: Prepared, window: Window, seed: int, chain: Chain) -> tuple[Prepared, ...]:
    """Returns the config's paths as a run sees real bars; none where the config has none.

    Features and labels are computed from each path's own bars, and pass through the steps that were fitted on the real
    ones. A path is as long as the training slice; its windows are empty, since it is nothing but training rows.

    Args:
        prepared: the real bars, before any preprocessing.
        window: only its training slice is read.
        seed: of the run.
        chain: fitted on the training slice.

    Raises:
        ConfigError: the window is a fold of a training slice, or other bars are cut out of its training slice: a path
            is drawn from all bars of it, those that are held out among them.
    """
    configs = [(k, each) for k, each in enumerate(prepared.config.augment) if isinstance(each, PathsConfig)]
    if configs and (window.test.role == "held_out" or len(window.train.spans) > 1):
        rule = "must make no paths for folds inside a training slice: a path is drawn from all of its bars"
        raise ConfigError("augment", rule, [config.kind for _, config in configs])
    paths = []
    for number, config in configs:
        own = torch_seed(seed, "window", window.number, "augment", number)
        for bars, learned in config.fit(prepared.bars, window.train, prepared.features.warmup).paths(own):
            frame = prepared.features.compute(seen(bars))
            there = np.where(bars.present[..., None], frame.values, np.nan)
            paths.append(
                Prepared(
                    prepared.config,
                    replace(prepared.loaded, bars=bars),
                    prepared.features,
                    replace(frame, values=chain.scan(prepared.passed.scan(there))),
                    _learned(labelled(prepared.config, bars), learned),
                    (),
                )
            )
    return tuple(paths)


def _learned(labels: Labels, learned: NDArray[np.bool_] | None) -> Labels:
    """Returns labels of those bars alone whose rows are learned from."""
    if learned is None:
        return labels
    kept = learned[:, None] & labels.defined
    return replace(
        labels,
        y=np.where(kept, labels.y, UNDEFINED).astype(np.int8),
        t_end=np.where(kept, labels.t_end, -1),
        forward_return=np.where(kept, labels.forward_return, np.nan),
    )
