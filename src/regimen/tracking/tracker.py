"""What every tracker does, and `Trackers`: all of a run's at once, none of which can stop it."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from regimen.errors import without_credentials
from regimen.files import write_text

_log = logging.getLogger("regimen.tracking")
_MEMORY = "tracking.json"


class Tracker(Protocol):
    """Shows the course of one run somewhere. Every method may raise; `Trackers` stands between it and the run."""

    def numbers(self, step: int, values: Mapping[str, float], group: str) -> None:
        """Adds one point to each named curve.

        Args:
            step: the place on the horizontal axis: an epoch, environment steps; it grows within a group.
            values: finite numbers by name.
            group: whose curves they are, e.g. ``window-000``; empty: the whole run's.
        """

    def figure(self, name: str, path: Path) -> None:
        """Shows a PNG file; the name may begin with a group, ``window-000/calibration``."""

    def artefact(self, path: Path) -> None:
        """Keeps a file of the run, or its text where files cannot be kept."""

    def close(self, finished: bool) -> None:
        """Writes what is still held back; ``finished`` is false when the run was stopped or failed."""


@dataclass(frozen=True)
class About:
    """What is known of a run before its first number.

    Attributes:
        id: the run's name, that of its folder.
        config: the resolved config as plain, nested values.
        facts: data fingerprint, code version and the like, by name.
    """

    id: str
    config: Mapping[str, Any]
    facts: Mapping[str, str]


class Trackers:
    """All trackers of a run; without one it does nothing.

    A tracker that fails in the middle (a full disk, a server that is gone) is switched off with one line on the log
    ``regimen.tracking``: showing a run must never end it. As a context manager it closes them all.

    Args:
        trackers: by kind.
    """

    def __init__(self, trackers: Mapping[str, Tracker] | None = None) -> None:
        self._trackers = dict(trackers or {})

    @property
    def kinds(self) -> tuple[str, ...]:
        """Those that still work."""
        return tuple(self._trackers)

    def numbers(self, step: int, values: Mapping[str, float], group: str = "") -> None:
        """Adds one point to each named curve; values that are not finite are left out."""
        if not self._trackers:
            return
        finite = {name: float(value) for name, value in values.items() if math.isfinite(value)}
        if finite:
            self._each(lambda tracker: tracker.numbers(step, finite, group))

    def figure(self, name: str, path: Path) -> None:
        """Shows a PNG file; the name may begin with a group, ``window-000/calibration``."""
        self._each(lambda tracker: tracker.figure(name, path))

    def artefact(self, path: Path) -> None:
        """Keeps a file of the run."""
        self._each(lambda tracker: tracker.artefact(path))

    def close(self, finished: bool = True) -> None:
        """Writes what is still held back, and forgets the trackers."""
        self._each(lambda tracker: tracker.close(finished))
        self._trackers.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(finished=kind is None)

    def _each(self, do: Callable[[Tracker], None]) -> None:
        for kind, tracker in list(self._trackers.items()):
            try:
                do(tracker)
            except Exception as error:  # noqa: BLE001 - whatever a foreign library raises, the run goes on
                del self._trackers[kind]
                why = without_credentials(" ".join(f"{type(error).__name__}: {error}".split()))[:200]
                _log.warning("tracking: %s is switched off, the run goes on (%s)", kind, why)


class TrackerIds:
    """What must be known to go on with a run's curves after a stop: ``tracking.json`` in the run's folder.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _MEMORY
        self._values: dict[str, dict[str, str]] = {}
        if self._path.exists():
            try:
                self._values = _kept(json.loads(self._path.read_text(encoding="utf-8")))
            except (OSError, ValueError, RecursionError):
                _log.warning("tracking: %s cannot be read; the curves start again here", self._path)

    def recall(self, kind: str) -> dict[str, str]:
        """Returns what a tracker kept; empty in a new run."""
        return dict(self._values.get(kind, {}))

    def keep(self, kind: str, values: Mapping[str, str]) -> None:
        """Writes what a tracker wants to know again after a stop."""
        if self.recall(kind) != values:
            self._values[kind] = dict(values)
            write_text(self._path, json.dumps(self._values, indent=1, sort_keys=True) + "\n")


def _kept(values: object) -> dict[str, dict[str, str]]:
    """Raises ValueError where a file holds something else than trackers keep."""
    if not isinstance(values, dict):
        raise ValueError
    for kept in values.values():
        if not isinstance(kept, dict) or not all(isinstance(value, str) for value in kept.values()):
            raise ValueError
    return values


def flattened(values: Mapping[str, Any], prefix: str = "") -> dict[str, str | int | float | bool]:
    """Returns nested plain values under dotted names; lists become JSON text and null the word ``null``."""
    flat: dict[str, str | int | float | bool] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= flattened(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value if isinstance(value, str | int | float) else json.dumps(value)
    return flat
