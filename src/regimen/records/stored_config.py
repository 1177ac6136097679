"""The config that a run was made with, read back as it was, or one line that says what is different."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from regimen.errors import ConfigError, RunError
from regimen.records.config import RunConfig, read_yaml, resolve
from regimen.records.documents import plain
from regimen.records.manifest import CONFIG
from regimen.settings import FORMER, placed

_SHOWN = 4
_BEFORE = {"calibration": None}
"""What a run that was made before there was such a section did, where that is not what the default is now."""

_log = logging.getLogger("regimen.runs")


def read_config(folder: Path, manifest: Mapping[str, Any]) -> RunConfig:
    """Reads the config of a run or of a backtest.

    Fields that its version did not have are read with the defaults of this one, and the log ``regimen.runs`` says
    which; but a run that was made before probabilities were calibrated is read as one that does not calibrate them.

    Args:
        folder: of the run.
        manifest: holds the same config; that of an early run does not.

    Raises:
        RunError: the file is missing or damaged, was edited since, or is one that this version cannot read.
    """
    try:
        values = read_yaml(folder / CONFIG)
    except ConfigError as error:
        raise RunError("run", f"holds a damaged {CONFIG}: {error.rule}", str(folder)) from None
    written = manifest.get("config")
    if written is not None and (edited := _differences(written, plain(values))):
        shown = "; ".join(edited[:_SHOWN]) + (f"; and {len(edited) - _SHOWN} more" if len(edited) > _SHOWN else "")
        rule = f"must have the {CONFIG} that it was made with: {shown}; put it back, or train a new run with it"
        raise RunError("run", rule, str(folder))
    made_by = manifest["environment"].get("regimen", "an unknown version")
    values = {**_BEFORE, **values}
    try:
        config = resolve(values)
    except ConfigError as error:
        rule = f"holds a {CONFIG} of regimen {made_by} that this version cannot read: {error.field} {error.rule}"
        raise RunError("run", rule, str(folder)) from None
    if missing := missing_fields(config, values):
        _log.warning(
            "run %s: made by regimen %s, whose config had no %s; read with the defaults of this version",
            folder.resolve().name,
            made_by,
            ", ".join(missing),
        )
    return config


def missing_fields(config: RunConfig, values: Mapping[str, Any]) -> list[str]:
    """Returns what a config has and the values that it was read from have not; whole sections by their name only."""
    return list(_missing(config.as_dict(), placed(values), ""))


def _missing(now: Mapping[str, Any], then: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for key, value in now.items():
        if key not in then and FORMER.get(key) not in then:
            yield f"{prefix}{key}"
        elif isinstance(value, Mapping) and isinstance(then.get(key), Mapping):
            yield from _missing(value, then[key], f"{prefix}{key}.")


def _differences(then: Any, now: Any, prefix: str = "") -> list[str]:
    """Names the fields of two nested values that differ: ``training.epochs was 6 and is 8``."""
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        return [
            line
            for key in {**then, **now}
            for line in _differences(then.get(key, _ABSENT), now.get(key, _ABSENT), f"{prefix}{key}.")
        ]
    if then is not _ABSENT and type(then) is type(now) and then == now:
        return []
    return [f"{prefix.rstrip('.')} was {_shown(then)} and is {_shown(now)}"]


class _Absent:
    """Marks a field that is not there."""


_ABSENT = _Absent()


def _shown(value: object) -> str:
    if value is _ABSENT:
        return "absent"
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
