"""MLflow: one run in a local SQLite file or on a server, through the client and without MLflow's global state."""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from regimen.errors import ConfigError
from regimen.files import DRAFT, scratch
from regimen.locks import FileLock
from regimen.tracking.config import MLflowConfig, expanded
from regimen.tracking.tracker import About, TrackerIds, flattened

# Read when mlflow is imported: nothing is told to its makers, and a server that is gone is given up within seconds.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")


@contextmanager
def _quiet() -> Iterator[None]:
    """Hides what MLflow does to itself: a deprecated option of SQLAlchemy, and news about making its tables."""
    log = logging.getLogger("mlflow.store.db.utils")
    level = log.level
    log.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The ``noload`` loader strategy is deprecated")
            yield
    finally:
        log.setLevel(level)


with _quiet():
    from mlflow.entities import Metric, Param
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

_SECONDS = 2.0
"""Points are held back for so long at most: a batch costs a few milliseconds, however small it is."""
_PATIENCE = 120.0
"""Seconds to wait for the process that makes the database."""
_METRICS, _PARAMS, _LONGEST = 1000, 100, 6000
"""What one request may hold, and the longest value of a parameter, as MLflow's store allows."""


class MLflowTracker:
    """Writes an MLflow run whose curves are named ``window-000/train_loss``.

    When a stopped run goes on, points that the store already has are not sent again.

    Args:
        config: which store and experiment.
        folder: of the run.
        about: the config becomes parameters, the facts become tags.
        memory: holds the id of the MLflow run.

    Raises:
        ConfigError: a SQLite file in a folder that does not exist.
        MlflowException: the store cannot be opened.
    """

    def __init__(self, config: MLflowConfig, folder: Path, about: About, memory: TrackerIds) -> None:
        uri = config.uri or f"sqlite:///{folder.resolve().parent / 'mlflow.db'}"
        if uri.startswith("sqlite:///") and not _file_of(uri).parent.is_dir():  # the library would try for minutes
            raise ConfigError("tracking.uri", "must be a file in a folder that exists", uri)
        self._waiting: list[Metric] = []
        self._sent = time.monotonic()
        self._last: dict[str, int] = {}
        with _quiet():
            if uri.startswith("sqlite:///"):
                _require_database(_file_of(uri))
            self._client = MlflowClient(expanded(uri))
            known = memory.recall("mlflow")
            self._run = known["run"] if known.get("uri") == uri and self._reopened(known["run"]) else ""
            self._resumed = bool(self._run)
            if not self._run:
                experiment = self._experiment(config.experiment, uri)
                tags = {**about.facts, "mlflow.source.name": "regimen"}
                self._run = str(self._client.create_run(experiment, run_name=about.id, tags=tags).info.run_id)
                memory.keep("mlflow", {"uri": uri, "run": self._run})
                params = [Param(name, str(value)[:_LONGEST]) for name, value in flattened(about.config).items()]
                for first in range(0, len(params), _PARAMS):
                    self._client.log_batch(self._run, params=params[first : first + _PARAMS])

    def numbers(self, step: int, values: Mapping[str, float], group: str) -> None:
        """Adds points, which reach the store within a few seconds."""
        now = int(time.time() * 1000)
        for name, value in values.items():
            key = f"{group}/{name}" if group else name
            if step > self._last_step(key):
                self._waiting.append(Metric(key, value, now, step))
        if time.monotonic() - self._sent > _SECONDS:
            self._send()

    def figure(self, name: str, path: Path) -> None:
        """Keeps a PNG file among the artefacts, under ``figures/``."""
        with _quiet():
            self._client.log_artifact(self._run, str(path), f"figures/{name.rpartition('/')[0]}".rstrip("/"))

    def artefact(self, path: Path) -> None:
        """Keeps a file among the artefacts."""
        with _quiet():
            self._client.log_artifact(self._run, str(path))

    def close(self, finished: bool) -> None:
        """Sends what is held back; the MLflow run is FINISHED, or KILLED until it goes on."""
        self._send()
        with _quiet():
            self._client.set_terminated(self._run, "FINISHED" if finished else "KILLED")

    def _send(self) -> None:
        with _quiet():
            while self._waiting:
                self._client.log_batch(self._run, metrics=self._waiting[:_METRICS])
                del self._waiting[:_METRICS]
        self._sent = time.monotonic()

    def _last_step(self, key: str) -> int:
        """The last step that the store had of a curve when this process opened it; −1 in a new run."""
        if not self._resumed:
            return -1
        if key not in self._last:
            with _quiet():
                history = self._client.get_metric_history(self._run, key)
            self._last[key] = max((point.step for point in history), default=-1)
        return self._last[key]

    def _reopened(self, run: str) -> bool:
        """Whether the store still has a run; it is set to RUNNING."""
        with suppress(MlflowException):
            if self._client.get_run(run).info.lifecycle_stage == "active":
                self._client.update_run(run, status="RUNNING")
                return True
        return False

    def _experiment(self, name: str, uri: str) -> str:
        """Returns the id of an experiment; a new one in a SQLite file keeps its artefacts beside that file."""
        place = None
        if uri.startswith("sqlite:///"):
            place = (_file_of(uri).parent / "mlflow-artifacts").as_uri()
        experiment = self._client.get_experiment_by_name(name)
        if experiment is None:
            try:
                return str(self._client.create_experiment(name, artifact_location=place))
            except MlflowException:  # another process was first
                experiment = self._client.get_experiment_by_name(name)
                if experiment is None:
                    raise
        return str(experiment.experiment_id)


def _require_database(file: Path) -> None:
    """Makes the database, where it is not there yet: one process does, and the file appears with all its tables.

    Raises:
        ConfigError: another process has been at it for minutes.
    """
    lock = FileLock.wait(file.with_name(f".{file.name}.lock"), _PATIENCE)
    if lock is None:
        raise ConfigError(
            "tracking.uri", f"must be free, but another process has been writing it for {_PATIENCE:.0f} s", str(file)
        )
    try:
        if file.exists():
            return
        with scratch(DRAFT, file.parent) as draft:
            MlflowClient(f"sqlite:///{draft / file.name}").search_experiments(max_results=1)
            (draft / file.name).replace(file)
    finally:
        lock.release(remove=True)


def _file_of(uri: str) -> Path:
    return Path(uri.removeprefix("sqlite:///")).resolve()
