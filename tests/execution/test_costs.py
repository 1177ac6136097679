"""`Costs.times`: every rate multiplied, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from tests.markets import bars_of

from regimen.errors import ConfigError
from regimen.execution import VENUES, Costs, Market
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


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_round_trip_is_what_the_account_pays_at_one_price(side: float) -> None:
    bars = bars_of(np.full(12, 100.0))
    costs = Costs(commission_bps=7.0, half_spread_bps=2.0, stamp_duty_bps=5.0)
    targets = np.array([0.0, 0.0, 0.5 * side, 0.5 * side, 0.5 * side] + [0.0] * 7)
    ledger = Market(costs=costs).backtest(bars, targets)
    traded = 0.5 * ledger.start_equity
    paid = (ledger.start_equity - ledger.equity[-1]) / traded
    assert costs.round_trip == pytest.approx(0.0023)
    assert paid == pytest.approx(costs.round_trip, rel=1e-9)
    assert costs.times(3.0).round_trip == pytest.approx(3 * costs.round_trip)
    assert Costs(commission_fixed=1.0, borrow_annual=0.1).round_trip == Costs().round_trip
    assert Costs.none().round_trip == 0.0


def test_a_rate_beyond_its_bound_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"^costs\.commission_bps: must be less than 10000"):
        Costs(commission_bps=60.0).times(200.0)
