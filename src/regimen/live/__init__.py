"""The live account: one pure step from an event to a decision, what it remembers, and how it is recovered."""

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.live.answer import Answer, Effects, Level, Notice, SymbolAnswer, TargetOrder, decoded, encoded
    from regimen.live.desk import Desk, OldBar, OtherBar, Taken, event_of
    from regimen.live.engine import Engine, Stepped
    from regimen.live.events import BarEvent, Event, OperatorEvent
    from regimen.live.following import is_even, require_next
    from regimen.live.paper import PaperBook, PaperRecord, Posted, paced, replayed, require_same, trade
    from regimen.live.parts import part_of, symbol_bar, whole_bar
    from regimen.live.refold import Refolded, refolded
    from regimen.live.setup import Setup
    from regimen.live.slippage import slippage_of
    from regimen.live.state import NEVER, LiveState, utc
    from regimen.live.wire import BarMessage, OperatorMessage, SymbolBar, bar_event, bar_messages, operator_event

__all__ = [
    "NEVER",
    "Answer",
    "BarEvent",
    "BarMessage",
    "Desk",
    "Effects",
    "Engine",
    "Event",
    "Level",
    "LiveState",
    "Notice",
    "OldBar",
    "OperatorEvent",
    "OperatorMessage",
    "OtherBar",
    "PaperBook",
    "PaperRecord",
    "Posted",
    "Refolded",
    "Setup",
    "Stepped",
    "SymbolAnswer",
    "SymbolBar",
    "Taken",
    "TargetOrder",
    "bar_event",
    "bar_messages",
    "decoded",
    "encoded",
    "event_of",
    "is_even",
    "operator_event",
    "paced",
    "part_of",
    "refolded",
    "replayed",
    "require_next",
    "require_same",
    "slippage_of",
    "symbol_bar",
    "trade",
    "utc",
    "whole_bar",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "Answer": ".answer",
        "BarEvent": ".events",
        "bar_event": ".wire",
        "bar_messages": ".wire",
        "BarMessage": ".wire",
        "decoded": ".answer",
        "Desk": ".desk",
        "Effects": ".answer",
        "Engine": ".engine",
        "Event": ".events",
        "Level": ".answer",
        "LiveState": ".state",
        "NEVER": ".state",
        "Notice": ".answer",
        "encoded": ".answer",
        "event_of": ".desk",
        "is_even": ".following",
        "OldBar": ".desk",
        "operator_event": ".wire",
        "OperatorEvent": ".events",
        "OperatorMessage": ".wire",
        "OtherBar": ".desk",
        "SymbolBar": ".wire",
        "Taken": ".desk",
        "paced": ".paper",
        "PaperBook": ".paper",
        "PaperRecord": ".paper",
        "Posted": ".paper",
        "part_of": ".parts",
        "Refolded": ".refold",
        "refolded": ".refold",
        "replayed": ".paper",
        "require_next": ".following",
        "require_same": ".paper",
        "Setup": ".setup",
        "Stepped": ".engine",
        "slippage_of": ".slippage",
        "SymbolAnswer": ".answer",
        "symbol_bar": ".parts",
        "TargetOrder": ".answer",
        "trade": ".paper",
        "utc": ".state",
        "whole_bar": ".parts",
    },
)
