"""What the engine answers to an event, and what follows from it for the world outside."""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec

Level = Literal["info", "warning", "critical"]


class SymbolAnswer(msgspec.Struct, frozen=True):
    """What is decided of one symbol at the close of a bar; exposures are signed fractions of the equity.

    Attributes:
        symbol: its name.
        target: what the account aims at from now on; None keeps what was aimed at before.
        wanted: what the policy wanted before the safeguards; None where it keeps.
        exposure: at the close mark of the bar.
        confidence: of the policy, 0 to 1; None where nothing whole is seen.
        details: probabilities, logits or the action.
    """

    symbol: str
    target: float | None
    wanted: float | None
    exposure: float
    confidence: float | None
    details: tuple[float | None, ...]


class Answer(msgspec.Struct, frozen=True):
    """What is decided at the close of a bar, or what an operator's word changed.

    Attributes:
        seq: number of the event in its account, from 1.
        time: start of the last bar, nanoseconds since 1970.
        mode: of the safeguards: active, reducing or halted.
        equity, cash: of the account at the close mark, quote currency.
        symbols: what is decided of each.
        reasons: limits that acted now.
        warnings: limits that are near.
        alarms: what rings: drift, or verdict at the bar at which the account contradicts its backtest.
    """

    seq: int
    time: int
    mode: str
    equity: float
    cash: float
    symbols: tuple[SymbolAnswer, ...]
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    alarms: tuple[str, ...]


class TargetOrder(NamedTuple):
    """An exposure to aim at from the next open on.

    Attributes:
        symbol: its name.
        target: signed fraction of the equity.
        exposure: at the close mark of the bar.
    """

    symbol: str
    target: float
    exposure: float


class Notice(NamedTuple):
    """Something that a person should hear of.

    Attributes:
        level: how soon.
        name: what kind, as the alerts are grouped.
        text: one sentence.
    """

    level: Level
    name: str
    text: str


class Effects(NamedTuple):
    """What whoever runs the engine does once the answer is durable.

    Attributes:
        orders: targets that are new.
        notices: for people.
    """

    orders: tuple[TargetOrder, ...] = ()
    notices: tuple[Notice, ...] = ()


encoded = msgspec.json.Encoder(order="deterministic").encode
"""Returns the bytes of an answer; NaN is ``null``."""
decoded = msgspec.json.Decoder(Answer).decode
"""Returns the answer of bytes."""
