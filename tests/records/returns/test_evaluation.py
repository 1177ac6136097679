"""What an evaluation puts into its line of the trial ledger is what its books say."""

from __future__ import annotations

import numpy as np
from tests.records.returns.test_daily import hourly

from regimen.judging import timing_sharpe
from regimen.metrics import annual_sharpe
from regimen.records import Trial, daily_text, evaluated, recorded_sharpe

LINE = Trial("evaluation", "run", 0, "data", "source", "config", "rule", 3, 1)


def test_a_line_has_what_the_books_say_and_keeps_what_was_tried() -> None:
    ledger = hourly()
    line = evaluated(LINE, ledger)
    assert (line.run, line.seed, line.config) == ("run", 3, "config")
    assert line.bars == len(ledger)
    assert line.sharpe == annual_sharpe(ledger.returns, ledger.bars.periods_per_year)
    assert line.timing == timing_sharpe(ledger)
    assert line.daily == daily_text(ledger) != ""


def test_an_account_that_never_moved_has_no_sharpe_ratio() -> None:
    ledger = hourly()
    idle = ledger.market.build().backtest(ledger.bars, np.zeros(ledger.bars.shape))
    assert recorded_sharpe(idle) is None
    assert evaluated(LINE, idle).sharpe is None
