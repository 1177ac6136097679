"""docs/costs-by-venue.md says what `regimen.execution.venues` holds."""

from __future__ import annotations

from pathlib import Path

from regimen.execution.costs import Costs
from regimen.execution.venues import DEFAULT, VENUES

PAGE = (Path(__file__).parents[2] / "docs" / "costs-by-venue.md").read_text(encoding="utf-8")


def share(rate: float) -> str:
    return f"{100 * rate:g} %" if rate else "–"


def test_the_table_has_the_rates_of_every_venue() -> None:
    rows = []
    for name, venue in VENUES.items():
        costs = Costs(venue=name)
        around = 2 * (costs.commission_bps + costs.half_spread_bps)
        rates = f"{costs.commission_bps:g} | {costs.half_spread_bps:g} | {around:g}"
        held = f"{share(costs.borrow_annual)} | {share(costs.financing_annual)}"
        rows.append(f"| `{name}` | {rates} | {held} | {venue.date} |")
    assert "\n".join(rows) in PAGE


def test_every_source_is_named() -> None:
    assert "\n".join(f"- `{name}`: {venue.source}." for name, venue in VENUES.items()) in PAGE


def test_what_is_charged_by_default_is_named() -> None:
    words = {
        "24/7": "around the clock, all week",
        "24/5": "Sunday evening to Friday evening",
        "sessions": "in sessions",
    }
    assert "\n".join(f"| {words[calendar]} | `{name}` |" for calendar, name in DEFAULT.items()) in PAGE
