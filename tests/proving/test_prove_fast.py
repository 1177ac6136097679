"""The fast subset of `regimen prove` meets its demands, one seed of each."""

from __future__ import annotations

import pytest

from regimen.proving import FAST, Experiment, prove
from regimen.proving.table import missed


@pytest.mark.parametrize("experiment", FAST, ids=str)
def test_an_agent_meets_the_demands_of_every_day(experiment: Experiment) -> None:
    assert missed(prove([experiment], seeds=1)) == []
