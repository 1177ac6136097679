"""Source files of what was defined in a notebook, at a prompt or in the script that is running.

Such code cannot be imported by another process. Its text is, with all that it refers to: so a run that was begun in a
notebook is resumed, reproduced and examined from the command line like every other.
"""

from __future__ import annotations

import ast
import hashlib
import linecache
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from regimen.errors import ConfigError
from regimen.files import write_text

_PLAIN = (bool, int, float, complex, str, bytes, type(None), tuple, list, dict, set, frozenset)


def is_interactive(module: ModuleType) -> bool:
    """Whether a module is the notebook, the prompt or the script that is running, which nothing can import."""
    return module.__name__ == "__main__"


def written_source(value: Any, field: str, folder: Path) -> str:
    """Writes the source of a class or function into a file that can be run alone; returns its place.

    The file holds the object, the functions and classes of the same notebook that it refers to, their imports, and
    plain constants (numbers, texts, and tuples, lists, dicts and sets of them) with the values that they have now. It
    is named by its content: the same code is the same file.

    Args:
        value: a class or a function.
        field: what an error calls it.
        folder: where to write.

    Raises:
        ConfigError: no source is known, or it refers to an object of the notebook that is none of these.
    """
    parts = _Parts(vars(sys.modules[value.__module__]), field)
    parts.take(value.__name__, value)
    text = parts.text()
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    path = folder / f"{value.__name__.lower()}_{digest}.py"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
    return f"{path}:{value.__name__}"


class _Parts:
    """Collects imports, constants and definitions, each after those that it refers to.

    Args:
        names: the globals of the notebook.
        field: what an error calls the object.
    """

    def __init__(self, names: Mapping[str, Any], field: str) -> None:
        self.names, self.field = names, field
        self.imports: list[str] = []
        self.definitions: list[str] = []
        self.seen: set[str] = set()

    def text(self) -> str:
        """Returns the file."""
        head = "\n".join(["from __future__ import annotations", "", *sorted(self.imports)])
        return "\n\n\n".join([head, *self.definitions]) + "\n"

    def take(self, name: str, value: Any) -> None:
        """Takes what a name stands for, and first what that refers to."""
        if name in self.seen:
            return
        self.seen.add(name)
        module = getattr(value, "__module__", None)
        if isinstance(value, ModuleType):
            self.imports.append(f"import {value.__name__} as {name}")
        elif isinstance(value, type | FunctionType) and module == "__main__":
            node, text = definition(value, self.field)
            for inner in ast.walk(node):
                if isinstance(inner, ast.Name) and inner.id in self.names and inner.id != value.__name__:
                    self.take(inner.id, self.names[inner.id])
            self.definitions.append(text)
            if name != value.__name__:
                self.definitions.append(f"{name} = {value.__name__}")
        elif module not in (None, "__main__") and _importable(value, module):
            self.imports.append(f"from {module} import {value.__qualname__} as {name}")
        elif _is_plain(value):
            self.definitions.append(f"{name} = {value!r}")
        else:
            rule = (
                f"must refer to modules, functions, classes and plain values only; {name!r} is a {type(value).__name__}"
            )
            raise ConfigError(self.field, f"{rule}: put the code into a file and name it 'file.py:NAME'")


def definition(value: type | FunctionType, field: str) -> tuple[ast.AST, str]:
    """Returns the syntax and the text of a class or function, as it was typed.

    Raises:
        ConfigError: no source is known of it.
    """
    functions = [each for each in vars(value).values() if isinstance(each, FunctionType)]
    code = value.__code__ if isinstance(value, FunctionType) else functions[0].__code__ if functions else None
    if code is not None:
        text = "".join(linecache.getlines(code.co_filename))
        wanted = ast.ClassDef if isinstance(value, type) else (ast.FunctionDef, ast.AsyncFunctionDef)
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, wanted) and node.name == value.__name__:
                first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
                if first <= code.co_firstlineno <= (node.end_lineno or first):
                    lines = text.splitlines()[first - 1 : node.end_lineno]
                    return node, "\n".join(lines)
    rule = "must have a source that can be read: put it into a file and name it 'file.py:NAME'"
    raise ConfigError(field, rule, value.__name__)


def _importable(value: Any, module: str) -> bool:
    name = getattr(value, "__qualname__", "")
    return name.isidentifier() and getattr(sys.modules.get(module), name, None) is value


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_plain(each) for pair in value.items() for each in pair)
    if isinstance(value, tuple | list | set | frozenset):
        return all(_is_plain(each) for each in value)
    return type(value) in _PLAIN and value == value  # the repr of NaN is no Python
