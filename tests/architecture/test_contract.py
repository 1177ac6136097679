"""The contract of the rooms that import-linter's layers do not hold: no cycle of files, faces, names, sizes.

What is looked at is the text of the imports, so that nothing is imported to check them.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import regimen

SOURCE = Path(regimen.__file__).parent
FACES = {
    "regimen.envs.streams": "the random numbers of lanes, which compiled code of other rooms draws",
    "regimen.execution.differentiable": "the account step in torch, which the face of the room does not import",
    "regimen.execution.account": "how an account is opened and read, which compiled code of other rooms calls",
    "regimen.execution.columns": "the columns of an account's arrays, which compiled code of other rooms reads",
    "regimen.learning.checkpoint": "the name of the file that a run moves",
    "regimen.ops.arrays": "the mathematics of `regimen.ops` for numpy, under the same names",
    "regimen.proving.table": "the table of what was proved, in its three forms",
    "regimen.readers.samples": "the bundled series, for `Bars.sample`",
    "regimen.records.layout": "what the files of a window's folder are called",
    "regimen.runs.prepare": "the data of a run, for `regimen leaks`",
}
"""Files that are imported from other rooms as they are: their names say nothing without the file's."""
MOST_FILES, MOST_LINES = 20, 3000
SAME_NAMES = {"Lanes", "Moments", "Transitions"}
"""Class names that two rooms still share; none may be added."""


@dataclass(frozen=True)
class Import:
    """One name from one module.

    Attributes:
        module, name: of ``from module import name``.
        at_once: whether it happens when the file is imported: not inside a function, not for types alone.
    """

    module: str
    name: str
    at_once: bool


def _module(path: Path) -> str:
    parts = list(path.relative_to(SOURCE.parent).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {_module(path): path for path in sorted(SOURCE.rglob("*.py"))}
PACKAGES = {name for name, path in FILES.items() if path.name == "__init__.py"}


@cache
def _trees() -> dict[str, ast.Module]:
    return {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in FILES.items()}


def _imports(nodes: Sequence[ast.AST], at_once: bool = True) -> Iterator[Import]:
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "regimen":
            yield from (Import(str(node.module), alias.name, at_once) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (Import(a.name, "", at_once) for a in node.names if a.name.partition(".")[0] == "regimen")
        inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        types = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        yield from _imports(list(ast.iter_child_nodes(node)), at_once and not inside and not types)


@cache
def _all_imports() -> dict[str, list[Import]]:
    return {name: list(_imports(tree.body)) for name, tree in _trees().items()}


def _room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def _target(each: Import) -> str:
    """The file that an import runs: a submodule where the name is one, else the module that defines the name."""
    return f"{each.module}.{each.name}" if f"{each.module}.{each.name}" in FILES else each.module


def _cycle(graph: dict[str, set[str]]) -> list[str]:
    """Returns the nodes that are left when whatever imports nothing else that is left has been taken away."""
    left = {name: set(others) for name, others in graph.items()}
    while done := [name for name, others in left.items() if not others & left.keys()]:
        for name in done:
            del left[name]
    return sorted(left)


def test_no_file_imports_itself_by_way_of_others() -> None:
    """At import time; what is imported inside a function or for types alone runs nothing and may point back."""
    graph = {
        name: {_target(each) for each in imports if each.at_once} - {name} for name, imports in _all_imports().items()
    }
    assert _cycle(graph) == []


def test_rooms_are_entered_by_their_faces() -> None:
    """``from regimen.room import Name``, of the room or of a package in it; or from a file of the list above."""
    strangers = {
        f"{name}: {each.module}"
        for name, imports in _all_imports().items()
        for each in imports
        if _room(each.module) not in ("", _room(name))
        and each.module not in PACKAGES
        and each.module.count(".") > 1
        and each.module not in FACES
    }
    assert strangers == set()


def test_no_face_is_on_the_list_that_no_room_enters_by() -> None:
    entered = {
        each.module for name, imports in _all_imports().items() for each in imports if _room(each.module) != _room(name)
    }
    assert set(FACES) <= entered


def test_a_class_name_means_one_thing_in_the_house() -> None:
    rooms = defaultdict(set)
    for name, tree in _trees().items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                rooms[node.name].add(_room(name))
    assert {name for name, found in rooms.items() if len(found) > 1} == SAME_NAMES


def test_rooms_are_small_or_have_rooms_of_their_own() -> None:
    too_large = {}
    for package in PACKAGES - {"regimen"}:
        files = list(FILES[package].parent.glob("*.py"))
        lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files)
        if len(files) > MOST_FILES or lines > MOST_LINES:
            too_large[package] = (len(files), lines)
    assert too_large == {}


def test_a_cycle_is_seen() -> None:
    assert _cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}, "e": set()}) == ["a", "b", "c", "d"]
    assert _cycle({"a": {"b"}, "b": {"c"}, "c": set()}) == []
