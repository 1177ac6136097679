"""An agent of the user's own on the known markets."""

from __future__ import annotations

from pathlib import Path

from regimen.proving import FAST, own_experiments
from regimen.proving.arenas import KNOWN

BINS = Path(__file__).parents[1] / "agents" / "own_bins.py"


def test_it_is_tried_on_every_market() -> None:
    experiments = own_experiments(f"{BINS}:Bins")
    assert {each.arena.name for each in experiments} >= {arena.name for arena in KNOWN}
    assert {each.name for each in experiments} == {"Bins"}
    fast = own_experiments(f"{BINS}:Bins", fast=True, steps=500)
    assert [each.arena for each in fast] == [each.arena for each in FAST]
    assert {each.steps for each in fast} == {500}
