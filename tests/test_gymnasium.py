"""The names that Gymnasium is told, and what it costs to tell them."""

from __future__ import annotations

import subprocess
import sys

import pytest

gymnasium = pytest.importorskip("gymnasium")

from regimen.gymnasium import KNOWN_MARKETS, register  # noqa: E402
from regimen.proving.arenas import KNOWN  # noqa: E402

LIGHT = """
import sys, time
import gymnasium
before = time.process_time()
import regimen.gymnasium
seconds = time.process_time() - before
heavy = {"torch", "numba", "pandas", "regimen.envs", "regimen.proving"} & sys.modules.keys()
print(gymnasium.spec("regimen/Hysteresis-v0").id, sorted(heavy), seconds < 0.05)
"""


def test_every_known_market_has_a_name() -> None:
    assert sorted(KNOWN_MARKETS.values()) == sorted(arena.name for arena in KNOWN)
    assert {f"regimen/{name}-v0" for name in KNOWN_MARKETS} <= gymnasium.registry.keys()


def test_registering_again_says_nothing() -> None:
    register()  # Gymnasium would warn of a name that it has, and warnings are errors here


def test_names_import_nothing_heavy() -> None:
    result = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True)
    assert result.stdout.split("\n")[0] == "regimen/Hysteresis-v0 [] True"
