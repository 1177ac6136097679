"""Source files of what was defined in a notebook, at a prompt or in the script that is running.

Such code cannot be imported by another process. Its text is, with all that it refers to: so a run that was begun in a
notebook is resumed, reproduced and examined from the command line like every other.
"""

from __future__ import annotations

import ast
import hashlib
import linecache
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from regimen.errors import ConfigError
from regimen.files import write_text

_UNKNOWN = "must have a source that can be read: put it into a file and name it 'file.py:NAME'"
_PLAIN = (bool, int, float, complex, str, bytes, type(None), tuple, list, dict, set, frozenset)


def is_interactive(module: ModuleType) -> bool:
    """Whether a module is the notebook, the prompt or the script that is running, which nothing can import."""
    return module.__name__ == "__main__"


def written_source(value: Any, field: str, folder: Path) -> str:
    """Writes the source of what the notebook defines into a file that can be run alone; returns its place.

    The file holds the object, the functions and classes of the same notebook that it refers to, their imports, and
    plain constants (numbers, texts, and tuples, lists, dicts and sets of them) with the values that they have now. It
    is named by its content: the same code is the same file.

    Args:
        value: a class, a function, or another object that has a name there: it is made by the line that made it.
        field: what an error calls it.
        folder: where to write.

    Raises:
        ConfigError: no source is known, or it refers to an object of the notebook that is none of these.
    """
    parts = _Parts(vars(sys.modules["__main__"]), field)
    if isinstance(value, type | FunctionType):
        name = value.__name__
        parts.take(name, value)
    else:
        name = parts.take_assigned(value)
    text = parts.text()
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    path = folder / f"{name.lower()}_{digest}.py"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
    return f"{path}:{name}"


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
        if module == "__main__":
            value = getattr(value, "py_func", value)  # what was typed of a compiled step
        if isinstance(value, ModuleType):
            self.imports.append(f"import {value.__name__} as {name}")
        elif isinstance(value, type | FunctionType) and module == "__main__":
            node, text = definition(value, self.field)
            self._require_defaults(node, value)
            self._take_names(node, value.__name__)
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

    def _require_defaults(self, node: ast.AST, value: object) -> None:
        """Refuses a function with a default that has changed since: the file would take what its name is now."""
        if not isinstance(node, ast.FunctionDef) or not isinstance(value, FunctionType):
            return
        given = dict(zip(node.args.defaults, value.__defaults__ or (), strict=False))
        for default, then in given.items():
            if isinstance(default, ast.Name) and self.names.get(default.id, then) is not then:
                rule = f"must be defined again: {default.id!r}, the default of an argument, has changed since"
                raise ConfigError(self.field, rule, value.__name__)

    def take_assigned(self, value: object) -> str:
        """Takes an object with the line of the notebook that gave it its name; returns the name.

        Raises:
            ConfigError: it has no name, or the line is not known.
        """
        name = next((name for name, one in self.names.items() if one is value and not name.startswith("_")), None)
        for text in _cells() if name is not None else ():
            for node in ast.walk(_syntax(text)):
                targets = node.targets if isinstance(node, ast.Assign) else []
                if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                    assert name is not None
                    self._take_names(node, name)
                    self.definitions.append(ast.unparse(node))
                    return name
        raise ConfigError(self.field, _UNKNOWN, value)

    def _take_names(self, node: ast.AST, own: str) -> None:
        """Takes the objects of the notebook that a part of its syntax names."""
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and inner.id in self.names and inner.id != own:
                self.take(inner.id, self.names[inner.id])


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
    if isinstance(value, type):  # a class without a function of its own tells no place
        for text in _cells():
            for node in ast.walk(_syntax(text)):
                if isinstance(node, ast.ClassDef) and node.name == value.__name__:
                    return node, ast.unparse(node)
    raise ConfigError(field, _UNKNOWN, value.__name__)


def _cells() -> Iterator[str]:
    """Yields the texts of the notebook's cells, or of the script that is running, the newest first."""
    script = getattr(sys.modules["__main__"], "__file__", None)
    if script is not None:
        linecache.getlines(script)
    for name in reversed(list(linecache.cache)):
        if name == script or not Path(name).exists():
            yield "".join(linecache.getlines(name))


def _syntax(text: str) -> ast.AST:
    """The syntax of a cell; of one that is no Python, nothing."""
    try:
        return ast.parse(text)
    except SyntaxError:
        return ast.Module([], [])


def _importable(value: Any, module: str) -> bool:
    name = getattr(value, "__qualname__", "")
    return name.isidentifier() and getattr(sys.modules.get(module), name, None) is value


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_plain(each) for pair in value.items() for each in pair)
    if isinstance(value, tuple | list | set | frozenset):
        return all(_is_plain(each) for each in value)
    return type(value) in _PLAIN and value == value  # the repr of NaN is no Python
