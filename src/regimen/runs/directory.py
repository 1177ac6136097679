"""A run directory: everything about one run, written so that a killed process leaves nothing half-written."""

from __future__ import annotations

import json
import math
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import regimen
from regimen.bars.folder import path_exists
from regimen.errors import RunError
from regimen.files import write_text
from regimen.runs.config import RunConfig, load_config
from regimen.runs.trials import TrialLedger

_PACKAGES = ("torch", "numpy", "numba", "pandas", "pyarrow")


def plain(value: Any) -> Any:
    """Turns numpy scalars, tuples and non-finite numbers into what JSON can hold (NaN becomes null)."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Writes JSON with sorted keys, whole or not at all."""
    write_text(path, json.dumps(plain(values), indent=1, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Reads a JSON mapping of a run; raises `RunError` when it is missing or damaged."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunError("run", f"lacks a readable {path.name} ({error.strerror})", str(path.parent)) from None
    except ValueError:
        raise RunError("run", f"holds a damaged {path.name}", str(path.parent)) from None
    if not isinstance(values, dict):
        raise RunError("run", f"holds a {path.name} that is no mapping", str(path.parent))
    return values


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


@dataclass(frozen=True)
class RunDirectory:
    """The folder of one run: ``<runs>/<id>``.

    It holds ``config.yaml`` (resolved), ``manifest.json`` (code, data, seeds, status), ``data.json`` (checks and
    repairs), ``windows/<k>/`` (model, checkpoint, exposures), ``seeds/<n>/windows/`` (those of further seeds),
    ``ledger/`` (fills and marks), ``judgement.json`` and ``report.html``; with a tracker also ``figures/`` and what the
    tracker keeps there (``tensorboard/``, ``wandb/``, ``tracking.json``).
    """

    path: Path

    @classmethod
    def create(cls, root: Path, config: RunConfig) -> RunDirectory:
        """Makes the folder of a new run; its id is the name, the UTC time and the hash of its config."""
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        identity = f"{config.name}-{stamp}-{config.hash[:6]}"
        for attempt in range(100):
            path = root / (identity if attempt == 0 else f"{identity}-{attempt}")
            try:
                path.mkdir(parents=True)
            except FileExistsError:
                if root.exists() and not root.is_dir():
                    raise RunError("runs", "must be a folder", str(root)) from None
                continue
            except OSError as error:
                raise RunError("runs", f"must be a writable folder ({error.strerror})", str(root)) from None
            return cls(path)
        raise RunError("runs", "holds too many runs with the same second and config", identity)

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
        return (self.path / "manifest.json").exists() and (self.path / "config.yaml").exists()

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

    def write_config(self, config: RunConfig) -> None:
        """Writes the resolved config."""
        write_text(self.path / "config.yaml", config.to_yaml())

    def config(self) -> RunConfig:
        """The resolved config that the run was made with."""
        return load_config(self.path / "config.yaml")

    def located_config(self) -> RunConfig:
        """The config with relative data paths counted from the folder that the run was started in."""
        return located(self.config(), Path(self.working_folder))

    @property
    def working_folder(self) -> str:
        """The folder that the run was started in; the current one before there is a manifest."""
        here = str(Path.cwd())
        return str(self.manifest().get("working_folder", here)) if self.can_resume else here

    def manifest(self) -> dict[str, Any]:
        """Code, data fingerprint, seeds and status (``running`` or ``finished``)."""
        return read_json(self.path / "manifest.json")

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
    if manifest["status"] != "finished":
        raise RunError("run", "must be finished; `regimen resume` goes on with it", directory.id)
    return manifest


def located(config: RunConfig, began: Path) -> RunConfig:
    """Counts relative paths of data files from the folder that a run was started in, where they still exist there.

    Args:
        config: of the run.
        began: that folder.
    """
    if began == Path.cwd():
        return config

    def found(name: str) -> str:
        there = began / name
        return str(there) if path_exists(str(there)) else name

    data = config.data
    extras = {name: file.model_copy(update={"path": found(file.path)}) for name, file in data.extras.items()}
    changes: dict[str, Any] = {"extras": extras}
    changes |= {key: found(value) for key in ("path", "adjust") if (value := getattr(data, key)) is not None}
    return config.model_copy(update={"data": data.model_copy(update=changes)})


def list_runs(root: Path) -> list[dict[str, Any]]:
    """Returns one row for each run of a folder, oldest first: id, model, data, status, Sharpe, DSR, verdict.

    Raises:
        RunError: the folder does not exist.
    """
    if not root.is_dir():
        raise RunError("runs", "must be a folder of runs", str(root))
    rows = []
    for path in sorted(root.iterdir(), key=lambda path: path.stat().st_mtime):
        if not (path / "manifest.json").exists():
            continue
        manifest = read_json(path / "manifest.json")
        row = {"run": path.name, "model": manifest["model"], "status": manifest["status"]}
        row |= {"data": manifest["fingerprint"][:12], "sharpe": None, "dsr": None, "verdict": None}
        if (path / "judgement.json").exists():
            judgement = read_json(path / "judgement.json")
            policy = next(each for each in judgement["rows"] if each["name"] == "policy")
            row |= {
                "sharpe": policy["sharpe"],
                "dsr": policy["dsr"],
                "verdict": judgement["verdict"]["level"],
            }
        rows.append(row)
    return rows
