"""A digest of what a function computes: its code, and that of every function and constant that it refers to.

numba's own disk cache sees a change in a function's file but not one in the functions that it calls.
Therefore compiled scans are keyed by this digest, and so is the schema of a feature set.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

LIBRARIES = frozenset(sys.stdlib_module_names) | {"numpy", "numba"}
"""Modules whose functions and constants are known by their names."""


def python_function(function: Callable[..., Any]) -> FunctionType | None:
    """Returns the Python function behind a compiled or a plain one, None for anything else."""
    python = getattr(function, "py_func", function)
    return python if isinstance(python, FunctionType) else None


def referred(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Yields (name, value) of every global and closure variable that the function's code names."""
    codes, names = [function.__code__], set[str]()
    while codes:
        code = codes.pop()
        names.update(code.co_names)
        codes.extend(constant for constant in code.co_consts if isinstance(constant, CodeType))
    for name in sorted(names & function.__globals__.keys()):
        yield name, function.__globals__[name]
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        yield name, cell.cell_contents


def _bytecode(code: CodeType) -> str:
    inner = [_bytecode(item) if isinstance(item, CodeType) else repr(item) for item in code.co_consts]
    return repr((code.co_code.hex(), inner, code.co_names, code.co_varnames))


def _source(function: FunctionType) -> str:
    """The function's code as normalised text; its byte code where the source is not to be had."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, SyntaxError, TypeError):
        return _bytecode(function.__code__)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.decorator_list = []
            node.returns = None
            if ast.get_docstring(node) is not None:
                node.body = node.body[1:] or [ast.Pass()]
        if isinstance(node, ast.arg):
            node.annotation = None
    return ast.unparse(tree)


def _described(value: object, seen: dict[int, int], loaded: bool) -> str:
    function = python_function(value) if callable(value) else None
    if function is not None and (function.__module__ or "").partition(".")[0] not in LIBRARIES:
        if id(function) in seen:
            return f"function {seen[id(function)]}"
        seen[id(function)] = len(seen)
        parts = [f"{name}={_described(item, seen, loaded)}" for name, item in referred(function)]
        text = _bytecode(function.__code__) if loaded else _source(function)
        return "\n".join([text, repr(function.__defaults__), *parts])
    if isinstance(value, ModuleType):
        if value.__name__.partition(".")[0] in LIBRARIES or getattr(value, "__file__", None) is None:
            return value.__name__
        return hashlib.sha256(Path(str(value.__file__)).read_bytes()).hexdigest()
    if isinstance(value, type):
        return repr((value.__qualname__, getattr(value, "_fields", ()), getattr(value, "_field_defaults", {})))
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{value.shape}{hashlib.sha256(value.tobytes()).hexdigest()}"
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes, tuple, np.generic)):
        return repr(value)
    return f"{type(value).__module__}.{type(value).__qualname__}"


def code_digest(function: Callable[..., Any], loaded: bool = False) -> str:
    """Returns a SHA-256 (hex) of what the function computes, with the functions and constants it names.

    Args:
        function: a compiled or a plain Python function.
        loaded: digest the byte code that this process has loaded, which is what a compiler gets to see even
            when the file has been edited since. Otherwise the source: the same on every version of Python, and
            blind to comments, docstrings and layout.
    """
    return hashlib.sha256(_described(function, {}, loaded).encode()).hexdigest()
