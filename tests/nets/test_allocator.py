"""What is freed is kept: a step of a large network takes no new pages from the system, and it can be handed back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from regimen.errors import ConfigError
from regimen.nets import footprint

STEPS = """
import resource
import torch
from regimen.nets import TemporalFusion, keep_freed_memory

net = TemporalFusion(64, 4, width=16).eval()
past, future = torch.randn(256, 32, 64), torch.randn(256, 3, 4)

def pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    with torch.no_grad():
        loss = net(past, future).quantiles.square().mean()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before, float(loss)

plain = [pages() for _ in range(4)][-1]
kept = [pages() for _ in range(4)][-1] if keep_freed_memory() else plain
print(*plain, *kept)
"""
HELD = """
import os
import torch
from regimen.nets import hand_back_memory, keep_freed_memory

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

keep_freed_memory()
large = [torch.ones(2**22) for _ in range(20)]
last = torch.ones(1000)
full = resident()
del large
kept = resident()
hand_back_memory()
print(full - kept, full - resident())
"""

glibc = pytest.mark.skipif(
    sys.platform != "linux" or not Path("/proc/self/statm").exists(), reason="an allocator that cannot be told"
)


def answers(script: str) -> list[str]:
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()


@glibc
def test_a_step_takes_a_tenth_of_the_pages_and_gives_the_same() -> None:
    before, first, after, again = answers(STEPS)
    assert int(after) < 0.1 * int(before)
    assert first == again


@glibc
def test_what_is_kept_can_be_handed_back() -> None:
    """320 MiB, freed and kept, then handed back although a later block still stands above them."""
    freed, handed = map(float, answers(HELD))
    assert freed < 20.0
    assert handed > 300.0


def test_memory_of_an_earlier_training_is_handed_back_before_a_training_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    free, handed = [10, 30], []

    def hand_back() -> bool:
        handed.append(True)
        return True

    def available(*_: Any) -> int:
        return free[len(handed) > 0]

    monkeypatch.setattr(footprint, "available_bytes", available)
    monkeypatch.setattr(footprint, "hand_back_memory", hand_back)
    footprint.require_memory(10, "model")
    assert not handed
    footprint.require_memory(20, "model")
    assert handed
    with pytest.raises(ConfigError, match="model: needs about"):
        footprint.require_memory(40, "model")
