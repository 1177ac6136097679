"""Runs the tutorials, ``docs/tutorials/*.md``, and compares or refreshes the output that they show.

    python scripts/tutorials.py            # say where a page and what it prints differ
    python scripts/tutorials.py --refresh  # write what is printed into the pages

A ```python block is run; a ```text block right below it is what it prints. A ```console block holds commands behind
``$`` and what they print. A block below "Save this as `name.py`:" is written to that file instead. All blocks of a page
share one folder and one namespace. A line ``…`` stands for any lines.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs" / "tutorials").glob("*.md"))
BLOCK = re.compile(
    r"^```(?P<kind>python|yaml|console)\n(?P<body>.*?)^```\n(?:\n```text\n(?P<output>.*?)^```\n)?", re.M | re.S
)
SAVED = re.compile(r"[Ss]ave\s+this\s+as `([\w.-]+)`:\s*\Z")
COMMAND = re.compile(r"^\$ ((?:.*\\\n)*.+)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
RUN = r"\b[a-hj-km-np-tv-z][a-hj-km-np-tv-z2-9]{7}\b"  # an id: eight letters and digits, without i, l, o and u
ANY = "…"
WIDTH = "120"  # columns of the terminal that the pages show: tables are as wide as in a pipe


@dataclass(frozen=True)
class Shown:
    """What a page shows and what was printed in its place.

    Attributes:
        start, end: the place in the page.
        expected: what stands there.
        printed: what was printed.
    """

    start: int
    end: int
    expected: str
    printed: str

    def agrees(self) -> bool:
        """Whether the lines shown are printed in this order, numbers and ids of runs aside."""
        printed = iter(_loosely(self.printed))
        return all(line in printed for line in _loosely(self.expected) if line != ANY)


def run_page(page: Path, folder: Path) -> list[Shown]:
    """Runs a page from top to bottom in a folder; returns each output that it shows.

    Raises:
        Exception: whatever a block raises, or a command that ends with another code than 0 where no output is shown.
    """
    text = page.read_text(encoding="utf-8")
    names: dict[str, Any] = {"__name__": "__main__"}
    shown: list[Shown] = []
    with contextlib.chdir(folder), _terminal():
        for block in BLOCK.finditer(text):
            saved = SAVED.search(text[: block.start()])
            if saved:
                Path(saved[1]).write_text(block["body"], encoding="utf-8")
            elif block["kind"] == "python":
                printed = _run_python(block["body"], f"{page.stem}.py", names)
                if block["output"] is not None:
                    shown.append(Shown(*block.span("output"), block["output"], printed))
            elif block["kind"] == "console":
                for command in COMMAND.finditer(block["body"]):
                    offset = block.start("body")
                    place = (offset + command.start(2), offset + command.end(2))
                    shown.append(Shown(*place, command[2], _run_command(command[1].replace("\\\n", " "))))
    return shown


def refreshed(text: str, shown: list[Shown]) -> str:
    """The page with what was printed; an output that has a line ``…`` is left to its author."""
    for each in reversed(shown):
        if not each.agrees() or ANY not in each.expected.splitlines():
            text = text[: each.start] + each.printed + text[each.end :]
    return text


def _run_python(code: str, name: str, names: dict[str, Any]) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(compile(code, name, "exec"), names)
    return _ended(out.getvalue())


def _run_command(command: str) -> str:
    """What a command prints; of `regimen`, run in this process, no progress but its error line."""
    if not command.startswith("regimen "):
        done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
        return _ended(done.stdout)
    import shlex

    from regimen.cli.app import main

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            words = shlex.split(command, comments=True)[1:]
            main([name for word in words for name in _files(word)])
        except SystemExit as stop:
            if stop.code == 2:
                out.write(err.getvalue().splitlines()[-1])
    return _ended(out.getvalue())


def _files(word: str) -> list[str]:
    """The files that a pattern means, the oldest first: a shell sorts by name, but the ids of runs are drawn.

    Any other word is itself.
    """
    if "*" not in word:
        return [word]
    return [str(path) for path in sorted(Path().glob(word), key=lambda path: path.stat().st_mtime_ns)]


def _ended(text: str) -> str:
    """Lines without blanks at their ends or empty lines around them."""
    lines = [line.rstrip() for line in text.strip("\n").splitlines()]
    return "\n".join(lines) + "\n" if lines else ""


def _loosely(text: str) -> list[str]:
    """Lines with one sign for each number and run, and one blank for several."""
    text = re.sub(rf"{RUN}|[+−-]?\d[\d,.]*(?:e[+-]?\d+)?|[─-╿]+", "#", text)
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


@contextlib.contextmanager
def _terminal() -> Iterator[None]:
    """A terminal of one width, and modules of the page's folder, which are forgotten behind it."""
    before, modules = os.environ.get("COLUMNS"), set(sys.modules)
    folder = str(Path.cwd())
    sys.path.insert(0, folder)
    os.environ["COLUMNS"] = WIDTH
    try:
        yield
    finally:
        sys.path.remove(folder)
        os.environ.pop("COLUMNS")
        if before is not None:
            os.environ["COLUMNS"] = before
        for name in set(sys.modules) - modules:
            if (getattr(sys.modules[name], "__file__", None) or "").startswith(folder):
                del sys.modules[name]


def run_pages() -> int:
    """Runs the pages that are named, or all; returns the exit code."""
    parser = argparse.ArgumentParser(description="run the tutorials")
    parser.add_argument("pages", nargs="*", type=Path, default=PAGES)
    parser.add_argument("--refresh", action="store_true", help="write what is printed into the pages")
    arguments = parser.parse_args()
    wrong = 0
    for page in arguments.pages:
        page = page.resolve()
        with tempfile.TemporaryDirectory() as folder:
            shown = run_page(page, Path(folder))
        if arguments.refresh:
            page.write_text(refreshed(page.read_text(encoding="utf-8"), shown), encoding="utf-8")
        for each in shown:
            if not each.agrees():
                wrong += 1
                print(f"{page.name} shows\n{each.expected}\nand prints\n{each.printed}")
    return int(bool(wrong) and not arguments.refresh)


if __name__ == "__main__":
    sys.exit(run_pages())
