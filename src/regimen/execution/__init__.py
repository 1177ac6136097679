"""Orders become money: costs, the account step, the backtest and its ledger."""

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.execution.account import Fills, Rules, open_account
    from regimen.execution.backtest import Recorder
    from regimen.execution.columns import COST_KINDS, FILL_COSTS, HOLDING_COSTS
    from regimen.execution.config import MarketConfig
    from regimen.execution.costs import Costs
    from regimen.execution.ledger import Ledger
    from regimen.execution.market import Market
    from regimen.execution.moment import History, Moment
    from regimen.execution.policy import Policy, Spanning, alone, decide, share, targets
    from regimen.execution.step import advance
    from regimen.execution.streaming.feed import Feed
    from regimen.execution.streaming.live_account import LiveAccount
    from regimen.execution.streaming.withdrawal import reductions
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
    "alone",
    "decide",
    "open_account",
    "reductions",
    "share",
    "targets",
    "variance_step",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "advance": ".step",
        "alone": ".policy",
        "COST_KINDS": ".columns",
        "Costs": ".costs",
        "decide": ".policy",
        "Feed": ".streaming.feed",
        "FILL_COSTS": ".columns",
        "Fills": ".account",
        "History": ".moment",
        "HOLDING_COSTS": ".columns",
        "Ledger": ".ledger",
        "LiveAccount": ".streaming.live_account",
        "Market": ".market",
        "MarketConfig": ".config",
        "Moment": ".moment",
        "open_account": ".account",
        "Policy": ".policy",
        "Recorder": ".backtest",
        "reductions": ".streaming.withdrawal",
        "Rules": ".account",
        "share": ".policy",
        "Spanning": ".policy",
        "Tape": ".tape",
        "targets": ".policy",
        "variance_step": ".tape",
        "Venue": ".venues",
        "VENUES": ".venues",
    },
)
