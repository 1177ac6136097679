"""What an account is opened with, and what keeps it from ever trading."""

from __future__ import annotations

import pytest
from tests.live.accounts import COSTS, WIDE, setup_of, walk

from regimen.errors import RunError
from regimen.execution import MarketConfig
from regimen.safeguards import SafeguardsConfig

BARS = walk(30)
WITH_BAND = MarketConfig(costs=COSTS, rebalance="every_bar", rebalance_band=0.25).at(BARS)


def test_a_limit_inside_the_band_is_said_to_let_nothing_through() -> None:
    (note,) = setup_of(BARS, SafeguardsConfig(), market=WITH_BAND).notes()
    assert note.startswith("Nothing can ever be bought: the limit position 0.1 is not above")
    assert setup_of(BARS, SafeguardsConfig(position=0.3), market=WITH_BAND).notes() == ()
    assert setup_of(BARS, SafeguardsConfig()).notes() == ()
    assert setup_of(BARS).notes() == ()


def test_an_account_is_opened_again_with_its_own_terms() -> None:
    first = setup_of(BARS, SafeguardsConfig(trades=7), digest="ab")
    terms = first.terms()
    again = setup_of(BARS, WIDE, digest="ab").as_opened(terms)
    assert again.terms() == terms
    with pytest.raises(RunError, match="must be the one that the journal was opened with"):
        setup_of(BARS, digest="cd").as_opened(terms)
    with pytest.raises(RunError, match="must begin with the row that opened its account"):
        first.as_opened(b"{}")
