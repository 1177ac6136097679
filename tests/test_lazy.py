"""Names that are imported on first use: the same names at run time, for types, and on the list of exports."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from importlib.util import resolve_name
from pathlib import Path

import pytest

import regimen
from regimen.lazy import lazily

SOURCE = Path(regimen.__file__).parent
FACES = sorted(path for path in SOURCE.rglob("__init__.py") if "lazily(" in path.read_text())


def test_a_name_is_imported_when_it_is_used() -> None:
    get, names = lazily("regimen.bars", {"periods_per_year": ".periods"})
    assert get("periods_per_year") is importlib.import_module("regimen.bars.periods").periods_per_year
    assert {"Bars", "periods_per_year"} <= set(names())
    with pytest.raises(AttributeError, match=r"module 'regimen.bars' has no attribute 'nothing'"):
        get("nothing")


@pytest.mark.parametrize("path", FACES, ids=lambda path: path.parent.name)
def test_types_and_run_time_agree_on_where_a_name_lives(path: Path) -> None:
    package = ".".join(("regimen", *path.parent.relative_to(SOURCE).parts))
    tree = ast.parse(path.read_text())
    calls = (n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == "lazily")
    written = ast.literal_eval(next(calls).args[1])
    typed = {
        alias.asname or alias.name: node.module
        for block in tree.body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert {name: resolve_name(file, package) for name, file in written.items()} == typed


def test_a_name_that_is_almost_right_is_answered_with_the_right_one() -> None:
    line = "import regimen; regimen.PPOConfg"
    done = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=False)
    last = done.stderr.splitlines()[-1]
    assert last == "AttributeError: module 'regimen' has no attribute 'PPOConfg'. Did you mean: 'PPOConfig'?"


def test_the_face_of_the_package_imports_nothing() -> None:
    line = "import sys, regimen; assert 'numpy' not in sys.modules; print(dir(regimen))"
    shown = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True).stdout
    assert "'Bars'" in shown
    assert "'judge'" in shown


@pytest.mark.parametrize("path", FACES, ids=lambda path: path.parent.name)
def test_no_name_is_hidden_by_a_module_of_the_same_name(path: Path) -> None:
    """Whoever imports ``room/name.py`` makes the module an attribute of the room, where the name is looked up first."""
    tree = ast.parse(path.read_text())
    call = next(n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == "lazily")
    modules = {each.stem for each in path.parent.iterdir() if each.suffix == ".py" or each.is_dir()}
    assert not modules & set(ast.literal_eval(call.args[1]))
