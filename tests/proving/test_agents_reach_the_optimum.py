"""Every agent on every market of `regimen prove` with two seeds: each meets what is demanded of the worst of ten.

What is demanded of the interquartile mean of ten seeds cannot be asked of two; it is where there is nothing else.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from regimen.proving import EXPERIMENTS, Experiment, prove
from regimen.proving.table import missed


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=str)
def test_an_agent_meets_its_demands(experiment: Experiment) -> None:
    of_each = tuple(demand for demand in experiment.arena.demands if demand.statistic == "worst")
    arena = experiment.arena.demanding(*(of_each or experiment.arena.demands))
    assert missed(prove([replace(experiment, arena=arena)], seeds=2)) == []
