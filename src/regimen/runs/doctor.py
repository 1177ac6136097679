"""Whether an installation is well: versions, threads, caches, the folder of runs, and what is missing."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

import regimen
from regimen.errors import RegimenError, one_line
from regimen.jit import is_private
from regimen.records import TrialLedger, code_version, find_leftovers, list_runs
from regimen.scan import cache_folder

State = Literal["ok", "beware", "missing", "broken"]
_COMPILED = ("numpy", "numba", "pyarrow", "torch")
"""Libraries of machine code: they are imported, since one that is installed may still not fit the machine."""
_PURPOSES = {
    "rl": "agents of Stable-Baselines3, episodes in Minari",
    "sklearn": "scikit-learn classifiers of your own",
    "trees": "trees of LightGBM, XGBoost and scikit-learn",
    "tune": "searches by Optuna",
    "pretrained": "pretrained blocks for flag-trader",
    "track": "MLflow and Weights & Biases",
    "ray": "work on a Ray cluster",
}
"""What the extras are for that a user may want; there are others for who works on the library."""
_INSTEAD = {"xgboost-cpu": ("xgboost",)}
"""Packages that serve as well: of XGBoost, the one with CUDA."""
_ROOM = 1_000_000_000
"""Bytes below which a disk is nearly full."""


@dataclass(frozen=True)
class Condition:
    """One thing that was examined.

    Attributes:
        part: what it is.
        state: ``ok``; ``missing``: an extra that is not there, which harms nobody who does not use it; ``beware``: it
            works, and should be looked at; ``broken``: commands will fail.
        text: what was seen.
        cure: the command, or what else mends it; empty where nothing has to be.
    """

    part: str
    state: State
    text: str
    cure: str = ""

    def to_dict(self) -> dict[str, str]:
        """Plain values for JSON."""
        return asdict(self)


def examine(root: Path) -> list[Condition]:
    """Examines the installation and a folder of runs; nothing is written but a cache folder that was absent.

    Args:
        root: the folder of runs.
    """
    return [*_versions(), *_libraries(), _threads(), _graphics(), *_caches(), *_disk(root), *_runs(root), *_extras()]


def _versions() -> Iterator[Condition]:
    where = Path(regimen.__file__).parent
    yield Condition("regimen", "ok", f"{code_version()} in {where}")
    system = f"{platform.system()} {platform.machine()}"
    yield Condition("python", "ok", f"{platform.python_version()} on {system}, {sys.executable}")


def _libraries() -> Iterator[Condition]:
    """What regimen cannot do without: installed, and importable where it is machine code."""
    wanted = _required() or list(_COMPILED)
    there = [name for name in wanted if _version(name)]
    absent = [name for name in wanted if name not in there]
    for name in _COMPILED:
        if name in there:
            fault = _fault(name)
            if fault:
                yield Condition(name, "broken", f"{_version(name)} cannot be imported: {fault}", _reinstall(name))
    if absent:
        yield Condition("libraries", "broken", f"not installed: {', '.join(absent)}", f"pip install {' '.join(absent)}")
    yield Condition("libraries", "ok", ", ".join(f"{name} {_version(name)}" for name in there))


def _reinstall(name: str) -> str:
    return f"pip install --force-reinstall {name}"


def _fault(name: str) -> str:
    """Returns why a library cannot be imported; empty if it can."""
    try:
        import_module(name)
    except (ImportError, OSError, AttributeError) as error:
        return one_line(str(error), 200)
    return ""


def _required(extra: str = "") -> list[str]:
    """Returns the libraries that regimen, or an extra of it, asks for; none where it is not installed."""
    try:
        lines = requires("regimen") or []
    except PackageNotFoundError:
        return []
    mark = f"extra == '{extra}'" if extra else ""
    lines = [line.replace('"', "'") for line in lines]
    named = [line for line in lines if (mark in line if mark else "extra ==" not in line) and _is_for_here(line)]
    return [re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0] for line in named]


def _is_for_here(line: str) -> bool:
    """Whether a requirement is for this system; ``sys_platform`` is the one marker that ours have besides the extra."""
    marker = re.search(r"sys_platform ([!=])= '(\w+)'", line)
    return marker is None or (marker[2] == sys.platform) == (marker[1] == "=")


def _version(name: str) -> str:
    for each in (name, *_INSTEAD.get(name, ())):
        try:
            return version(each)
        except PackageNotFoundError:
            continue
    return ""


def _threads() -> Condition:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limits = [f"{name}={os.environ[name]}" for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS") if name in os.environ]
    text = f"{cores} core{'' if cores == 1 else 's'} for this process" + (f", {', '.join(limits)}" if limits else "")
    return Condition("threads", "ok", f"{text}; training takes training.threads of them, 1 unless it is set")


def _graphics() -> Condition:
    if not _version("torch") or _fault("torch"):
        return Condition("GPU", "beware", "not known: torch cannot be imported")
    import torch

    if not torch.cuda.is_available():
        return Condition("GPU", "ok", "none that torch can use; everything runs on the CPU")
    names = Counter(torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count()))
    return Condition("GPU", "ok", ", ".join(f"{count} × {name}" for name, count in names.items()))


def _caches() -> Iterator[Condition]:
    """Folders of compiled code: without them everything works, and is compiled again in each process."""
    yield _cache("compiled features", cache_folder() / "scan", "set REGIMEN_CACHE to a folder of your own")
    package = Path(regimen.__file__).parent
    yield _cache("compiled functions", package, "set NUMBA_CACHE_DIR to a folder of your own", "*.nb[ic]")


def _cache(part: str, folder: Path, cure: str, pattern: str = "*") -> Condition:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        private = is_private(folder)
        size = sum(path.stat().st_size for path in folder.rglob(pattern) if path.is_file())
    except OSError as error:
        return Condition(part, "beware", f"{folder} cannot be used ({error.strerror or error})", cure)
    text = f"{folder}, {size / 1e6:,.0f} MB"
    if not os.access(folder, os.W_OK):
        return Condition(part, "beware", f"{text}, not writable: compiled again each time", cure)
    if not private:
        return Condition(part, "beware", f"{text}, not used: others may write to it", f"chmod 700 {folder}, or {cure}")
    return Condition(part, "ok", f"{text}, writable")


def _disk(root: Path) -> Iterator[Condition]:
    place = root if root.is_dir() else Path.cwd()
    free = shutil.disk_usage(place).free
    state: State = "ok" if free > _ROOM else "beware"
    yield Condition("disk", state, f"{free / 1e9:,.1f} GB free", "" if state == "ok" else "regimen runs clean")


def _runs(root: Path) -> Iterator[Condition]:
    if not root.exists():
        yield Condition("runs", "ok", f"none yet; the first makes the folder {root}")
        return
    if not root.is_dir() or not os.access(root, os.W_OK):
        yield Condition("runs", "broken", f"{root} is no folder that can be written to", "name another with --runs")
        return
    counts = Counter(str(row["status"]) for row in list_runs(root))
    text = ", ".join(f"{count} {status}" for status, count in sorted(counts.items())) or "none yet"
    damaged = counts["damaged"] > 0
    yield Condition("runs", "beware" if damaged else "ok", f"{root}: {text}", "regimen runs list" if damaged else "")
    leftovers = find_leftovers(root)
    if leftovers:
        size = sum(each.bytes for each in leftovers) / 1e6
        text = f"{len(leftovers)} left by killed commands, {size:,.0f} MB"
        yield Condition("leftovers", "beware", text, f"regimen runs clean --remove --runs {root}")
    yield _trials(root)


def _trials(root: Path) -> Condition:
    ledger = TrialLedger(root / "trials.sqlite")
    try:
        lost = ledger.lost()
        if lost:
            return Condition("trial ledger", "beware", lost, "put the ledger back if you have it; else nothing")
        count = len(ledger.rows())
    except RegimenError as error:
        return Condition("trial ledger", "broken", one_line(str(error), 300), "put a copy of the file back")
    return Condition("trial ledger", "ok", f"{count:,} fits and evaluations" if ledger.path.exists() else "none yet")


def _extras() -> Iterator[Condition]:
    for extra, purpose in _PURPOSES.items():
        wanted = _required(extra)
        absent = [name for name in wanted if not _version(name)]
        if absent:
            text = f"{purpose}: {', '.join(absent)} not installed"
            yield Condition(f"[{extra}]", "missing", text, f"pip install 'regimen[{extra}]'")
        elif wanted:
            yield Condition(f"[{extra}]", "ok", purpose)
