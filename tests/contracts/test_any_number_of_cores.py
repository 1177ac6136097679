"""The same seed gives the same bytes on any number of cores: every family at its default size, built, fitted, asked."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from regimen.policies import RuleSettings
from regimen.records.models import model_configs

QUICK = ("baseline", "ppo")
FITTED = [name for name, model in model_configs().items() if not issubclass(model, RuleSettings)]
NEEDS = {"sb3": "stable_baselines3"}
pytestmark = pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core: torch begins with one thread always")


def digests(names: tuple[str, ...], threads: int) -> dict[str, Any]:
    """What `trained_bytes` prints in a process whose libraries were told to use so many threads."""
    known = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(Path(__file__).with_name("trained_bytes.py")), *names],
        env=known | {f"{library}_NUM_THREADS": str(threads) for library in ("OMP", "MKL", "OPENBLAS")},
        capture_output=True,
        text=True,
        check=True,
        timeout=280,
    )
    found = json.loads(done.stdout)
    assert found["threads"] == threads  # the process did begin with so many
    return dict(found["digests"])


def test_the_quick_families_give_the_same_bytes() -> None:
    one, two = digests(QUICK, 1), digests(QUICK, 2)
    assert tuple(one) == QUICK
    assert one == two
    assert all(built != fitted for built, fitted, _ in one.values())


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FITTED if name not in QUICK])
def test_the_other_families_give_the_same_bytes(name: str) -> None:
    if name in NEEDS and importlib.util.find_spec(NEEDS[name]) is None:
        pytest.skip(f"{NEEDS[name]} is not installed")
    one, two = digests((name,), 1), digests((name,), 2)
    assert one == two
    assert all(built != fitted for built, fitted, _ in one.values())
