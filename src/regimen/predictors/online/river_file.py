"""Objects of River as JSON, and back: data and never code; what is read is made of River's own classes alone.

Every object, list and dict is a record of one table and is named by its number, so that what is shared (a source of
random numbers, a splitter) is shared again. A class is named by its module and its name, and nothing of it is called
but, where it is compiled, what takes its bytes back.
"""

from __future__ import annotations

import base64
import importlib
import json
import math
import random
from collections import defaultdict, deque
from functools import partial
from typing import Any, Final, final

from regimen.errors import RunError

_LIBRARY: Final = "river"
_COMPILED: Final = "river._river_rust"
_REF, _REST = "#", "!"
"""A value that is neither JSON's nor a whole record: the number of a record; bytes, ∞, what JSON has not."""
_NOBODYS: Final = object()
"""In the place of a source of random numbers that nobody seeded: those of River's Gaussians, which draw nothing."""
_FACTORIES: Final[dict[str, Any]] = {"int": int, "float": float, "floats": partial(defaultdict, float)}
"""What dicts of River's that count begin an entry with."""


def _begins(factory: Any) -> str | None:
    """Returns the name of what a dict that counts begins an entry with; None where it is something else."""
    if isinstance(factory, partial):
        alike = factory.func is defaultdict and factory.args == (float,) and not factory.keywords
        return "floats" if alike else None
    return {int: "int", float: "float"}.get(factory)


def to_json(thing: object) -> bytes:
    """Returns an object of River, and all that belongs to it, as JSON; equal ones give equal bytes.

    Raises:
        RunError: a part of it is of a class that is neither River's nor one of Python's own that it is made of.
    """
    written = _Written()
    root = written.value(thing)
    return json.dumps({"root": root, "table": written.table}, allow_nan=False, separators=(",", ":")).encode()


def from_json(content: bytes) -> Any:
    """Returns the object of `to_json`.

    Raises:
        RunError: it is not what `to_json` wrote, or names a class that is not River's.
        ModuleNotFoundError: River is not installed.
    """
    try:
        document = json.loads(content)
        return _Read(document["table"]).value(document["root"])
    except ModuleNotFoundError:
        raise
    except (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise RunError("run", "holds a damaged file of a forest") from error


@final
class _Written:
    """The table of what was written."""

    def __init__(self) -> None:
        self.table: list[Any] = []
        self._places: dict[int, int] = {}
        self._alive: list[object] = []

    def value(self, thing: Any) -> Any:
        if thing is None or isinstance(thing, bool | str):
            return thing
        if isinstance(thing, int):
            return thing
        if isinstance(thing, float):
            return float(thing) if math.isfinite(thing) else {_REST: repr(float(thing))}
        if thing is _NOBODYS:
            return {_REST: "unseeded"}
        if isinstance(thing, bytes):
            return {_REST: "bytes", "of": base64.b64encode(thing).decode()}
        if id(thing) not in self._places:
            self._alive.append(thing)  # so that no other object gets its id
            self._places[id(thing)] = len(self.table)
            self.table.append(None)
            self.table[self._places[id(thing)]] = self._record(thing)
        return {_REF: self._places[id(thing)]}

    def _record(self, thing: Any) -> list[Any]:
        kind = type(thing)
        if kind is random.Random:
            version, words, gauss = thing.getstate()
            return ["random", version, list(words), gauss]
        if kind is defaultdict and (begins := _begins(thing.default_factory)):
            return ["counts", begins, self._pairs(thing)]
        if kind is dict:
            return ["dict", self._pairs(thing)]
        if kind in (list, tuple, deque):
            return [kind.__name__, [self.value(each) for each in thing]]
        if kind in (set, frozenset):
            return [kind.__name__, [self.value(each) for each in sorted(thing)]]
        where = kind.__module__
        if where.partition(".")[0] != _LIBRARY:
            raise RunError("model", "must be made of River's own classes, to be kept", f"{where}.{kind.__qualname__}")
        if where.startswith(_COMPILED):
            arguments = [self.value(each) for each in thing.__getnewargs__()]
            return ["compiled", where, kind.__name__, arguments, self.value(thing.__getstate__())]
        own = dict(vars(thing))
        if own.get("seed", 0) is None and "_rng" in own:  # seeded by the clock: nothing that matters is drawn from it
            own["_rng"] = _NOBODYS
        return ["object", where, kind.__name__, self._pairs(own)]

    def _pairs(self, mapping: Any) -> list[Any]:
        return [[self.value(key), self.value(each)] for key, each in mapping.items()]


@final
class _Read:
    """The objects of a table, each made once."""

    def __init__(self, table: list[Any]) -> None:
        self._table = table
        self._things: dict[int, Any] = {}

    def value(self, written: Any) -> Any:
        if not isinstance(written, dict):
            return written
        if _REST in written:
            rest = written[_REST]
            if rest == "unseeded":
                return random.Random(0)
            return base64.b64decode(written["of"]) if rest == "bytes" else float(rest)
        place = int(written[_REF])
        if place not in self._things:
            self._make(place)
        return self._things[place]

    def _make(self, place: int) -> None:
        kind, *rest = self._table[place]
        thing: Any
        if kind == "dict":
            thing = self._things[place] = {}
            thing.update(self._pairs(rest[0]))
        elif kind == "counts":
            thing = self._things[place] = defaultdict(_FACTORIES[rest[0]])
            thing.update(self._pairs(rest[1]))
        elif kind in ("list", "deque"):
            thing = self._things[place] = [] if kind == "list" else deque()
            thing.extend(self.value(each) for each in rest[0])
        elif kind in ("tuple", "set", "frozenset"):
            make = {"tuple": tuple, "set": set, "frozenset": frozenset}[kind]
            self._things[place] = make([self.value(each) for each in rest[0]])
        elif kind == "random":
            thing = self._things[place] = random.Random()
            thing.setstate((int(rest[0]), tuple(rest[1]), rest[2]))
        elif kind == "compiled":
            owner = _class(rest[0], rest[1])
            thing = self._things[place] = owner(*(self.value(each) for each in rest[2]))
            thing.__setstate__(self.value(rest[3]))
        elif kind == "object":
            owner = _class(rest[0], rest[1])
            thing = self._things[place] = owner.__new__(owner)
            vars(thing).update(self._pairs(rest[2]))
        else:
            raise ValueError(kind)

    def _pairs(self, pairs: list[Any]) -> dict[Any, Any]:
        return {self.value(key): self.value(each) for key, each in pairs}


def _class(module: str, name: str) -> Any:
    """Returns a class of River's."""
    if module.partition(".")[0] != _LIBRARY:
        raise ValueError(module)
    owner: Any
    if module.startswith(_COMPILED):  # its submodules are attributes, and no files
        owner = importlib.import_module(_COMPILED)
        for part in module.removeprefix(_COMPILED).strip(".").split("."):
            owner = getattr(owner, part) if part else owner
    else:
        owner = importlib.import_module(module)
    owned = getattr(owner, name)
    if not isinstance(owned, type) or owned.__module__ != module:
        raise ValueError(name)
    return owned
