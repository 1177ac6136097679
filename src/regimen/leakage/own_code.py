"""What code of the user's own reads besides the bars that it is given, which no poison of the bars can show.

Files are seen when Python opens them, or when the code calls a function of a library with their path, as readers of
tables are called; not those that a compiled function is told of in other words. Tables are seen where they stand in the
code's own modules, however they came there.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

from regimen.scan import TABLE, numbers

_NOT_DATA = (".py", ".pyc", ".pyi", ".so", ".dll", ".dylib")
_SYSTEM = ("/dev/", "/etc/", "/proc/", "/sys/", "/usr/lib/", "/usr/share/")
_STDLIB = sysconfig.get_paths()["stdlib"]
_watches: list[_Watch] = []
"""Those that are active; the hook of the interpreter, once set, cannot be taken away."""


class _Watch:
    """Collects the files that some code reads.

    Args:
        code: the files of that code.
    """

    def __init__(self, code: Collection[Path]) -> None:
        self.code = {str(path.resolve()) for path in code}
        self.files: set[Path] = set()

    def sees(self, name: object, frame: FrameType | None) -> None:
        """Takes a path that was opened, or given to a function, where the code that is watched asked for it."""
        if not isinstance(name, str | bytes | os.PathLike):
            return
        text = os.fsdecode(name)
        if text.endswith(_NOT_DATA) or text.startswith((*_SYSTEM, sys.prefix, sys.base_prefix)):
            return
        while frame is not None and frame.f_code.co_filename not in self.code:
            frame = frame.f_back
        if frame is not None and os.path.isfile(text):  # noqa: PTH113  (a text that is no path is no error here)
            self.files.add(Path(text).resolve())


def _is_pythons_own(file: str) -> bool:
    return file.startswith((_STDLIB, "<frozen")) and "-packages" not in file


def _opened(event: str, arguments: tuple[Any, ...]) -> None:
    """The hook of the interpreter: a file that is opened to be read."""
    if event == "open" and _watches and not (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR):
        for watch in _watches:
            watch.sees(arguments[0], sys._getframe(1))


def _given(frame: FrameType, event: str, _argument: object) -> None:
    """The profiler of the interpreter: a function of a library that the code itself calls with a path.

    Not one of Python's own, such as `os.path.basename`: where it reads, it opens the file, and the hook sees that.
    """
    caller, code = frame.f_back, frame.f_code
    if event != "call" or caller is None or _is_pythons_own(code.co_filename):
        return
    for watch in _watches:
        if caller.f_code.co_filename in watch.code and code.co_filename not in watch.code:
            for name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]:
                watch.sees(frame.f_locals.get(name), caller)


_hooked: list[Callable[..., None]] = []


@contextmanager
def watched(code: Collection[Path]) -> Iterator[set[Path]]:
    """Yields the set of the data files that some code reads inside the block, by the time it ends.

    Args:
        code: the files of the code; what is read by anything else does not count.
    """
    watch, profiler = _Watch(code), sys.getprofile()
    if not _hooked:
        sys.addaudithook(_opened)
        _hooked.append(_opened)
    _watches.append(watch)
    sys.setprofile(_given)
    try:
        yield watch.files
    finally:
        sys.setprofile(profiler)
        _watches.remove(watch)


def tables_of(module: ModuleType, code: Collection[Path]) -> dict[str, int]:
    """Returns how many numbers each table holds that stands in a module, in a class of it, or in those beside it.

    Args:
        module: as it was run.
        code: its file and those beside it that it imports.
    """
    own = {str(path.resolve()) for path in code}
    sizes: dict[str, int] = {}
    seen: set[int] = set()
    _take(vars(module), own, sizes, seen)
    return {name: size for name, size in sizes.items() if size >= TABLE}


def _take(names: Mapping[str, Any], own: set[str], sizes: dict[str, int], seen: set[int]) -> None:
    for name, value in names.items():
        if name.startswith("__") or id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, ModuleType):
            if str(getattr(value, "__file__", "")) in own:
                _take(vars(value), own, sizes, seen)
        elif isinstance(value, type):
            if _is_of(value, own):
                _take(vars(value), own, sizes, seen)
        elif isinstance(value, FunctionType):
            if value.__code__.co_filename in own:
                _take(_kept_by(value), own, sizes, seen)
        elif not callable(value) and not isinstance(value, str):
            sizes[name] = numbers(value)


def _is_of(value: type, own: set[str]) -> bool:
    """Whether a class is defined in one of the files."""
    functions = [each for each in vars(value).values() if isinstance(each, FunctionType)]
    files = {each.__code__.co_filename for each in functions}
    return bool(own & (files or {str(getattr(sys.modules.get(value.__module__), "__file__", ""))}))


def _kept_by(function: FunctionType) -> dict[str, Any]:
    """Returns what a function keeps: its defaults, and what it found around it when it was made."""
    code: CodeType = function.__code__
    arguments, defaults = code.co_varnames[: code.co_argcount], function.__defaults__ or ()
    kept = dict(zip(arguments[len(arguments) - len(defaults) :], defaults, strict=True))
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            kept[name] = cell.cell_contents
        except ValueError:  # it is not filled yet
            continue
    return kept
