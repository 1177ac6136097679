"""The report's regimes: every partition a table, whose profits add up; nothing for a judgement that lacks them."""

from __future__ import annotations

import numpy as np
from tests.markets import two_volatilities
from tests.reporting.test_report import Page, minimal

from regimen.execution import Costs, Market
from regimen.judging import Trials, judge, market_states
from regimen.reporting.report import render
from regimen.reporting.report.regimes import regime_section


def test_a_judgement_that_lacks_them_shows_none() -> None:
    assert regime_section(minimal()) is None
    assert "Regimes" not in Page(render(minimal())).headings


def test_every_partition_is_a_table() -> None:
    bars = two_volatilities()
    targets = np.where(np.arange(2000) % 7 < 4, 1.0, -1.0)[:, None]
    ledger = Market(costs=Costs(commission_bps=5.0)).backtest(bars, targets, 800, 2000)
    states = market_states(ledger.bars, bars)
    judgement = judge(ledger, Trials(2), draws=5, bootstrap_draws=20, states=states)
    section = regime_section(minimal(judgement=judgement))
    assert section is not None
    assert [table["title"] for table in section["tables"]] == ["Hidden Markov states", "Volatility before the bar"]
    assert f"{100 * (ledger.equity[-1] / ledger.start_equity - 1):.1f}".replace("-", "−") in section["lead"]
    rows = section["tables"][0]["rows"]
    assert [row[0] for row in rows] == ["calm", "turbulent"]
    assert sum(int(row[1].replace(",", "")) for row in rows) == 1200
    page = Page(render(minimal(judgement=judgement)))
    assert "Regimes" in page.headings
    for table in section["tables"]:
        assert all(cell in page.text for row in table["rows"] for cell in row[:3])
