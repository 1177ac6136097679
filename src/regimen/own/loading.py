"""From a place to its object, its files and their digest; and from an object back to its place."""

from __future__ import annotations

import ast
import difflib
import hashlib
import importlib
import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from regimen.errors import ConfigError
from regimen.own.interactive import is_interactive, written_source

FORM = "must be 'path/to/file.py:NAME' or 'package.module:NAME'"
_IMPORTED = "must name a module that can be imported"
_OR_A_FILE = "; a file of your own is named by its path: 'path/to/file.py:NAME'"
_EXTRAS = {"lightgbm": "trees", "sklearn": "sklearn", "stable_baselines3": "rl"}
"""Libraries of models, and the extra that installs each."""
_SITES = frozenset(("site-packages", "dist-packages"))
_DIGITS = 16
_modules: dict[tuple[str, str], ModuleType] = {}
"""Files that were run, by path and digest: a file that has not changed is run once, and its classes stay the same."""


def load_module(source: str, field: str) -> ModuleType:
    """Returns the module of a place; a file is run once for each content that it has. See `load_object`."""
    where, _ = _parts(source, field)
    return _run(Path(where), source, field) if where.endswith(".py") else _imported(where, source, field)


def load_object(source: str, field: str) -> Any:
    """Returns the object at a place.

    Args:
        source: ``path/to/file.py:NAME``, the path from the working folder; or ``package.module:NAME``. The file may
            import the files beside it.
        field: what an error calls the place.

    Raises:
        ConfigError: no such file, module or name, or code that does not run; the line shows its own error.
    """
    where, name = _parts(source, field)
    value: Any = load_module(source, field)
    for part in name.split("."):
        if not hasattr(value, part):
            lower = {each.lower(): each for each in dir(value) if not each.startswith("_")}
            near = difflib.get_close_matches(part.lower(), lower, n=1)
            hint = f" (did you mean {lower[near[0]]!r}?)" if near else ""
            raise ConfigError(field, f"must name something that {where} defines{hint}", source)
        value = getattr(value, part)
    return value


def digest_of(source: str, field: str) -> str:
    """Returns 16 hex digits of what a place's code is: of its files; for an installed package, of name and version.

    Raises:
        ConfigError: no such file or module, or a file that is not Python.
    """
    where, _ = _parts(source, field)
    if not where.endswith(".py"):
        path = _origin(where, source, field)
        if path is None or (distribution := _distribution(where, path)):
            text = where if path is None else distribution
            return hashlib.sha256(str(text).encode()).hexdigest()[:_DIGITS]
    return _digest(source_files(source, field))


def source_files(source: str, field: str) -> tuple[Path, ...]:
    """Returns the file of a place and those beside it that it imports, directly or through one another.

    Of an installed package: none, since its version says what it is.
    """
    where, _ = _parts(source, field)
    path: Path | None
    if where.endswith(".py"):
        path = Path(where)
        if not path.is_file():
            raise ConfigError(field, "must name a file that exists", source)
    else:
        path = _origin(where, source, field)
        if path is None or _distribution(where, path):
            return ()
    return tuple(_with_neighbours(path, source, field))


def source_of(value: object, field: str, folder: Path) -> str:
    """Returns the place of a class or a function that is in memory.

    What was defined in a notebook, at a prompt or in the script that is running has no place that could be imported:
    its source is written into a file of ``folder``; see `written_source`.

    Raises:
        ConfigError: it has no name of its own at the top of its module (a lambda, a function inside a function).
    """
    name, module = getattr(value, "__qualname__", None), sys.modules.get(getattr(value, "__module__", None) or "")
    if name is None or module is None:
        raise ConfigError(field, "must be a class or a function, or the place of one", type(value).__name__)
    if "<" in name or ("." in name and is_interactive(module)):
        raise ConfigError(field, "must have a name at the top of its file or of the notebook", name)
    if is_interactive(module):
        return written_source(value, field, folder)
    path = getattr(module, "__file__", None)
    alone = path is not None and path.endswith(".py") and not module.__package__
    if path is not None and alone and not _distribution(module.__name__, Path(path)):
        return f"{path}:{name}"
    return f"{module.__name__}:{name}"


def _parts(source: str, field: str) -> tuple[str, str]:
    where, colon, name = source.rpartition(":")
    names = name if where.endswith(".py") else f"{where}.{name}"
    if not colon or not where or not all(part.isidentifier() for part in names.split(".")):
        raise ConfigError(field, FORM, source)
    return where, name


def _imported(where: str, source: str, field: str) -> ModuleType:
    try:
        return importlib.import_module(where)
    except ImportError as error:
        raise ConfigError(field, f"{_IMPORTED} ({error}){_or_a_file(error, where)}", source) from error
    except Exception as error:  # the user's code: any error is theirs to read
        raise ConfigError(field, f"must name a module that runs ({type(error).__name__}: {error})", source) from error


def _or_a_file(error: Exception, where: str) -> str:
    """Returns what else a place can be, or what installs it, where the module itself is not found; one that it imports
    may be missing."""
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    if missing in _EXTRAS:
        return f"; pip install 'regimen[{_EXTRAS[missing]}]'"
    return _OR_A_FILE if missing is not None and f"{where}.".startswith(f"{missing}.") else ""


def _origin(where: str, source: str, field: str) -> Path | None:
    """Returns the file of a module; None for one that is built in, or compiled."""
    try:
        spec = importlib.util.find_spec(where)
    except (ImportError, ValueError) as error:
        raise ConfigError(field, f"{_IMPORTED} ({error}){_or_a_file(error, where)}", source) from error
    if spec is None:
        absent = ModuleNotFoundError(f"No module named {where!r}", name=where)
        raise ConfigError(field, f"{_IMPORTED} ({absent}){_or_a_file(absent, where)}", source)
    return Path(spec.origin) if spec.origin is not None and spec.origin.endswith(".py") else None


def _distribution(where: str, path: Path) -> str | None:
    """Returns ``name==version`` of the installed package that a module belongs to; None where its files may change."""
    if _SITES.isdisjoint(path.parts):
        return None
    top = where.partition(".")[0]
    names = sorted(set(_distributions().get(top, ())))
    return ", ".join(f"{name}=={importlib.metadata.version(name)}" for name in names) or None


@cache
def _distributions() -> Mapping[str, Sequence[str]]:
    """Returns the installed distributions of each top package; to look takes half a second, so it is done once."""
    return importlib.metadata.packages_distributions()


def _run(path: Path, source: str, field: str) -> ModuleType:
    files = source_files(source, field)
    key = str(path.resolve()), _digest(files)
    if key in _modules:
        return _modules[key]
    name = f"regimen_user_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise ConfigError(field, "must name a Python file", source)
    module = importlib.util.module_from_spec(spec)
    try:
        with _neighbours_importable(path.resolve().parent, files):
            sys.modules[name] = module
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # the user's code: any error is theirs to read
        sys.modules.pop(name, None)
        line = _line_of(error, path.resolve())
        rule = f"must be a file that runs ({type(error).__name__}: {error}{line})"
        if isinstance(error, ImportError) and "relative import" in str(error):
            rule += "; it runs alone: import the files beside it by their names, 'from other import NAME'"
        raise ConfigError(field, rule, source) from error
    _modules[key] = module
    return module


def _line_of(error: BaseException, path: Path) -> str:
    """Returns where in the user's file an error arose."""
    lines, trace = [], error.__traceback__
    while trace is not None:
        if Path(trace.tb_frame.f_code.co_filename) == path:
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    return f", line {lines[-1]}" if lines else ""


@contextmanager
def _neighbours_importable(folder: Path, files: tuple[Path, ...]) -> Iterator[None]:
    """Lets a file import the files beside it, as they are now, and not those of the same names in other folders.

    What was imported before stays importable. No bytecode is kept: Python knows a file by its size and the second it
    was written in, and a change within that second would not be seen.
    """
    own, before, namesakes = {file.resolve() for file in files}, {}, {}
    beside = {file.resolve().relative_to(folder).parts[0].removesuffix(".py") for file in files[1:]}
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if path is None or name == "__main__":
            continue
        if Path(path).resolve() in own:
            before[name] = sys.modules.pop(name)
        elif name.partition(".")[0] in beside and not _installed(name, Path(path)):
            namesakes[name] = sys.modules.pop(name)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    kept, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = kept
        sys.path.remove(str(folder))
        for name, module in before.items():
            sys.modules.setdefault(name, module)
        sys.modules.update(namesakes)


def _installed(name: str, path: Path) -> bool:
    """Whether a module is Python's own or of an installed package, which files beside a user's do not replace."""
    top = name.partition(".")[0]
    return top in sys.stdlib_module_names or not _SITES.isdisjoint(path.parts)


def _digest(files: tuple[Path, ...]) -> str:
    """Digests files by their names and contents, wherever their folder lies."""
    content, folder = hashlib.sha256(), files[0].resolve().parent
    for file in files:
        inside = file.resolve().relative_to(folder).as_posix()
        content.update(f"{inside} {file.stat().st_size}\n".encode())
        content.update(file.read_bytes())
    return content.hexdigest()[:_DIGITS]


def _with_neighbours(path: Path, source: str, field: str) -> list[Path]:
    """Returns a file, then the files of its folder that it imports, in the order of their names."""
    folder, waiting, seen = path.parent, [path], {path}
    while waiting:
        file = waiting.pop()
        try:
            tree = ast.parse(file.read_bytes(), file.name)
        except (SyntaxError, ValueError, OSError) as error:
            rule = f"must be a Python file ({file.name}: {error})"
            raise ConfigError(field, rule, source) from error
        for name in _imports(tree):
            near = _beside(folder, name)
            waiting += [each for each in near if each not in seen]
            seen.update(near)
    return [path, *sorted(seen - {path})]


def _imports(tree: ast.AST) -> Iterator[str]:
    """Yields the top names of all modules that a file imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names)


def _beside(folder: Path, name: str) -> list[Path]:
    """Returns the file of a module, or all files of a package, that lies in a folder."""
    file, package = folder / f"{name}.py", folder / name
    if (package / "__init__.py").is_file():
        return sorted(package.rglob("*.py"))
    return [file] if file.is_file() else []
