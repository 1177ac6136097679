"""What a notebook defines becomes a file that runs alone."""

from __future__ import annotations

import linecache
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from regimen.errors import ConfigError
from regimen.own import load_object, source_of, written_source


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs cells as a notebook does: in ``__main__``, their text kept where tracebacks read it."""
    module = ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", module)

    def run(text: str) -> dict[str, Any]:
        name = f"<cell {len(linecache.cache)}>"
        linecache.cache[name] = len(text), None, text.splitlines(keepends=True), name
        exec(compile(text, name, "exec"), vars(module))
        return vars(module)

    return run


def test_a_function_takes_along_what_it_refers_to(cell: Any, tmp_path: Path) -> None:
    cell("import numpy as np\nfrom math import sqrt as root\nSPAN = 20\nother = object()\n")
    cell("def mean(x):\n    return np.mean(x[-SPAN:])\n")
    names = cell("def decide(x):\n    return root(mean(x))\n")
    place = source_of(names["decide"], "model", tmp_path)
    assert load_object(place, "model")(np.full(30, 4.0)) == 2.0
    assert "other" not in Path(place.rpartition(":")[0]).read_text()
    assert source_of(names["decide"], "model", tmp_path) == place
    cell("SPAN = 10\n")
    assert source_of(names["decide"], "model", tmp_path) != place


def test_a_class_takes_along_its_parents_and_the_last_definition_counts(cell: Any, tmp_path: Path) -> None:
    cell("class Parent:\n    def value(self):\n        return 1\n")
    cell("class Model(Parent):\n    def first(self):\n        return 0\n")
    names = cell("class Model(Parent):\n    def second(self):\n        return 2 * self.value()\n")
    model = load_object(source_of(names["Model"], "model", tmp_path), "model")
    assert model().second() == 2
    assert not hasattr(model, "first")


def test_an_object_of_the_notebook_that_cannot_be_written_is_named(cell: Any, tmp_path: Path) -> None:
    names = cell("table = object()\ndef decide(x):\n    return table\n")
    with pytest.raises(ConfigError, match=r"plain values only; 'table' is a object: put the code into a file"):
        source_of(names["decide"], "model", tmp_path)


def test_a_default_is_what_it_was_when_the_function_was_defined(cell: Any, tmp_path: Path) -> None:
    names = cell("LEVEL = 0.4\ndef decide(x, level=LEVEL):\n    return level\n")
    assert load_object(source_of(names["decide"], "model", tmp_path), "model")(0) == 0.4
    cell("LEVEL = 0.9\n")
    with pytest.raises(ConfigError, match=r"model: must be defined again: 'LEVEL', .*; got 'decide'"):
        source_of(names["decide"], "model", tmp_path)


def test_a_function_without_a_source(cell: Any, tmp_path: Path) -> None:
    names = cell("")
    exec("def decide(x): return x", names)
    with pytest.raises(ConfigError, match="must have a source that can be read"):
        source_of(names["decide"], "model", tmp_path)


STEP = """
from typing import NamedTuple
from regimen.features import Bar, Feature
from regimen.jit import jit

class Last(NamedTuple):
    close: float = 0.0

@jit
def move(state: Last, bar: Bar):
    return Last(bar.close), bar.close - state.close

WARMUP = 1
"""


def test_an_object_is_made_by_the_line_that_gave_it_its_name(cell: Any, tmp_path: Path) -> None:
    cell(STEP)
    names = cell("MOVE = Feature(('move',), 'own', move, Last(), warmup=WARMUP)")
    names["_3"] = names["MOVE"]  # as a notebook keeps what a cell shows
    place = written_source(names["MOVE"], "features", tmp_path)
    assert place.endswith(":MOVE")
    feature = load_object(place, "features")
    assert (feature.names, feature.state, feature.warmup) == (("move",), (0.0,), 1)
    assert feature.step.py_func.__module__ != "__main__"
    cell("MOVE = Feature(('moved',), 'own', move, Last(), warmup=WARMUP)")
    assert load_object(written_source(names["MOVE"], "features", tmp_path), "features").names == ("moved",)


def test_an_object_without_a_name_has_no_line(cell: Any, tmp_path: Path) -> None:
    cell("")
    with pytest.raises(ConfigError, match="features: must have a source that can be read"):
        written_source(object(), "features", tmp_path)
