"""A challenger: the champion's config, trained on the bars up to now, as a run like every other."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from regimen.bars import DataConfig
from regimen.errors import ConfigError
from regimen.records import RunConfig, RunDirectory
from regimen.runs.data_file import on_file
from regimen.runs.retraining.arena import WalkedBars, newest_window
from regimen.runs.walk_forward import resume_run, start
from regimen.splits import WalkForwardConfig
from regimen.work import HERE, Mapper

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


def trained(
    config: RunConfig, place: Path, advance: Callable[[int, int, str], None], mapper: Mapper = HERE
) -> RunDirectory:
    """Returns the finished run of a challenger: the one that is there, gone on with where it was stopped, or a new one.

    Args:
        config: of it.
        place: its folder.
        advance: progress.
        mapper: where windows are fitted.
    """
    directory = RunDirectory(place)
    if directory.can_resume and directory.status == "finished":
        return directory
    if directory.can_resume and directory.has_begun:
        resume_run(directory, advance, mapper)
        return directory
    shutil.rmtree(place, ignore_errors=True)
    return start(config, place.parent, advance, mapper, name=place.name)[0]
