"""More bars to learn from in one window: paths of its training slice, with features and labels of their own."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from regimen.augment import CrisisConfig, PathsConfig
from regimen.errors import ConfigError
from regimen.labels import UNDEFINED, Labels
from regimen.preprocess import Chain
from regimen.runs.prepare import Prepared, labelled, seen
from regimen.seeding import torch_seed
from regimen.splits import Window

_log = logging.getLogger("regimen.runs")


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
        if isinstance(config, CrisisConfig):
            _tell_where_no_crisis_is(config, prepared, window, seed)
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


def _tell_where_no_crisis_is(config: CrisisConfig, prepared: Prepared, window: Window, seed: int) -> None:
    """Warns once a run that crises add nothing to its first windows: at the last of these, for the first seed."""

    def none_is_over(each: Window) -> bool:
        return not config.used(prepared.bars.window(each.train.start, each.train.stop))

    later = prepared.windows[window.number + 1 : window.number + 2]
    if seed != prepared.config.seed or not none_is_over(window) or any(map(none_is_over, later)):
        return
    _log.warning(
        "augment: crisis: adds nothing to the first %d of %d windows: none of %s was over by %s, the end of their last "
        "training slice; hindsight: true adds them",
        window.number + 1,
        max(len(prepared.windows), window.number + 1),
        ", ".join(config.templates),
        str(prepared.bars.time[window.train.stop - 1])[:10],
    )


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
