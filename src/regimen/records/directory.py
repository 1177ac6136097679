"""A run directory: everything about one run, written so that a killed process leaves nothing half-written."""

from __future__ import annotations

import os
import platform
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatch
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import regimen
from regimen.errors import RunError
from regimen.files import sweep
from regimen.locks import FileLock, is_locked
from regimen.own import OwnSource
from regimen.readers.formats import path_exists
from regimen.records.checksums import JUDGED, recorded_files, require_undamaged
from regimen.records.layout import EXPOSURES, HISTORY
from regimen.records.manifest import CONFIG, MANIFEST, read_manifest, write_manifest
from regimen.records.trials import TrialLedger

if TYPE_CHECKING:
    from regimen.records.config import RunConfig

_PACKAGES = ("torch", "numpy", "numba", "pandas", "pyarrow")
_LOCK = ".lock"
_MOMENT = 0.3
"""Seconds to wait for a lock: whoever asks whether it is free has it for a moment."""
_FIRST, _LETTERS = "abcdefghjkmnpqrstvwxyz", "abcdefghjkmnpqrstvwxyz23456789"
"""Of an id: no letter that looks like a digit, and none of them first, so that no id reads as a number."""


def code_version() -> str:
    """The package's version, with the commit when it runs from a checkout."""
    folder = Path(regimen.__file__).parents[2]
    if not (folder / ".git").exists():
        return regimen.__version__
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), "describe", "--always", "--dirty"],
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return regimen.__version__
    return f"{regimen.__version__}+{answer.stdout.strip()}"


def environment() -> dict[str, Any]:
    """What the numbers may depend on besides config and data: code, packages, machine."""
    return {
        "regimen": code_version(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": platform.machine(),
        "packages": {name: version(name) for name in _PACKAGES},
    }


def now() -> str:
    """Returns the time of day in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def new_id() -> str:
    """Returns a new id of eight letters and digits, one of 480,000,000,000: none comes twice, also after a removal."""
    return secrets.choice(_FIRST) + "".join(secrets.choice(_LETTERS) for _ in range(7))


@dataclass(frozen=True)
class RunDirectory:
    """The folder of one run: ``<runs>/<id>``.

    It holds ``config.yaml`` (resolved), ``manifest.json`` (code, data, seeds, status), ``data.json`` (checks and
    repairs), ``windows/<k>/`` (model, checkpoint, exposures), ``seeds/<n>/windows/`` (those of further seeds),
    ``ledger/`` (fills and marks), ``judgement.json`` and ``report.html``; once asked for, ``costs.json``,
    ``importance.json``, ``stress.json``, ``collapse.json``, ``validation.json`` with ``validation/``, ``vault.json``
    with ``vault/``, and ``backtests/``; with a tracker also ``figures/`` and what it keeps there (``tensorboard/``,
    ``wandb/``, ``tracking.json``); with code of the user's own a copy of it in ``sources/``, for the record.
    """

    path: Path

    @classmethod
    def open(cls, path: Path) -> RunDirectory:
        """Opens an existing run; raises `RunError` when the folder is no run."""
        if not path.is_dir():
            raise RunError("run", "must be the folder of a run, e.g. runs/<id>", str(path))
        if not cls(path).can_resume:
            raise RunError("run", "is no run: manifest.json or config.yaml is missing", str(path))
        return cls(path)

    @property
    def can_resume(self) -> bool:
        """Whether the folder says enough of its run to be opened again."""
        return (self.path / MANIFEST).exists() and (self.path / CONFIG).exists()

    @property
    def id(self) -> str:
        """The folder's name, whatever path or link leads there."""
        return self.path.resolve().name

    def window(self, number: int) -> Path:
        """The folder of one walk-forward window; made when missing."""
        path = self.path / "windows" / f"{number:03d}"
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError("run folder", f"must be writable ({error.strerror})", str(path)) from None
        return path

    def seed(self, number: int) -> RunDirectory:
        """The folder of a seed after the first, which has windows of its own."""
        return RunDirectory(self.path / "seeds" / str(number))

    def config(self) -> RunConfig:
        """The resolved config that the run was made with; see `read_config`."""
        from regimen.records.stored_config import read_config

        return read_config(self.path, self.manifest())

    def located_config(self) -> RunConfig:
        """The config with relative data paths counted from the folder that the run was started in."""
        return located(self.config(), Path(self.working_folder))

    @property
    def working_folder(self) -> str:
        """The folder that the run was started in; the current one before there is a manifest."""
        here = str(Path.cwd())
        return str(self.manifest().get("working_folder", here)) if self.can_resume else here

    def manifest(self) -> dict[str, Any]:
        """Code, data fingerprint, seeds, checksums and status (``running`` until all is on disk, then ``finished``)."""
        return read_manifest(self.path)

    def require_undamaged(self, *patterns: str) -> None:
        """Raises `RunError` when a file that was recorded is missing or holds other bytes; by default any of them.

        Args:
            patterns: which files, by path inside the folder: ``windows/*/history.json``.
        """
        files = self.manifest().get("files") or {}
        judged = {name: checksum for name, checksum in files.items() if any(fnmatch(name, each) for each in JUDGED)}
        require_undamaged(
            self.path, {name: checksum for name, checksum in files.items() if name not in judged}, *patterns
        )
        try:
            require_undamaged(self.path, judged, *patterns)
        except RunError as error:
            raise error.adding(f"; `regimen report {self.path} --rejudge` writes it again") from None

    def has_recorded(self, path: Path) -> bool:
        """Whether the manifest knows what a file must hold."""
        return path.relative_to(self.path).as_posix() in (self.manifest().get("files") or {})

    def record(self, folder: Path) -> None:
        """Writes the checksums of a part that is complete, a window's folder, into the manifest."""
        manifest = self.manifest()
        files = (manifest.get("files") or {}) | recorded_files(self.path, folder)
        write_manifest(self.path, {**manifest, "files": files})

    @property
    def status(self) -> str:
        """How far the run came: ``finished``, ``running`` while a process works on it, else ``interrupted``."""
        if self.manifest()["status"] == "finished":
            return "finished"
        return "running" if is_locked(self.path / _LOCK) else "interrupted"

    @property
    def has_begun(self) -> bool:
        """Whether there is something that `regimen resume` would not have to do again."""
        kept = ("windows/*/checkpoint/**/*.safetensors", f"windows/*/checkpoint/**/{HISTORY}", f"windows/*/{EXPOSURES}")
        return any(any(self.path.glob(f"{home}{each}")) for home in ("", "seeds/*/") for each in kept)

    @contextmanager
    def locked(self, doing: str) -> Iterator[None]:
        """Keeps other processes from working on the run, until the end of the block or of this process.

        Args:
            doing: what is being done, for whoever is refused: ``trained``.

        Raises:
            RunError: another process works on it.
        """
        path = self.path / _LOCK
        try:
            lock = FileLock.wait(path, _MOMENT)
        except OSError as error:
            raise RunError("run folder", f"must be writable ({error.strerror or error})", str(self.path)) from None
        if lock is None:
            raise RunError("run", f"is being {_holder(path)}", str(self.path))
        try:
            lock.say(f"{doing} by process {os.getpid()}")
            _clear(self.path)
            yield
        finally:
            lock.release(remove=True)

    @property
    def home(self) -> Path:
        """The folder of runs that this one lies in, whatever path or link leads there."""
        there = self.path.resolve().parent
        return self.path.parent if self.path.parent.resolve() == there else there

    @property
    def trials(self) -> TrialLedger:
        """The trial ledger beside the runs."""
        return TrialLedger(self.path.resolve().parent / "trials.sqlite")


def require_finished(directory: RunDirectory) -> dict[str, Any]:
    """Returns the manifest of a finished run; raises `RunError` when the run was stopped before its end."""
    manifest = directory.manifest()
    if manifest["status"] == "finished":
        return manifest
    lock = directory.path / _LOCK
    if is_locked(lock):
        raise RunError("run", f"must be finished, and is being {_holder(lock)}", directory.id)
    rule = f"must be finished, but was interrupted; `regimen resume {directory.path}` continues it"
    raise RunError("run", rule, directory.id)


def _holder(lock: Path) -> str:
    """What the process that holds a run's lock wrote into it."""
    with suppress(OSError, UnicodeDecodeError):
        return lock.read_text(encoding="utf-8") or "worked on by another process"
    return "worked on by another process"


def _clear(folder: Path) -> None:
    """Removes what killed processes left in a run: neighbours of files, half ledgers."""
    for home in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        sweep(home)
        for part in home.glob(".*.part"):
            shutil.rmtree(part, ignore_errors=True)


def located(config: RunConfig, began: Path) -> RunConfig:
    """Counts relative paths of files, of data and of one's own code, from where a run was started, if they are there.

    Args:
        config: of the run.
        began: that folder.
    """
    from regimen.records.models import EnsembleConfig, MetaConfig

    if began == Path.cwd():
        return config

    def place(name: str) -> str:
        there = began / name
        return str(there) if path_exists(str(there)) else name

    data = config.data
    extras = {name: file.model_copy(update={"path": place(file.path)}) for name, file in data.extras.items()}
    changes: dict[str, Any] = {"extras": extras}
    changes |= {key: place(value) for key in ("path", "adjust") if (value := getattr(data, key)) is not None}
    changed: dict[str, Any] = {"data": data.model_copy(update=changes), "features": config.features.began_in(began)}
    own = {
        name: part.located(began) for name, part in config if isinstance(part, OwnSource | EnsembleConfig | MetaConfig)
    }
    return config.model_copy(update=changed | own)
