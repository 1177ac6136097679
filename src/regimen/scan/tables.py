"""Which tables a step reads: numbers that it carries into every bar, wherever they came from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from regimen.scan.digest import LIBRARIES, python_function, referred

TABLE = 32
"""So many numbers or more in one place are a table; fewer are the constants of a formula."""


def tables(function: Callable[..., Any]) -> dict[str, int]:
    """Returns how many numbers each table holds that a step, or a function that it calls, refers to.

    A step sees nothing of later bars but what it brings along. So this is what to look at: arrays, tuples, mappings and
    texts among the globals, closures and defaults, what it names in other modules, and numbers written into its code.

    Args:
        function: a compiled or a plain Python function.

    Returns:
        Numbers by the table's name; ``NAME (code)`` for those in the code of a function.
    """
    sizes: dict[str, int] = {}
    todo, seen = [function], set[int]()
    while todo:
        plain = python_function(todo.pop())
        if plain is None or id(plain) in seen or (plain.__module__ or "").partition(".")[0] in LIBRARIES:
            continue
        seen.add(id(plain))
        sizes[f"{plain.__name__} (code)"] = sum(numbers(item) for item in _constants(plain))
        for name, value in _named(plain):
            if callable(value):
                todo.append(value)
            else:
                sizes[name] = numbers(value)
    return {name: count for name, count in sizes.items() if count >= TABLE}


def _named(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """What the function refers to: also its defaults, and what it names in modules that are no libraries."""
    for name, value in referred(function):
        if not isinstance(value, ModuleType):
            yield name, value
        elif value.__name__.partition(".")[0] not in LIBRARIES:
            yield from ((f"{name}.{key}", vars(value)[key]) for key in function.__code__.co_names if key in vars(value))
    arguments = function.__code__.co_varnames[: function.__code__.co_argcount]
    defaults = function.__defaults__ or ()
    yield from zip(arguments[len(arguments) - len(defaults) :], defaults, strict=True)


def _constants(function: FunctionType) -> Iterator[Any]:
    """The constants of the function's code and of the code inside it; texts there are messages."""
    codes = [function.__code__]
    while codes:
        for item in codes.pop().co_consts:
            if isinstance(item, CodeType):
                codes.append(item)
            elif not isinstance(item, str):
                yield item


def numbers(value: object) -> int:
    """Returns how many numbers a value holds; a character is one. Frames and tensors hold what numpy sees of them."""
    if hasattr(value, "__array__"):
        return int(np.asarray(value).size)
    if isinstance(value, (str, bytes)):
        return len(value)
    if isinstance(value, (int, float, complex, np.generic)):
        return 1
    if isinstance(value, Mapping):
        return sum(numbers(item) for pair in value.items() for item in pair)
    return sum(numbers(item) for item in value) if isinstance(value, Iterable) else 0
