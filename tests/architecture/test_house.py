"""The house rules that no other tool checks: documented names, the table of rooms, quick imports, no vague names."""

from __future__ import annotations

import importlib
import inspect
import re
import tomllib
from pathlib import Path

import pytest

import regimen

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "regimen"
ROOMS = sorted(path.name for path in SOURCE.iterdir() if (path / "__init__.py").exists())


@pytest.mark.parametrize("room", ROOMS)
def test_every_exported_name_is_documented(room: str) -> None:
    module = importlib.import_module(f"regimen.{room}")
    assert module.__doc__
    for name in getattr(module, "__all__", ()):
        thing = getattr(module, name)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            assert inspect.getdoc(thing), f"regimen.{room}.{name}"


@pytest.mark.parametrize("room", ROOMS)
def test_exports_are_sorted_and_exist(room: str) -> None:
    module = importlib.import_module(f"regimen.{room}")
    exported = list(getattr(module, "__all__", ()))
    assert len(exported) == len(set(exported))
    for name in exported:
        assert hasattr(module, name), name


def test_the_python_face_is_whole() -> None:
    for name in regimen.__all__:
        assert inspect.getdoc(getattr(regimen, name)), name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = regimen.nothing  # type: ignore[attr-defined]


def test_the_table_of_rooms_is_the_contract() -> None:
    """docs/architecture.md lists exactly the rooms of the import contract, floor by floor."""
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    on_disk = {path.stem for path in SOURCE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    named = [{name.strip() for name in layer.split("|")} for layer in reversed(contract["layers"])]
    asked = [{name.strip("()") for name in layer if "(" not in name or name.strip("()") in on_disk} for layer in named]
    layers = [layer for layer in asked if layer]  # a room in brackets may still be missing
    floors: dict[int, set[str]] = {}
    for line in (ROOT / "docs" / "architecture.md").read_text().splitlines():
        if match := re.match(r"\| (\d+) \| (.+?) \|", line):
            names = re.findall(r"`(\w+)(?:/|\.py)`", match[2])
            floors.setdefault(int(match[1]), set()).update(names)
    assert [floors[number] for number in sorted(floors)] == layers
    assert set().union(*layers) == on_disk - {"__init__"}


def test_no_file_is_named_for_nothing() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "misc", "base", "core"}
    assert not [path for path in SOURCE.rglob("*.py") if path.stem in vague or path.parent.name in vague]


def test_numba_has_one_door() -> None:
    offenders = [
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        if path.name != "jit.py" and re.search(r"^\s*(import numba|from numba)", path.read_text(), re.MULTILINE)
    ]
    assert not offenders
