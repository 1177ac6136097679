"""Writes the API reference, ``docs/api/*.md``, from the docstrings of every room's public names (`make docs` runs it).

The pages are not kept in git. The fields of a config are a table with defaults and descriptions: pydantic knows them,
and a docstring does not repeat them.
"""

from __future__ import annotations

import ast
import html
import importlib
import inspect
import itertools
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "regimen"


def _faces() -> list[str]:
    """The rooms with public names; where a room itself has none, the packages in it (``reporting.report``)."""
    faces = []
    for room in sorted(path.parent for path in SOURCE.glob("*/__init__.py")):
        inside = [room] if _has_names(room) else sorted(path.parent for path in room.glob("*/__init__.py"))
        faces += [".".join(each.relative_to(SOURCE).parts) for each in inside if _has_names(each)]
    return faces


def _has_names(package: Path) -> bool:
    return "__all__" in (package / "__init__.py").read_text(encoding="utf-8")


ROOMS = _faces()
SECTION = re.compile(r"(Args|Attributes|Returns|Yields|Raises|Example|Examples|Source|Sources|Note):\s*(.*)")
WIDTH = 100


def write_pages(folder: Path) -> list[Path]:
    """Writes one page for each room and one that lists them; returns their paths."""
    shutil.rmtree(folder, ignore_errors=True)  # pages of rooms that are no more
    folder.mkdir(parents=True)
    pages = {"regimen": _face()} | {room: _room_page(room) for room in ROOMS}
    for name, text in pages.items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    return [folder / f"{name}.md" for name in pages]


def _face() -> str:
    """The page that comes first: what ``import regimen as rg`` gives, and the rooms."""
    face = importlib.import_module("regimen")
    lines = ["# import regimen as rg", "", _prose(inspect.getdoc(face) or ""), "", "| name | what it is |", "|---|---|"]
    for name in sorted(face.__all__, key=str.lower):
        lines.append(f"| {_link(name, getattr(face, name))} | {_cell(_summary(getattr(face, name)))} |")
    lines += ["", "## Rooms", "", "| module | what it is for |", "|---|---|"]
    for room in ROOMS:
        lines.append(f"| [`regimen.{room}`]({room}.md) | {_cell(_summary(_module(room)))} |")
    return "\n".join(lines) + "\n"


def _room_page(room: str) -> str:
    module = _module(room)
    parts = [f"# regimen.{room}", _prose(inspect.getdoc(module) or "")]
    for name in sorted(module.__all__, key=str.lower):
        parts += _entry(name, getattr(module, name), room)
    return "\n\n".join(part for part in parts if part) + "\n"


def _entry(name: str, thing: Any, room: str) -> Iterator[str]:
    """A public name: its heading, signature, docstring; of a class also its fields and methods."""
    yield f"## {name} {{ #{name} }}"
    if inspect.isclass(thing):
        yield _signature(name, thing, "class ")
        yield _prose(inspect.getdoc(thing) or "")
        if issubclass(thing, BaseModel):
            yield _fields(thing)
        yield from _members(name, thing)
    elif callable(thing) and hasattr(thing, "__name__"):
        yield _signature(name, thing)
        yield _prose(inspect.getdoc(thing) or "")
    else:
        yield _prose(_note(name, room) or f"A constant: `{_short(thing)}`.")


def _members(owner: str, thing: type) -> Iterator[str]:
    """Public methods and properties that are ours, with those of base classes."""
    for name in sorted(dir(thing)):
        defined = next((vars(base)[name] for base in thing.__mro__ if name in vars(base)), None)
        home = next((base for base in thing.__mro__ if name in vars(base)), object)
        if name.startswith("_") or not home.__module__.startswith("regimen"):
            continue
        if isinstance(defined, property):
            returned = _annotation(inspect.signature(defined.fget).return_annotation) if defined.fget else ""
            yield f"### {owner}.{name} {{ #{owner}.{name} }}"
            yield f"*property*: `{returned}`"
            yield _prose(inspect.getdoc(defined) or "")
        elif callable(getattr(thing, name)) and not inspect.isclass(defined) and inspect.getdoc(getattr(thing, name)):
            yield f"### {owner}.{name} {{ #{owner}.{name} }}"
            yield _signature(f"{owner}.{name}", getattr(thing, name))
            yield _prose(inspect.getdoc(getattr(thing, name)) or "")


def _fields(model: type[BaseModel]) -> str:
    """The fields of a config as a table."""
    if not model.model_fields:
        return ""
    rows = ["| field | type | default | meaning |", "|---|---|---|---|"]
    for name, field in model.model_fields.items():
        kind = _annotation(model.__annotations__.get(name, field.annotation))
        default = "required" if field.is_required() else f"`{_short(field.get_default(call_default_factory=True))}`"
        rows.append(f"| `{name}` | {_code_cell(kind)} | {default} | {_cell(field.description or '')} |")
    return "\n".join(rows)


class _Plain:
    """An annotation that `inspect.Signature` prints as it was written."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _annotation(annotation: Any) -> str:
    if annotation is inspect.Signature.empty:
        return ""
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return text.replace("typing.", "").replace("collections.abc.", "")


def _signature(name: str, thing: Any, before: str = "") -> str:
    """A code block with the call as one writes it, one parameter a line where it is long; empty where there is none."""
    try:
        signature = inspect.signature(getattr(thing, "py_func", thing))
    except (TypeError, ValueError):
        return ""
    plain = [_readable(each) for each in signature.parameters.values() if each.name != "self"]
    returned = _annotation(signature.return_annotation)
    end = f" -> {returned}" if returned and not before else ""
    line = f"{before}{name}({', '.join(map(str, plain))}){end}"
    if len(line) > WIDTH:
        line = f"{before}{name}(\n" + "".join(f"    {each},\n" for each in _with_marks(plain)) + f"){end}"
    return f"```python\n{line}\n```"


def _readable(parameter: inspect.Parameter) -> inspect.Parameter:
    """The parameter with its annotation and default as they are written."""
    if parameter.annotation is not parameter.empty:
        parameter = parameter.replace(annotation=_Plain(_annotation(parameter.annotation)))
    if parameter.default is not parameter.empty:
        parameter = parameter.replace(default=_Plain(_short(parameter.default)))
    return parameter


def _with_marks(parameters: list[inspect.Parameter]) -> Iterator[str]:
    """The parameters as text, with the star before those that are only taken by name."""
    starred = any(each.kind is each.VAR_POSITIONAL for each in parameters)
    for each in parameters:
        if each.kind is each.KEYWORD_ONLY and not starred:
            starred = True
            yield "*"
        yield str(each)


def _prose(docstring: str) -> str:
    """A Google docstring as Markdown: its sections become lists under a bold word."""
    lines: list[str] = []
    section = ""
    for line in docstring.splitlines():
        heading = SECTION.fullmatch(line)
        if heading:
            section = heading[1]
            lines += ["", f"**{section}**" + (f": {heading[2]}" if heading[2] else ""), ""]
        elif section in ("Args", "Attributes", "Raises") and line.startswith("    ") and line.strip():
            entry = re.fullmatch(r"    ([\w*., ]+?)(?: \([^)]*\))?: (.*)", line)
            lines.append(f"- `{entry[1]}`: {_safe(entry[2])}" if entry else f"    {_safe(line.strip())}")
        elif section and line.startswith("    "):
            lines.append(_safe(line[4:]) if section not in ("Example", "Examples") else line)
        else:
            section = section if not line.strip() else ""
            lines.append(line if line.startswith("    ") else _safe(line))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _safe(text: str) -> str:
    """Angle brackets outside code are text, not tags."""
    return "".join(
        part if part.startswith("`") else part.replace("<", "&lt;") for part in re.split(r"(`+[^`]*`+)", text)
    )


def _summary(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").split("\n\n")[0].replace("\n", " ")


def _cell(text: str) -> str:
    return _safe(text).replace("|", "\\|")


def _code_cell(text: str) -> str:
    return f"<code>{html.escape(text).replace('|', '&#124;')}</code>" if text else ""


def _short(value: Any) -> str:
    """A value as one line of code; of what is long, its beginning."""
    text = value.__name__ if inspect.isclass(value) or inspect.isfunction(value) else repr(value)
    text = " ".join(text.split()).replace("`", "'").replace("|", "/")
    return text if len(text) <= 80 and " at 0x" not in text else f"{text[:60].split(' at 0x')[0]}…"


def _note(name: str, room: str) -> str:
    """The string below the line that gives a constant or a type its name."""
    for path in sorted((SOURCE / room.replace(".", "/")).rglob("*.py")):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        for node, after in itertools.pairwise(body):
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            named = any(isinstance(target, ast.Name) and target.id == name for target in targets)
            if named and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                return inspect.cleandoc(str(after.value.value))
    return ""


def _link(name: str, thing: Any) -> str:
    room = getattr(thing, "__module__", "").split(".")[1:2]
    here = room and room[0] in ROOMS and name in _module(room[0]).__all__
    return f"[`{name}`]({room[0]}.md#{name})" if here else f"`{name}`"


def _module(room: str) -> Any:
    return importlib.import_module(f"regimen.{room}")


if __name__ == "__main__":
    print(f"{len(write_pages(ROOT / 'docs' / 'api'))} pages of the API in docs/api", file=sys.stderr)
