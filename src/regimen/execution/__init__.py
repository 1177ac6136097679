"""Orders become money: costs, the account step, the backtest and its ledger."""

from regimen.execution.account import Rules, open_account
from regimen.execution.backtest import Account, Recorder
from regimen.execution.costs import Costs
from regimen.execution.ledger import Ledger
from regimen.execution.market import Decider, Market, MarketConfig
from regimen.execution.step import advance
from regimen.execution.tape import Tape, variance_step
from regimen.execution.venues import VENUES, Venue

__all__ = [
    "VENUES",
    "Account",
    "Costs",
    "Decider",
    "Ledger",
    "Market",
    "MarketConfig",
    "Recorder",
    "Rules",
    "Tape",
    "Venue",
    "advance",
    "open_account",
    "variance_step",
]
