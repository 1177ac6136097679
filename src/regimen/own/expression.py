"""Source files of objects that are shown by the expression that makes them, as scikit-learn's estimators are."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path

from regimen.errors import ConfigError
from regimen.files import write_text
from regimen.own.loading import load_object


def written_expression(value: object, parts: Iterable[object], field: str, folder: Path) -> str:
    """Writes a file with a function that makes an object like one in memory; returns the function's place.

    The file is run, and what it makes must show itself as the object does.

    Args:
        value: the object, not fitted.
        parts: the objects that it is made of, whose classes are imported.
        field: what an error calls it.
        folder: where to write; the file is named by its content.

    Raises:
        ConfigError: the object is not shown by an expression, or by one that makes another object.
    """
    name, text = type(value).__name__, _shown(value)
    classes = {type(part) for part in (value, *parts) if type(part).__module__ != "builtins"}
    imports = sorted(f"from {each.__module__} import {each.__qualname__}" for each in classes)
    function = name.lower()
    code = "\n".join([*imports, "", "", f"def {function}():", f"    return {text}", ""])
    path = folder / f"{function}_{hashlib.sha256(code.encode()).hexdigest()[:12]}.py"
    there = path.exists()
    if not there:
        folder.mkdir(parents=True, exist_ok=True)
        write_text(path, code)
    place = f"{path}:{function}"
    try:
        same = _shown(load_object(place, field)()) == text
    except Exception:  # noqa: BLE001  (an expression of a stranger's class: whatever it raises, it makes nothing)
        same = False
    if same:
        return place
    if not there:
        path.unlink()
    rule = f"must show itself as what makes it; put a function that returns it into a file: 'file.py:{function}'"
    raise ConfigError(field, rule, value)


def _shown(value: object) -> str:
    """Returns the repr of an object on one line, however long; scikit-learn shortens its own."""
    shown = type(value).__repr__
    try:
        text = shown(value, N_CHAR_MAX=sys.maxsize)  # type: ignore[call-arg]
    except TypeError:
        text = shown(value)
    return " ".join(text.split())
