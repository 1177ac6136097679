"""Costs by venue, and those that nobody chose."""

from __future__ import annotations

import numpy as np
import pytest

from regimen.bars import Bars
from regimen.errors import ConfigError
from regimen.execution import VENUES, Costs, Market, MarketConfig
from regimen.execution.costs import RATES
from regimen.execution.venues import DEFAULT, NAMES


def bars_of(days: object) -> Bars:
    close = 100.0 + np.arange(len(days), dtype=float)  # type: ignore[arg-type]
    return Bars.from_arrays(days, open=close, high=close, low=close, close=close, checked=False)


COIN = bars_of(np.datetime64("2024-01-01") + np.arange(60))
STOCK = bars_of(np.busday_offset("2024-01-01", np.arange(60)))


@pytest.mark.parametrize("name", NAMES)
def test_every_venue_has_rates_a_source_and_a_month(name: str) -> None:
    venue, costs = VENUES[name], Costs(venue=name)  # type: ignore[index, arg-type]
    assert {key: getattr(costs, key) for key in RATES} == {**dict.fromkeys(RATES, 0.0), **venue.rates}
    assert costs.commission_bps + costs.half_spread_bps > 0
    assert len(venue.source) > 20
    assert np.datetime64(venue.date, "M") <= np.datetime64("now")
    assert MarketConfig(costs=name).costs == costs
    assert name in costs.sentence


def test_single_rates_stand_beside_a_venue() -> None:
    costs = Costs(venue="coinbase", commission_bps=25.0)
    assert (costs.commission_bps, costs.half_spread_bps) == (25.0, 1.0)
    assert Costs(**costs.model_dump()) == costs


def test_an_unknown_venue_is_one_line() -> None:
    with pytest.raises(ConfigError, match=r"market\.costs") as caught:
        MarketConfig(costs="binanse")
    assert "\n" not in str(caught.value)
    assert "binance-spot" in str(caught.value)


@pytest.mark.parametrize(("bars", "name"), [(COIN, "binance-spot"), (STOCK, "us-equity")])
def test_where_nobody_chose_the_calendar_does(bars: Bars, name: str) -> None:
    books = Market().backtest(bars, np.where(np.arange(60) < 30, 1.0, 0.0))
    assert books.market.costs.venue == name == DEFAULT[bars.calendar.name]
    bps = VENUES[name].rates["commission_bps"]  # type: ignore[index]
    assert books.costs["commission"].sum() == pytest.approx(1e-4 * bps * sum(books.fills["notional"].to_pylist()))
    assert "nobody chose" in books.market.costs.sentence
    # Read back from a config it is the same, and still follows other bars.
    again = MarketConfig(**books.market.model_dump(mode="json"))
    assert again == books.market
    assert again.at(COIN).costs.venue == "binance-spot"


def test_an_edited_rate_is_a_choice() -> None:
    unchosen = MarketConfig().at(COIN).model_dump(mode="json")
    unchosen["costs"]["commission_bps"] = 1.0
    edited = MarketConfig(**unchosen)
    assert edited.costs.chosen_by == "config"
    assert edited.at(STOCK).costs.commission_bps == 1.0


def test_what_is_chosen_is_charged_on_any_calendar() -> None:
    market = MarketConfig(costs=Costs(commission_bps=3.0))
    assert market.at(STOCK) == market.at(COIN) == market
    assert "chosen in the config" in market.costs.sentence


def test_a_venue_is_named_with_the_rates_that_are_not_its_own() -> None:
    assert Costs(venue="coinbase").sentence.endswith("(coinbase: chosen in the config)")
    changed = Costs(venue="coinbase", commission_bps=25.0, half_spread_bps=0.5).sentence
    assert changed.startswith("25 bp commission, 0.5 bp half-spread")
    assert changed.endswith("(coinbase, but for commission_bps, half_spread_bps: chosen in the config)")
