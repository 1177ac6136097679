"""`Costs.times`: every rate multiplied, and nothing else."""

from __future__ import annotations

import pytest

from regimen.errors import ConfigError
from regimen.execution import VENUES, Costs
from regimen.execution.costs import RATES


@pytest.mark.parametrize("venue", VENUES)
def test_every_rate_of_a_venue_is_multiplied(venue: str) -> None:
    costs = Costs(venue=venue, impact_coefficient=0.3, impact_span=7, stamp_duty_bps=2.0, commission_fixed=0.1)
    dearer = costs.times(2.5)
    assert {rate: getattr(dearer, rate) for rate in RATES} == {rate: 2.5 * getattr(costs, rate) for rate in RATES}
    assert (dearer.impact_span, dearer.funding, dearer.venue) == (7, True, None)
    assert dearer.dearer_than(costs)
    assert costs.dearer_than(costs.times(0.5))


def test_once_is_the_same_and_none_at_all_is_marked_as_free() -> None:
    costs = Costs.of_calendar("24/7")
    assert costs.times(1.0) is costs
    assert costs.times(2.0).chosen_by == "config"  # or the calendar would put them back
    assert costs.times(0.0) == Costs(zero_costs=True, funding=True)
    assert Costs(venue="kraken", funding=False).times(0.0) == Costs.none()


def test_a_rate_beyond_its_bound_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"^costs\.commission_bps: must be less than 10000"):
        Costs(commission_bps=60.0).times(200.0)
