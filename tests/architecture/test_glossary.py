"""The glossary names what exists, and the names of the code keep to it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from typer.main import get_command

from regimen.cli.app import app
from regimen.records.config import RunConfig
from regimen.settings import FORMER, members

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "regimen"
PAGE = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
TERMS = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", PAGE, re.MULTILINE)
TERMS = [row for row in TERMS if row[0] != "term" and not row[0].startswith("--")]

PARTICIPLES = {"found", "told", "said", "made", "spoken", "held"}


@cache
def _fields(model: type[BaseModel] = RunConfig, prefix: str = "") -> frozenset[str]:
    """The dotted paths of every field below a config, of all members of its unions."""
    paths: set[str] = set()
    for name, field in model.model_fields.items():
        paths.add(prefix + name)
        for member in members(field.annotation):
            paths |= _fields(member, f"{prefix}{name}.")
    return frozenset(paths)


@cache
def _commands() -> frozenset[str]:
    def below(group: Any, prefix: str) -> Iterator[str]:
        for name, command in getattr(group, "commands", {}).items():
            yield prefix + name
            yield from below(command, f"{prefix}{name} ")

    return frozenset(below(get_command(app), "regimen "))


def _names(tree: ast.AST) -> Iterator[str]:
    """Every name that a module gives to something."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.alias):
            yield node.asname or node.name


def test_each_term_has_one_meaning() -> None:
    terms = [term for term, _, _ in TERMS]
    assert len(terms) >= 40
    assert len(set(terms)) == len(terms)


@pytest.mark.parametrize(("term", "where"), [(term, where) for term, _, where in TERMS])
def test_what_the_glossary_names_exists(term: str, where: str) -> None:
    spans = re.findall(r"`([^`]+)`", where)
    assert spans, f"{term}: no field and no command"
    for span in spans:
        assert span in _commands() or span in _fields(), f"{term}: {span}"


def test_no_field_misuses_the_word_window() -> None:
    """A window is a step of the walk-forward: no field is a context or a rolling memory by that name."""
    assert {path for path in _fields() if path.split(".")[-1].split("_")[-1] == "window"} == set()


def test_every_field_that_was_renamed_is_on_the_page() -> None:
    rows = re.findall(r"^\| (`.+`) \| `(\w+)` \|$", PAGE.split("## Fields that were renamed")[1], re.MULTILINE)
    pairs = {(path, former) for paths, former in rows for path in re.findall(r"`([^`]+)`", paths)}
    assert {path for path, _ in pairs} <= _fields()
    assert {(path.split(".")[-1], former) for path, former in pairs} == set(FORMER.items())


def test_a_name_says_the_thing() -> None:
    """What a thing is, not how it came about: ticks and not what was found, a message and not what was said."""
    offenders = {}
    for path in sorted(SOURCE.rglob("*.py")):
        place = path.relative_to(SOURCE)
        names = {name.strip("_").lower() for name in _names(ast.parse(path.read_text(encoding="utf-8")))}
        if names & PARTICIPLES:
            offenders[str(place)] = names & PARTICIPLES
    assert offenders == {}


def test_the_examples_of_the_docs_keep_to_it_too() -> None:
    offenders = {}
    for page in sorted((ROOT / "docs").glob("*.md")):
        for block in re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            if names := set(_names(ast.parse(block))) & PARTICIPLES:
                offenders[page.name] = names
    assert offenders == {}
