"""Every agent meets every demand of `regimen prove` on every market: the same table with two seeds instead of ten."""

from __future__ import annotations

import pytest

from regimen.proving import EXPERIMENTS, Experiment, prove
from regimen.proving.table import missed


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=str)
def test_an_agent_meets_its_demands(experiment: Experiment) -> None:
    assert missed(prove([experiment], seeds=2)) == []
