"""Turns the source of a fused scan into machine code, and keeps it on disk for the next process.

numba caches a function by the file that it stands in and does not notice a change in what it calls. So the
source is written into a file whose name is a digest of all that it depends on: the source, every step with
what it refers to, the compiler. Another step makes another file. The steps themselves are compiled anew,
without their own disk caches, and merged into the loops.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import stat
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from regimen.errors import ConfigError
from regimen.jit import COMPILER, CompileError, is_private, jit, jit_inner, jit_step_uncached, jit_uncached
from regimen.scan.digest import code_digest, python_function, referred

Run = Callable[..., None]

_LOADED: dict[str, Run] = {}
_KEPT = 64
"""Scans that stay on disk, those used last: about 50 MB."""


def cache_folder() -> Path:
    """Where compiled scans are kept: ``$REGIMEN_CACHE``, else the platform's cache folder. Safe to delete."""
    chosen = os.environ.get("REGIMEN_CACHE")
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "regimen" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "regimen"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "regimen"


def _private_folder() -> Path:
    """Returns the folder of the scans, which only this user can have written to; makes it when absent.

    Raises:
        OSError: it cannot be made, or others may write to it, so that what it holds is not to be run.
    """
    base = cache_folder()
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    for folder in (base / "scan", base / "scan" / "__pycache__"):
        folder.mkdir(mode=0o700, exist_ok=True)
    for folder in (base, base / "scan", base / "scan" / "__pycache__"):
        # in a folder as /tmp everybody may make files, but nobody may exchange another's
        if not is_private(folder) and not (folder == base and base.stat().st_mode & stat.S_ISVTX):
            message = f"compiled features are not kept: others may write to {folder} (chmod 700, or delete it)"
            warnings.warn(message, RuntimeWarning, stacklevel=2)
            raise PermissionError(message)
    return base / "scan"


def _fresh(function: Callable[..., Any], copies: dict[int, Callable[..., Any]]) -> Callable[..., Any]:
    """Compiles a step anew, with the functions that it calls, so that no stale disk cache is used."""
    plain = python_function(function)
    if plain is None:
        raise ConfigError("feature.step", "must be a function compiled with regimen.jit.jit", function)
    if id(plain) not in copies:
        scope = dict(plain.__globals__)
        for name, value in referred(plain):
            if hasattr(value, "py_func"):
                scope[name] = _fresh(value, copies)
        copy = FunctionType(plain.__code__, scope, plain.__name__, plain.__defaults__, plain.__closure__)
        copy.__module__, copy.__qualname__ = plain.__module__, plain.__qualname__
        copies[id(plain)] = jit_step_uncached(copy)
    return copies[id(plain)]


def _execute(source: str, path: str, name: str, scope: Mapping[str, Any]) -> Run:
    module = ModuleType(name)
    module.__dict__.update(scope, __file__=path)
    sys.modules[name] = module  # numba looks the module up when it reads its cache
    exec(compile(source, path, "exec"), module.__dict__)  # our own generated source
    run: Run = module.__dict__["run"]
    return run


def _written(source: str, folder: Path, name: str) -> Path:
    """Puts the source into the cache under its name; of two processes that do so at once, either may win."""
    path = folder / f"{name}.py"
    if path.exists() and path.read_text() == source:
        with contextlib.suppress(OSError):
            os.utime(path, (0, 0))  # moves the time of the last change of its inode, by which `_prune` goes
        return path
    handle, draft = tempfile.mkstemp(dir=folder, suffix=".tmp")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(source)
        os.utime(draft, (0, 0))  # numba compares the time stamp: whoever writes the file, it is the same
        Path(draft).replace(path)
    except OSError:
        Path(draft).unlink(missing_ok=True)
        raise
    _prune(folder)
    return path


def _prune(folder: Path) -> None:
    """Removes the scans that were used longest ago, with their machine code.

    A process that has loaded one of them keeps it; one that is about to compiles it without a cache.
    """

    def used(path: Path) -> int:
        with contextlib.suppress(OSError):
            return path.stat().st_ctime_ns
        return 0  # another process has just removed it

    for path in sorted(folder.glob("scan_*.py"), key=used)[:-_KEPT]:
        _remove(path)


def _remove(path: Path) -> None:
    for file in (*(path.parent / "__pycache__").glob(f"{path.stem}.*"), path):
        with contextlib.suppress(OSError):
            file.unlink()


def _forget(name: str) -> None:
    with contextlib.suppress(RuntimeError):  # Path.home() of a user without one
        _remove(cache_folder() / "scan" / f"{name}.py")


def compile_reason(error: CompileError) -> str:
    """Returns the compiler's complaint on one line, with the place in the user's file where it names one."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    lines = [line.strip() for line in text.splitlines()]
    complaints = [line for line in lines if line and not line.startswith("Failed in nopython")] or ["no reason given"]
    reason = complaints[0].partition(", defined at ")[0]
    if complaints[0].startswith("No implementation") and len(complaints) > 1:
        reason = f"{complaints[0]} {complaints[1].removeprefix('>>> ')}"
    for path, line in re.findall(r'File "([^"]+)", line (\d+)', text):
        if "numba" not in Path(path).parts and not Path(path).name.startswith("scan_"):
            return f"{reason}; {Path(path).name} line {line}"
    return reason


def compiled_scan(
    source: str,
    steps: Mapping[str, Callable[..., Any]],
    names: Mapping[str, Any],
    warm: Callable[[Run], None],
) -> Run:
    """Returns the compiled ``run`` of a fused scan.

    Args:
        source: the module's source; see `regimen.scan.source.scan_source`.
        steps: the step functions, under the names that the source uses.
        names: other names that the source uses.
        warm: calls ``run`` once over no bars with the right types, so that it is compiled or read from the
            cache.
    """
    digest = hashlib.sha256("\n".join([COMPILER, platform.python_version(), source]).encode())
    for step in steps.values():
        digest.update(code_digest(step, loaded=True).encode())
    name = f"scan_{digest.hexdigest()[:32]}"
    if name in _LOADED:
        return _LOADED[name]
    copies: dict[int, Callable[..., Any]] = {}
    scope = {**names, **{key: _fresh(step, copies) for key, step in steps.items()}}
    try:
        path = _written(source, _private_folder(), name)
        run = _execute(source, str(path), name, {**scope, "jit": jit, "jit_inner": jit_inner})
        warm(run)
    except CompileError:
        _forget(name)
        raise
    except Exception as error:  # noqa: BLE001
        # No home, no place to write, others who may write, a full disk, a damaged file: it works without a cache.
        if not isinstance(error, OSError):
            _forget(name)
        run = _execute(source, f"<{name}>", name, {**scope, "jit": jit_uncached, "jit_inner": jit_uncached})
        warm(run)
    _LOADED[name] = run
    return run
