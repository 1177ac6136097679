"""Estimators of scikit-learn in files of skops, which hold data and no code; equal ones give equal bytes."""

from __future__ import annotations

import json
from collections.abc import Collection
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np

_SCHEMA, _ID, _FILE, _LOADER = "schema.json", "__id__", "file", "__loader__"
_PLAIN = ("JsonNode", "TypeNode")
"""Numbers, words and types: whether two of them are one object in memory is chance, and nothing depends on it."""


def to_skops(estimator: object) -> bytes:
    """Returns what ``skops.io.dumps`` writes, without the time of day and what is of the memory that it was in.

    skops names objects, and the files of their arrays, by ``id(object)``. Here they are numbered in the order in which
    its schema comes to them, and plain values have no number.

    Raises:
        ModuleNotFoundError: skops is not installed.
        Exception: skops cannot write such an object.
    """
    import skops.io

    written = ZipFile(BytesIO(skops.io.dumps(estimator)))
    schema = json.loads(written.read(_SCHEMA))
    numbers: dict[int, int] = {}
    names: dict[str, str] = {}

    def renamed(node: Any) -> Any:
        if isinstance(node, list):
            return [renamed(each) for each in node]
        if not isinstance(node, dict):
            return node
        own: dict[str, Any] = {}
        if _ID in node:
            own[_ID] = None if node.get(_LOADER) in _PLAIN else numbers.setdefault(node[_ID], len(numbers) + 1)
        if node.get(_FILE) in written.NameToInfo:
            name = node[_FILE]
            own[_FILE] = names.setdefault(name, f"{len(names)}.{name.rpartition('.')[2]}")
        return {key: own[key] if key in own else renamed(value) for key, value in node.items()}

    content = BytesIO()
    with ZipFile(content, "w") as file:
        parts = [(_SCHEMA, json.dumps(renamed(schema)).encode())]
        parts += [(name, _without_gaps(written.read(old))) for old, name in names.items()]
        for name, part in parts:
            file.writestr(ZipInfo(name), part, ZIP_DEFLATED)  # an entry of its own has no time of day
    return content.getvalue()


def _without_gaps(part: bytes) -> bytes:
    """Returns a file of an array of records with zeros between their fields, where numpy writes what was in memory."""
    if not part.startswith(np.lib.format.MAGIC_PREFIX):
        return part
    array = np.load(BytesIO(part), allow_pickle=False)
    if array.dtype.names is None or array.ndim > 1:
        return part
    clean = np.zeros(array.shape, array.dtype)
    for name in array.dtype.names:
        clean[name] = array[name]
    return part[: len(part) - array.nbytes] + clean.tobytes()


def from_skops(content: bytes, libraries: Collection[str]) -> Any:
    """Returns the object of a file of skops whose types are skops's own or of some libraries.

    Raises:
        ModuleNotFoundError: skops is not installed.
        Exception: it is no such file, or has types of other libraries.
    """
    import skops.io

    types = skops.io.get_untrusted_types(data=content)
    return skops.io.loads(content, trusted=[name for name in types if name.partition(".")[0] in libraries])
