"""What watched code reads is seen; what others read meanwhile is not."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from regimen.leakage import tables_of, watched
from regimen.own import load_module

CODE = """
import os
from pathlib import Path

import numpy as np

TABLE, FEW, TEXT = np.zeros(40), [1, 2, 3], "a text that is longer than thirty-two characters"


class Holder:
    kept = list(range(50))


def closure():
    inside = tuple(range(60))

    def look(shown=tuple(range(70))):
        return inside, shown

    return look


LOOK = closure()


def opens(path):
    with open(path) as file:
        return file.read()


def names(path):
    return np.loadtxt(path)


def writes(path):
    Path(path).write_text("x")


def handles(path):
    return Path(path).stem, os.path.basename(path), nothing(path)


def nothing(path):
    return len(str(path))


def by_another(path, function):
    return function(path)
"""


@pytest.fixture
def code(tmp_path: Path) -> tuple[Path, ModuleType]:
    """A file of code, and its module."""
    path = tmp_path / "mine.py"
    path.write_text(CODE)
    return path, load_module(f"{path}:LOOK", "model")


@pytest.mark.parametrize(("name", "seen"), [("opens", True), ("names", True), ("writes", False), ("handles", False)])
def test_a_file_that_it_reads_is_seen(name: str, seen: bool, code: tuple[Path, ModuleType], tmp_path: Path) -> None:
    path, module = code
    data = tmp_path / "numbers.txt"
    data.write_text("1 2 3")
    with watched([path]) as files:
        getattr(module, name)(str(data))
        data.read_text()  # by this test, which nobody watches
    assert files == ({data.resolve()} if seen else set())
    files.clear()
    getattr(module, name)(str(data))  # after the block
    assert files == set()
    assert sys.getprofile() is None


def test_what_others_do_for_it_is_seen_too(code: tuple[Path, ModuleType], tmp_path: Path) -> None:
    path, module = code
    data = tmp_path / "numbers.txt"
    data.write_text("1 2 3")
    with watched([path]) as files:
        module.by_another(data, Path.read_text)
    assert files == {data.resolve()}


def test_tables_are_seen_wherever_the_code_keeps_them(code: tuple[Path, ModuleType]) -> None:
    path, module = code
    assert tables_of(module, [path]) == {"TABLE": 40, "kept": 50, "inside": 60, "shown": 70}
