"""A challenger: the champion's config, trained on the bars up to now, as a run like every other."""

from __future__ import annotations

import numpy as np

from regimen.bars import DataConfig
from regimen.errors import ConfigError
from regimen.records import RunConfig
from regimen.runs.data_file import on_file
from regimen.runs.retraining.arena import WalkedBars, newest_window
from regimen.splits import WalkForwardConfig

TAIL = 8
"""Bars of a challenger's last test span: its newest model was trained on all that came before them."""


def challenger_config(arena: WalkedBars, bar: int) -> RunConfig:
    """Returns the champion's config for bars up to ``bar``, those included.

    It has two windows: one that is traded on a test span as long as the champion's, so that the run has a record out of
    sample; and one that ends with the last bars, whose model goes beside the champion. Training spans are as long as
    that of the champion's newest model, or begin at the start where the champion's grow.

    Args:
        arena: of the champion.
        bar: position of the newest bar.

    Raises:
        ConfigError: the champion's windows are not those of a walk forward, or there are too few bars.
    """
    config, manifest = arena.prepared.config, arena.manifest
    if not isinstance(config.splits, WalkForwardConfig):
        raise ConfigError("splits.kind", "must be walk_forward to be trained again on later bars", config.splits.kind)
    newest = newest_window(manifest)
    trained = int(newest["test"][0] - newest["train"][0])
    tested = max(int(window["test"][1] - window["test"][0]) for window in manifest["windows"])
    time, last = arena.bars.time, bar + 1 - TAIL  # where the newest model's training ends
    if config.splits.expanding:
        begin = int(manifest["windows"][0]["train"][0])
        trained = last - tested - begin
    begin = last - tested - trained
    if begin < 0:
        tested, begin = last - trained, 0
    if tested < TAIL or trained < 1:
        raise ConfigError("bars", f"must be {trained + 2 * TAIL} at least to train a challenger on", bar + 1)
    splits = config.splits.model_copy(
        update={"train": trained, "test": tested, "start": str(time[begin]), "retrain_every": 1}
    )
    data = on_file(DataConfig.of_bars(arena.bars), arena.directory.home)
    until = time[bar] + np.timedelta64(arena.bars.bar_length, "ns")
    return config.model_copy(update={"data": data.model_copy(update={"end": str(until)}), "splits": splits})
