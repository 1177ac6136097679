"""Orders become money: costs, the account step, the backtest and its ledger."""

from regimen.execution.account import COST_KINDS, FILL_COSTS, HOLDING_COSTS, Fills, Rules, open_account
from regimen.execution.backtest import Recorder
from regimen.execution.costs import Costs
from regimen.execution.feed import Feed
from regimen.execution.ledger import Ledger
from regimen.execution.live_account import LiveAccount
from regimen.execution.market import Market, MarketConfig
from regimen.execution.moment import History, Moment
from regimen.execution.policy import Policy, Spanning, decide, share, targets
from regimen.execution.step import advance
from regimen.execution.tape import Tape, variance_step
from regimen.execution.venues import VENUES, Venue

__all__ = [
    "COST_KINDS",
    "FILL_COSTS",
    "HOLDING_COSTS",
    "VENUES",
    "Costs",
    "Feed",
    "Fills",
    "History",
    "Ledger",
    "LiveAccount",
    "Market",
    "MarketConfig",
    "Moment",
    "Policy",
    "Recorder",
    "Rules",
    "Spanning",
    "Tape",
    "Venue",
    "advance",
    "decide",
    "open_account",
    "share",
    "targets",
    "variance_step",
]
