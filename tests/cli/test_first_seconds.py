"""The first seconds of a command: it says what it does, and Ctrl-C ends it with one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SLOW_IMPORT = """
import sys, threading
heard, write = threading.Event(), sys.stderr.write
sys.stderr.write = lambda text: (heard.set(), write(text))[1]
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name in ("torch", "pandas", "numba", "pyarrow", "numpy"):
            heard.wait(10)
            raise SystemExit(7)
sys.meta_path.insert(0, Slow())
from regimen.cli import main
main()
"""
SWALLOWING_IMPORT = """
import os, signal, sys
class Swallowing:
    def find_spec(self, name, path=None, target=None):
        if name == "numba":
            try:
                os.kill(os.getpid(), signal.SIGINT)
            except BaseException:
                pass
sys.meta_path.insert(0, Swallowing())
from regimen.cli import main
main()
"""
INTERRUPTED_AT_THE_START = """
import os, signal, sys
class Pressed:
    def find_spec(self, name, path=None, target=None):
        if name == "typer":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Pressed())
from regimen.cli import main
main()
"""
COMMANDS = (
    "train --model logistic data.sample=sp500",
    "runs list",
    "report latest",
    "data check a.csv",
    "demo",
    "resume latest",
    "backtest latest",
    "reproduce latest",
    "runs show latest",
    "runs compare latest",
    "runs trials",
    "leaks a.yaml",
    "features a.csv",
    "data convert a.csv a.parquet",
    "data fingerprint a.csv",
    "prove",
    "costs latest",
    "signal latest",
    "new mine --data a.csv",
    "doctor",
)
FAST = 3


def ended(code: str, command: str, folder: Path) -> tuple[int, list[str]]:
    words = [sys.executable, "-c", code, *command.split()]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr.splitlines()


@pytest.mark.parametrize(
    "command",
    [*COMMANDS[:FAST], *(pytest.param(command, marks=pytest.mark.slow) for command in COMMANDS[FAST:])],
)
def test_a_command_says_what_it_does_while_it_loads(command: str, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "a.csv").write_text("timestamp,open,high,low,close,volume\n")
    (tmp_path / "a.yaml").write_text("data: {sample: sp500}\n")
    code, lines = ended(SLOW_IMPORT, command, tmp_path)
    assert (code, len(lines)) == (7, 1), lines
    assert lines[0].startswith("[0/1] ")


@pytest.mark.skipif(os.name != "posix", reason="signals of another kind")
@pytest.mark.parametrize("code", [SWALLOWING_IMPORT, INTERRUPTED_AT_THE_START])
def test_ctrl_c_while_it_loads_is_one_line(code: str, tmp_path: Path) -> None:
    ending, lines = ended(code, COMMANDS[0], tmp_path)
    assert (ending, [line for line in lines if not line.startswith("[")]) == (130, ["interrupted"])
