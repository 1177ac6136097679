"""What the server says and hears besides bars and answers, as JSON."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Name = Annotated[str, msgspec.Meta(max_length=100)]
Reason = Annotated[str, msgspec.Meta(max_length=500)]


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with a request, or with the server.

    Attributes:
        error: one line: the field, the rule, the value.
    """

    error: str


class OperatorRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who halts, reduces or resumes trading, and why.

    Attributes:
        by: who; the key's name where it is empty.
        reason: why.
    """

    by: Name = ""
    reason: Reason = ""


class Health(msgspec.Struct, frozen=True):
    """That the process answers.

    Attributes:
        status: alive.
        version: of Regimen.
    """

    status: Literal["alive"]
    version: str


class Readiness(msgspec.Struct, frozen=True):
    """Whether bars are taken now.

    Attributes:
        ready: recovered, golden observations answered as in training, and the journal can be written.
        reason: why not; empty where it is ready.
    """

    ready: bool
    reason: str


class StoredEvent(msgspec.Struct, frozen=True):
    """A row of the journal.

    Attributes:
        seq: number of the row, from 1; the first opens the account, so event n of an answer is row n + 1.
        kind: open, bar, watch (a bar that only warms up) or operator.
        bar: start of the bar, or moment of an operator's word; nanoseconds since 1970.
        at: when it arrived, nanoseconds since 1970.
        epoch: number of the process that wrote it.
        digest: SHA-256 over the digest before it and this row, hexadecimal.
        request: what came in.
        answer: what was answered; null for the row that opens the account.
    """

    seq: int
    kind: str
    bar: int
    at: int
    epoch: int
    digest: str
    request: msgspec.Raw
    answer: msgspec.Raw


class StoredEvents(msgspec.Struct, frozen=True):
    """A page of the journal.

    Attributes:
        decisions: in order.
        after: what to ask for the next page with.
        last: number of the journal's last row.
    """

    decisions: tuple[StoredEvent, ...]
    after: int
    last: int


class SymbolState(msgspec.Struct, frozen=True):
    """What an account holds of a symbol.

    Attributes:
        symbol: its name.
        exposure: at the last close, signed fraction of the equity.
        target: what the account aims at; null before the first decision.
        close: last price; null before the first bar.
    """

    symbol: str
    exposure: float
    target: float | None
    close: float | None


class DriftedColumn(msgspec.Struct, frozen=True):
    """How far a column lies from the training slice.

    Attributes:
        name: of the column.
        psi: population stability index of the latest window against the slice.
        usual: what a window of the slice has as a rule.
    """

    name: str
    psi: float
    usual: float


class DriftCheck(msgspec.Struct, frozen=True):
    """What the latest check of drift showed.

    Attributes:
        statistic: how many times its usual the column has that is furthest from it.
        threshold: beyond which it rings.
        rings: whether it does.
        columns: furthest from their usual, those first.
    """

    statistic: float
    threshold: float
    rings: bool
    columns: tuple[DriftedColumn, ...]


class AccountState(msgspec.Struct, frozen=True):
    """An account after its last durable event.

    Attributes:
        account: its name.
        policy: what decides.
        bundle: SHA-256 of the bundle's manifest.
        events: so far.
        time: start of the last bar, nanoseconds since 1970; null before the first.
        mode: active, reducing or halted; an operator's word counts at once.
        equity, cash: at the last close mark, quote currency.
        symbols: what is held of each.
        drift: what the latest check of drift showed; null where it is not watched, or no window is complete.
        last: number of the journal's last row.
        writable: whether the journal can be written.
    """

    account: str
    policy: str
    bundle: str
    events: int
    time: int | None
    mode: str
    equity: float
    cash: float
    symbols: tuple[SymbolState, ...]
    drift: DriftCheck | None
    last: int
    writable: bool
